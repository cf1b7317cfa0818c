/** The engine's API as a composed process serves it, for its specs; a key is the name of its tenant. */
import 'reflect-metadata';
import {
  Injectable, Module, StandardSchemaValidationPipe, type CanActivate, type DynamicModule, type ExecutionContext, type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { ALLOWED, Clock, Log, PinoLog, ProblemFilter, SystemClock, type Principal } from '@sluice/runtime';
import { engineService } from './index.js';

/** Stands for the composition root's guard: admins alone may call. */
@Injectable()
class KeyIsTenant implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; principal?: Principal }>();
    request.principal = { tenantId: request.headers['authorization']!.replace('Bearer ', ''), kind: 'admin', id: 'ann' };
    const allowed = Reflect.getMetadata(ALLOWED, context.getHandler()) ?? Reflect.getMetadata(ALLOWED, context.getClass()) ?? [];
    return (allowed as string[]).includes('admin');
  }
}

@Module({})
class Root {
  static with(database: Database, bus: Bus, clock: Clock, log: Log): DynamicModule {
    const seams: Provider[] = [
      { provide: Database, useValue: database }, { provide: Bus, useValue: bus }, { provide: Clock, useValue: clock },
      { provide: Log, useValue: log },
    ];
    return {
      module: Root,
      global: true,
      imports: [engineService.module(engineService.config.parse({}))],
      providers: [
        ...seams, { provide: APP_GUARD, useClass: KeyIsTenant }, { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useFactory: () => new StandardSchemaValidationPipe() },
      ],
      exports: seams,
    };
  }
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly body: Record<string, unknown> & { data: Record<string, unknown>[]; nextCursor: string | null };
}

export interface Api {
  readonly app: NestFastifyApplication;
  get(url: string, key?: string, accept?: string): Promise<Answer>;
  post(url: string, body: object, key?: string): Promise<Answer>;
  close(): Promise<void>;
}

/** Boots the API, consumers included, on a migrated database. The tenant is `north` unless a key says otherwise. */
export async function openApi(url: string, options: { clock?: Clock; log?: Log } = {}): Promise<Api> {
  const database = await Database.open({ url, poolMax: 12 });
  const bus = await PostgresBus.open(database, { pollMs: 200 });
  const { clock = new SystemClock(), log = new PinoLog('test', 'silent') } = options;
  const root = Root.with(database, bus, clock, log);
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { logger: false });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const call = async (method: 'GET' | 'POST', path: string, key: string, accept?: string, payload?: object): Promise<Answer> => {
    const { statusCode, body, headers } = await app.inject({
      method, url: path, headers: { authorization: `Bearer ${key}`, ...(accept ? { accept } : {}) }, ...(payload ? { payload } : {}),
    });
    const type = String(headers['content-type']);
    const isJson = type.includes('json') && !type.includes('ndjson');
    return { status: statusCode, type, text: body, body: (isJson ? JSON.parse(body) : {}) as Answer['body'] };
  };
  return {
    app,
    get: (path, key = 'north', accept) => call('GET', path, key, accept),
    post: (path, body, key = 'north') => call('POST', path, key, undefined, body),
    async close() {
      await app.close();
      await bus.close();
      await database.close();
    },
  };
}
