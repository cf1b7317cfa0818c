import 'reflect-metadata';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, busMigrations, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { AccessGuard, AccessRules, Clock, KeyValue, LocalKeyValue, Log, PinoLog, ProblemFilter, SystemClock, verifyPrincipal } from '@sluice/runtime';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { request } from 'undici';
import { AdminAuthenticator } from './admin-authenticator.service.js';
import { ensureFirstTenant, type FirstTenant } from './first-tenant.service.js';
import { gatewayService } from './gateway.module.js';

const secret = 'the secret that the services of one installation share';
const keyFile = path.join(tmpdir(), `sluice-forward-${randomUUID()}`, 'admin.key');

@Module({})
class Root {
  static with(database: Database, bus: Bus, rules: AccessRules, environment: Record<string, string>): DynamicModule {
    const seams = [
      { provide: Database, useValue: database }, { provide: Bus, useValue: bus }, { provide: Clock, useValue: new SystemClock() },
      { provide: KeyValue, useValue: new LocalKeyValue(new SystemClock()) },
      { provide: Log, useValue: new PinoLog('test', 'silent') }, { provide: AccessRules, useValue: rules },
    ];
    return {
      module: Root, global: true, imports: [gatewayService.module(gatewayService.config.parse(environment))],
      providers: [...seams, { provide: APP_GUARD, useClass: AccessGuard }, { provide: APP_FILTER, useClass: ProblemFilter }],
      exports: seams,
    };
  }
}

let server: TestDatabase;
let database: Database;
let bus: PostgresBus;
let app: NestFastifyApplication;
let other: Server;
let url: string;
let admin: FirstTenant;
/** Requests whose connection was cut before they were whole. */
let aborted = 0;

/** Another service: says what it was asked, by whom, and how many bytes it got; reads them as they come. */
async function answer(call: IncomingMessage): Promise<object> {
  let bytes = 0;
  for await (const piece of call) bytes += (piece as Buffer).length;
  const [scheme, token] = (call.headers.authorization ?? '').split(' ');
  return {
    method: call.method, url: call.url, bytes, type: call.headers['content-type'], authorization: call.headers.authorization,
    principal: (scheme === 'Service' && verifyPrincipal(token ?? '', secret, new SystemClock().now())) || null,
  };
}

beforeAll(async () => {
  server = await testDatabase({ migrations: [...busMigrations, ...gatewayService.migrations] });
  database = await Database.open({ url: server.url, entities: gatewayService.entities });
  bus = await PostgresBus.open(database);
  other = createServer((call, reply) => {
    const status = call.url === '/v1/clients/none' ? 404 : 200;
    answer(call).then((said) => reply.writeHead(status, { 'content-type': 'application/json', etag: '"7"' }).end(JSON.stringify(said)),
      () => { aborted += 1; });
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(other.address() as { port: number }).port}`;
  const environment = { SLUICE_INTAKE_URL: address, SLUICE_WORKFLOW_URL: address, SLUICE_DELIVERY_URL: address, SLUICE_ENGINE_URL: 'http://127.0.0.1:9' };
  const rules = new AccessRules(secret);
  const adapter = new FastifyAdapter({ bodyLimit: 1024 });
  const root = Root.with(database, bus, rules, environment);
  app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger: false, abortOnError: false });
  rules.authenticators.push(app.get(AdminAuthenticator));
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  admin = await ensureFirstTenant(database, { keyFile });
});

afterAll(async () => {
  await app?.close();
  other?.closeAllConnections();
  await new Promise((resolve) => other?.close(resolve));
  await bus?.close();
  await database?.close();
  await server?.drop();
  rmSync(path.dirname(keyFile), { recursive: true, force: true });
});

const key = () => `Bearer ${admin.adminKey}`;

describe('a path of another service', () => {
  it('is passed on with its query, its body and the caller as a signed credential, and the answer comes back as it is', async () => {
    const passed = await request(`${url}/v1/configuration:diff?x=1%2F2`, {
      method: 'POST', headers: { authorization: key(), 'content-type': 'application/yaml' }, body: 'apiVersion: v1',
    });
    const said = await passed.body.json() as Record<string, unknown>;
    expect(said).toMatchObject({ method: 'POST', url: '/v1/configuration:diff?x=1%2F2', bytes: 14, type: 'application/yaml' });
    expect(said['principal']).toMatchObject({ tenantId: admin.tenantId, kind: 'admin', id: expect.stringMatching(/^admin:[0-9a-f]{12}$/) });
    expect(passed.headers['etag']).toBe('"7"');
    expect((await request(`${url}/v1/clients/none`, { headers: { authorization: key() } })).statusCode).toBe(404);
  });

  it('gets a stream of any length piece by piece, longer than a body may be here', async () => {
    const line = `${'x'.repeat(1023)}\n`;
    const lines = Readable.from((function* () { for (let n = 0; n < 20_000; n++) yield line; })());
    const passed = await request(`${url}/v1/leads:batch`, {
      method: 'POST', headers: { authorization: 'Bearer sluice_src_1', 'content-type': 'application/x-ndjson' }, body: lines,
    });
    expect(await passed.body.json()).toMatchObject({ bytes: 20_000 * 1024, type: 'application/x-ndjson' });
  });

  it('gets the key of a source as it is: only intake knows it', async () => {
    const passed = await request(`${url}/v1/leads`, { method: 'POST', headers: { authorization: 'Bearer sluice_src_1' }, body: '{}' });
    expect(await passed.body.json()).toMatchObject({ authorization: 'Bearer sluice_src_1', principal: null });
  });

  it('is not reached by a credential that somebody made up', async () => {
    const passed = await request(`${url}/v1/clients`, { headers: { authorization: 'Service e30.e30' } });
    expect(await passed.body.json()).toMatchObject({ principal: null });
  });

  it('that cannot be reached is answered 503 with a reason, and nothing else suffers', async () => {
    const refused = await request(`${url}/v1/caps`, { headers: { authorization: key() } });
    expect(refused.statusCode).toBe(503);
    expect(await refused.body.json()).toMatchObject({ code: 'service_unavailable' });
    expect((await request(`${url}/v1/tenant`, { headers: { authorization: key() } })).statusCode).toBe(200);
  });

  it('is given up where the caller goes away', async () => {
    const before = aborted;
    const endless = new Readable({ read() { setTimeout(() => this.push('x'), 5); } });
    const leaving = new AbortController();
    const passed = request(`${url}/v1/leads:batch`, { method: 'POST', headers: { 'content-type': 'text/csv' }, body: endless, signal: leaving.signal });
    setTimeout(() => leaving.abort(), 200);
    await expect(passed).rejects.toThrow();
    for (let tries = 0; aborted === before && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(aborted).toBe(before + 1);
  });

  it('does not hide the gateway\'s own: leads, their stories, and what a contract was given', async () => {
    for (const own of ['/v1/leads', '/v1/contracts/A/outbound-leads', '/v1/funnel']) {
      const given = await request(`${url}${own}`, { headers: { authorization: key() } });
      expect([own, given.statusCode, Object.keys(await given.body.json() as object).includes('bytes')]).toEqual([own, 200, false]);
    }
    expect(await (await request(`${url}/v1/contracts/A`, { headers: { authorization: key() } })).body.json()).toMatchObject({ url: '/v1/contracts/A' });
    expect((await request(`${url}/v1/leads/L1`, { headers: { authorization: key() } })).statusCode).toBe(404);
  });
});
