import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { AccessGuard, Clock, HttpSender, KeyValue, Log, Problem, ProblemFilter, ServiceClient } from '@sluice/runtime';
import { faultsOf, type Issue } from './faults.js';

/** What every service is given. */
export interface Infra {
  readonly database: Database;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly sender: HttpSender;
  readonly keyValue: KeyValue;
  readonly services: ServiceClient;
  readonly log: Log;
}

/** The seams as providers by their types, and what only a composition root may register: guard, filter, pipe. */
@Module({})
export class InfraModule {
  static with(infra: Infra): DynamicModule {
    const seams: Provider[] = [
      { provide: Database, useValue: infra.database },
      { provide: Bus, useValue: infra.bus },
      { provide: Clock, useValue: infra.clock },
      { provide: HttpSender, useValue: infra.sender },
      { provide: KeyValue, useValue: infra.keyValue },
      { provide: ServiceClient, useValue: infra.services },
      { provide: Log, useValue: infra.log },
    ];
    return {
      module: InfraModule,
      global: true,
      providers: [
        ...seams,
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useFactory: () => new StandardSchemaValidationPipe({ exceptionFactory: refusalOf }) },
      ],
      exports: seams,
    };
  }
}

function refusalOf(issues: readonly Issue[]): Problem {
  return new Problem(422, 'invalid', 'The request has faults; "errors" names each with its place.', faultsOf(issues));
}
