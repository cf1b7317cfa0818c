import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  Injectable, Module, StandardSchemaValidationPipe, type CanActivate, type DynamicModule, type ExecutionContext, type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { ALLOWED, Clock, Log, PinoLog, ProblemFilter, SystemClock, type Principal } from '@sluice/runtime';
import { aConfiguration, aDocument, aLead } from './builders.suite.js';
import { engineService } from './index.js';
import { openRig, type Rig } from './rig.suite.js';

/** Stands for the composition root's guard: a key is the name of its tenant, and admins alone may call. */
@Injectable()
class KeyIsTenant implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; principal?: Principal }>();
    request.principal = { tenantId: request.headers['authorization']!.replace('Bearer ', ''), kind: 'admin', id: 'ann' };
    return (Reflect.getMetadata(ALLOWED, context.getHandler()) as string[]).includes('admin');
  }
}

@Module({})
class Root {
  static with(database: Database, bus: Bus): DynamicModule {
    const seams: Provider[] = [
      { provide: Database, useValue: database }, { provide: Bus, useValue: bus }, { provide: Clock, useValue: new SystemClock() },
      { provide: Log, useValue: new PinoLog('test', 'silent') },
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

let rig: Rig;
let database: Database;
let bus: PostgresBus;
let app: NestFastifyApplication;
beforeAll(async () => {
  rig = await openRig();
  database = await Database.open({ url: rig.url, poolMax: 12 });
  bus = await PostgresBus.open(database, { pollMs: 200 });
  app = await NestFactory.create<NestFastifyApplication>(Root.with(database, bus), new FastifyAdapter(), { logger: false });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const document = aDocument({
    contracts: [
      { id: 'acme-ny', client: 'acme', price: '25.00', maxShareCount: 1, caps: { day: 2, month: { amount: '100.00' }, rolling60m: 5 },
        deliveryMethod: 'hook',
        criteria: { field: 'state', op: 'in', value: ['NY', 'NJ'] } },
      { id: 'acme-ca', client: 'acme', price: '90.00', deliveryMethod: 'hook', criteria: { field: 'state', op: 'equals', value: 'CA' } },
      { id: 'bolt-all', client: 'bolt', price: '10.00', maxShareCount: 1, deliveryMethod: 'hook' },
    ],
  });
  await rig.say(['north', 'south'].flatMap((tenantId) => aConfiguration(tenantId, 1, document)));
  await rig.say(['L1', 'L2', 'L3'].map((leadId) => aLead('north', leadId)));
  await rig.say([aLead('south', 'L1')]);
  await rig.settled('engine');
  // A later version explains nothing of what was decided before it.
  await rig.say(aConfiguration('north', 2, [{ kind: 'contract', id: 'acme-ca', entry: 4, body: null }]));
  await rig.settled('engine');
});
afterAll(async () => {
  await app?.close();
  await bus?.close();
  await database?.close();
  await rig?.close();
});

interface Answer { status: number; body: Record<string, unknown> & { data: Record<string, unknown>[] } }

async function get(url: string, key = 'north'): Promise<Answer> {
  const { statusCode, body } = await app.inject({ url, headers: { authorization: `Bearer ${key}` } });
  return { status: statusCode, body: JSON.parse(body) as Answer['body'] };
}

it('lists the attempts of a lead, with their picks', async () => {
  const { body } = await get('/v1/leads/L1/attempts');
  expect(body.data).toMatchObject([{
    leadId: 'L1', trigger: 'arrival', round: 1, outcome: 'distributed', reason: null, configurationVersion: 1,
    picks: [{ contractId: 'acme-ny', priceMinor: '2500' }],
  }]);
});

it('answers a receipt with a verdict for every contract in scope, on the terms of that time', async () => {
  const { body: { data: [third] } } = await get('/v1/leads/L3/attempts');
  const { body } = await get(`/v1/attempts/${third!['attemptId'] as string}`);
  expect(body).toMatchObject({ leadId: 'L3', outcome: 'distributed', considered: { inScope: 3, notMatched: 1 } });
  const verdicts = body['verdicts'] as Record<string, unknown>[];
  expect(verdicts.map(({ contractId, code }) => [contractId, code])).toEqual([['acme-ny', 'cap_day'], ['acme-ca', 'criteria'],
    ['bolt-all', 'picked']]);
  expect(verdicts[0]).toMatchObject({ limit: { window: 'day', used: 2, limit: 2 }, gates: ['cap_day'] });
  expect(verdicts[1]!['detail']).toMatch(/state.*NY/i);
});

it('answers where the caps stand now: counts, amounts and the rolling hour', async () => {
  const { body } = await get('/v1/caps?contract=acme-ny');
  expect(body.data.map(({ window, metric, used, limit, left }) => [window, metric, used, limit, left])).toEqual([
    ['day', 'count', 2, 2, 0], ['month', 'amount', 5000, 10_000, 5000], ['rolling60m', 'count', 2, 5, 3],
  ]);
  expect(body.data.map(({ endsAt }) => typeof endsAt)).toEqual(['string', 'string', 'object']);
  const { body: south } = await get('/v1/caps?contract=acme-ny', 'south');
  expect(south.data.map(({ used }) => used)).toEqual([1, 2500, 1]);
});

it('pages through caps by cursor', async () => {
  const seen: unknown[] = [];
  let cursor: string | null = '';
  do {
    const { body }: Answer = await get(`/v1/caps?limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    seen.push(...body.data.map(({ window }) => window));
    cursor = body['nextCursor'] as string | null;
  } while (cursor !== null);
  expect(seen).toEqual(['day', 'month', 'rolling60m']);
});

it('has the limits of recipients of push strategies as well', async () => {
  const strategy = { id: 'desk', campaigns: ['solar'], from: 'corporate', recipients: [{ to: 'ann', caps: { hour: 3 } }, { to: 'ben' }], caps: { day: 40 } };
  await rig.say(aConfiguration('east', 1, [{ kind: 'pushStrategy', id: 'desk', entry: 1, body: strategy }]));
  await rig.settled('engine');
  const { body } = await get('/v1/caps', 'east');
  expect(body.data.map(({ scope, id, window, limit }) => [scope, id, window, limit])).toEqual([
    ['recipient', 'desk/ann', 'hour', 3], ['recipient', 'desk', 'day', 40],
  ]);
  const { body: ben } = await get('/v1/caps?contract=ben', 'east');
  expect(ben.data.map(({ id }) => id)).toEqual(['desk']);
});

it('refuses a filter that is none, and one that names nobody: an empty list would be taken for an answer', async () => {
  const faulty = async (query: string) => {
    const { status, body } = await get(`/v1/caps?${query}`);
    return [status, body['code']];
  };
  expect(await faulty('contract=acme-xy')).toEqual([404, 'unknown_contract']);
  expect(await faulty('client=nope')).toEqual([404, 'unknown_client']);
  expect(await faulty('campaign=nope')).toEqual([404, 'unknown_campaign']);
  expect(await faulty('cursor=none')).toEqual([400, 'invalid_cursor']);
  expect((await faulty('contracts=acme-ny'))[0]).toBe(400);
});

it('shows nobody what is not his', async () => {
  expect((await get('/v1/leads/L2/attempts', 'south')).status).toBe(404);
  const { body: { data: [first] } } = await get('/v1/leads/L1/attempts');
  const { status, body } = await get(`/v1/attempts/${first!['attemptId'] as string}`, 'south');
  expect([status, body['code']]).toEqual([404, 'unknown_attempt']);
});
