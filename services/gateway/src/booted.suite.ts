import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Controller, Get, Module, StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, busMigrations, BusTransport, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import type { Said } from '@sluice/events';
import {
  AccessGuard, AccessRules, Allow, Caller, Clock, KeyValue, LocalKeyValue, Log, PinoLog, Problem, ProblemFilter, SystemClock,
  type Principal,
} from '@sluice/runtime';
import { testDatabase } from '@sluice/testing';
import { AdminAuthenticator } from './admin-authenticator.service.js';
import { createTenant, ensureFirstTenant, type FirstTenant } from './first-tenant.service.js';
import { gatewayService } from './gateway.module.js';

@Controller('v1/whoami')
class WhoAmI {
  @Get()
  @Allow('source')
  answer(@Caller() caller: Principal): Principal {
    return caller;
  }
}

@Module({})
class Root {
  static with(database: Database, bus: Bus, rules: AccessRules, clock: Clock): DynamicModule {
    const seams = [
      { provide: Database, useValue: database }, { provide: Bus, useValue: bus }, { provide: Clock, useValue: clock },
      { provide: Log, useValue: new PinoLog('test', 'silent') }, { provide: AccessRules, useValue: rules },
      { provide: KeyValue, useValue: new LocalKeyValue(clock) },
    ];
    return {
      module: Root, global: true, imports: [gatewayService.module(gatewayService.config.parse({}))], controllers: [WhoAmI],
      providers: [
        ...seams, { provide: APP_GUARD, useClass: AccessGuard }, { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useFactory: () => new StandardSchemaValidationPipe({ exceptionFactory: () => new Problem(422, 'invalid', 'Faults.') }) },
      ],
      exports: seams,
    };
  }
}

export type Json = ReturnType<typeof JSON.parse>;

export interface Booted {
  readonly app: NestFastifyApplication;
  readonly database: Database;
  readonly bus: PostgresBus;
  readonly keyFile: string;
  readonly first: FirstTenant;
  readonly second: FirstTenant;
  call(key: string, method: 'GET' | 'POST' | 'DELETE', url: string, body?: unknown): Promise<{ status: number; json: Json }>;
  get(tenant: FirstTenant, url: string): Promise<Json>;
  /** Says events in one transaction each, and waits until the gateway has heard all. */
  say(...events: readonly Said[]): Promise<void>;
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
}

/** The gateway alone, on a database of its own, with two tenants. */
export async function bootGateway(clock: Clock = new SystemClock()): Promise<Booted> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-gateway-'));
  const keyFile = path.join(folder, 'data', 'admin.key');
  const server = await testDatabase({ migrations: [...busMigrations, ...gatewayService.migrations] });
  const database = await Database.open({ url: server.url, entities: gatewayService.entities, poolMax: 20 });
  const bus = await PostgresBus.open(database);
  const rules = new AccessRules('x'.repeat(32));
  const options = { logger: false, abortOnError: false } as const;
  const app = await NestFactory.create<NestFastifyApplication>(Root.with(database, bus, rules, clock), new FastifyAdapter(), options);
  rules.authenticators.push(app.get(AdminAuthenticator));
  app.connectMicroservice({ strategy: new BusTransport(bus) });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  await app.startAllMicroservices();
  const [first] = await Promise.all([ensureFirstTenant(database, { keyFile }), ensureFirstTenant(database, { keyFile })]);
  const second = await createTenant(database, { name: 'Second' });

  const caughtUp = async () => {
    for (const deadline = performance.now() + 20_000; performance.now() < deadline;) {
      if ((await bus.lag('gateway')).every(({ position, head }) => position >= head)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the gateway does not catch up: ${JSON.stringify(await bus.parked('gateway'))}`);
  };
  const call: Booted['call'] = async (key, method, url, body) => {
    const answer = await app.inject({ method, url, headers: { authorization: `Bearer ${key}` }, ...(body === undefined ? {} : { payload: body as object }) });
    return { status: answer.statusCode, json: answer.body === '' ? undefined : JSON.parse(answer.body) };
  };
  return {
    app, database, bus, keyFile, first, second, call, caughtUp,
    get: async (tenant, url) => (await call(tenant.adminKey, 'GET', url)).json,
    async say(...events) {
      for (const event of events) await database.transaction({ service: 'gateway', tenants: [event.tenantId] }, async (tx) => bus.append(tx, [event]));
      await caughtUp();
    },
    async stop() {
      await app.close();
      await bus.close();
      await database.close();
      await server.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
