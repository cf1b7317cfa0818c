import 'reflect-metadata';
import { Module, StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, BusTransport, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import {
  AccessGuard, AccessRules, Authenticator, Clock, HttpServiceClient, Log, PinoLog, Problem, ProblemFilter, ServiceClient, SystemClock,
  type Principal,
} from '@sluice/runtime';
import { workflowService } from './workflow.module.js';

/** Keys of the tests: `admin <tenant>` and `service <tenant>`. */
class TestKeys extends Authenticator {
  override async authenticate(key: string): Promise<Principal | undefined> {
    const [kind, tenantId] = key.split('-');
    return kind === 'admin' || kind === 'service' ? { kind, tenantId: tenantId!, id: `key of ${tenantId}` } : undefined;
  }
}

@Module({})
class Root {
  static with(database: Database, bus: Bus, services: ServiceClient): DynamicModule {
    const clock = new SystemClock();
    const rules = new AccessRules('x'.repeat(32));
    rules.authenticators.push(new TestKeys());
    const seams = [
      { provide: Database, useValue: database }, { provide: Bus, useValue: bus }, { provide: Clock, useValue: clock },
      { provide: Log, useValue: new PinoLog('test', 'silent') }, { provide: AccessRules, useValue: rules },
      { provide: ServiceClient, useValue: services },
    ];
    return {
      module: Root, global: true, imports: [workflowService.module(workflowService.config.parse({ SLUICE_CONFIGURATION_WAIT_MS: 5_000 }))],
      providers: [
        ...seams, { provide: APP_GUARD, useClass: AccessGuard }, { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useFactory: () => new StandardSchemaValidationPipe({ exceptionFactory: () => new Problem(422, 'invalid', 'The request has faults.') }) },
      ],
      exports: seams,
    };
  }
}

export interface Booted {
  readonly app: NestFastifyApplication;
  readonly database: Database;
  readonly bus: PostgresBus;
  stop(): Promise<void>;
}

/** Workflow alone on a migrated database. `others`: where the services that it asks are; without it none answers. */
export async function bootWorkflow(url: string, others = 'http://127.0.0.1:9'): Promise<Booted> {
  const database = await Database.open({ url, entities: workflowService.entities, poolMax: 20 });
  const bus = await PostgresBus.open(database);
  const services = new HttpServiceClient(() => others, 'x'.repeat(32), new SystemClock());
  const options = { logger: false, abortOnError: false } as const;
  const app = await NestFactory.create<NestFastifyApplication>(Root.with(database, bus, services), new FastifyAdapter(), options);
  app.connectMicroservice({ strategy: new BusTransport(bus) });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  await app.startAllMicroservices();
  return {
    app, database, bus,
    async stop() {
      await app.close();
      await services.close();
      await bus.close();
      await database.close();
    },
  };
}
