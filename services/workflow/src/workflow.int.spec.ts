import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { busMigrations, eventsOf, type Batch, type Bus, type Subscription } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import {
  ConfigurationChanged, DeliveryConfigured, EngineConfigured, IntakeConfigured, workflowTopic, type Heard, type Said,
} from '@sluice/events';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { parse } from 'yaml';
import { bootWorkflow, type Booted } from './booted.suite.js';
import { workflowService } from './workflow.module.js';

let server: TestDatabase;
let booted: Booted;
let bus: Bus;
let app: NestFastifyApplication;
let takers: Subscription;
/** What was said, by tenant, in the order of the log. */
const said = new Map<string, Heard<ConfigurationChanged>[]>();
/** Tenants whose services take nothing in. */
const deaf = new Set<string>();

beforeAll(async () => {
  server = await testDatabase({ migrations: [...busMigrations, ...workflowService.migrations] });
  booted = await bootWorkflow(server.url);
  ({ app, bus } = booted);
  takers = await bus.subscribe({
    group: 'takers', service: 'workflow', topics: [workflowTopic.name], types: [ConfigurationChanged.type], handle: takeIn,
  });
});

/** Stands for intake, engine and delivery: reports a version once its last part is there. */
async function takeIn(batch: Batch, tx: Tx): Promise<void> {
  const reports: Said[] = [];
  const heard = eventsOf(batch, ConfigurationChanged);
  for (const event of heard) {
    const { tenantId, version, part, parts } = event.data;
    if (part !== parts || deaf.has(tenantId)) continue;
    for (const definition of [IntakeConfigured, EngineConfigured, DeliveryConfigured]) {
      reports.push(definition.make({ tenantId, version }, { id: `${definition.type} ${tenantId} ${version}`, time: event.time }));
    }
  }
  bus.append(tx, reports);
  tx.afterCommit(() => { for (const event of heard) said.set(event.tenantId, [...(said.get(event.tenantId) ?? []), event]); });
}

afterAll(async () => {
  await takers?.close();
  await booted?.stop();
  await server?.drop();
});

type Json = ReturnType<typeof JSON.parse>;
interface Reply { readonly status: number; readonly headers: Record<string, unknown>; readonly text: string; readonly json: Json }

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

async function call(tenant: string, method: Method, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const yaml = typeof body === 'string';
  const answer = await app.inject({
    method, url,
    headers: {
      authorization: `Bearer admin-${tenant}`, ...headers,
      ...(body === undefined || 'content-type' in headers ? {} : { 'content-type': yaml ? 'application/yaml' : 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: yaml ? body : JSON.stringify(body) }),
  });
  const json = String(answer.headers['content-type'] ?? '').includes('json') ? JSON.parse(answer.body || 'null') : undefined;
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, json };
}

const apply = (tenant: string, document: unknown, headers?: Record<string, string>) => call(tenant, 'PUT', '/v1/configuration', document, headers);
const yamlOf = async (tenant: string, query = '') => (await call(tenant, 'GET', `/v1/configuration${query}`, undefined, { accept: 'application/yaml' })).text;

const small = `
apiVersion: v1
currency: USD
clients: [{ id: acme, name: Acme Solar, caps: { day: 100 } }, { id: beta }]
contracts:
  - { id: acme-ny, client: acme, campaigns: [solar], criteria: { field: state, op: in, value: [NY, NJ] }, price: 25.00, prices: }
  - { id: beta-all, client: beta, price: "12.50", status: paused }
campaigns: [{ id: solar, name: Solar, workflow: w, fields: { state: { type: string } } }]
workflows: [{ id: w, mode: off, rules: [{ method: price }] }]
`.replace(', prices: }', ' }');

describe('a configuration applied as a document', () => {
  it('is one version, in force when intake, engine and delivery have taken it in, and the other tenant sees nothing of it', async () => {
    const first = await apply('a', small);
    expect(first.json).toMatchObject({ version: 1, changed: 7, taken: true });
    expect(first.status).toBe(200);
    expect((await call('b', 'GET', '/v1/configuration')).json).toEqual({ apiVersion: 'v1' });
    expect((await call('b', 'GET', '/v1/clients')).json).toEqual({ data: [], nextCursor: null });
    expect((await call('b', 'GET', '/v1/clients/acme')).status).toBe(404);
    const [event] = said.get('a')!;
    expect(event!.data).toMatchObject({ tenantId: 'a', version: 1, part: 1, parts: 1 });
    expect(event!.data.items.map(({ kind, id, entry }) => `${kind} ${id} ${entry}`)).toEqual([
      'settings settings 0', 'client acme 1', 'client beta 2', 'contract acme-ny 3', 'contract beta-all 4', 'workflow w 5', 'campaign solar 6',
    ]);
  });

  it('comes back as it went in: apply, export, apply is no change, in YAML and in JSON, and no version', async () => {
    const exported = await yamlOf('a');
    expect(parse(exported, { schema: 'core' })).toEqual(parse(small, { schema: 'core' }));
    expect((await apply('a', exported)).json).toMatchObject({ version: 1, changed: 0, changes: [], taken: true });
    const json = (await call('a', 'GET', '/v1/configuration')).json;
    expect((await apply('a', json)).json).toMatchObject({ version: 1, changed: 0 });
    expect(exported.indexOf('clients')).toBeLessThan(exported.indexOf('contracts'));
  });

  it('says by diff and by dry run what would change, and changes nothing', async () => {
    const changed = small.replace('day: 100', 'day: 50').replace(', { id: beta }', ', { id: gamma }').replace(/.*beta-all.*\n/, '');
    const expected = [
      { kind: 'client', id: 'acme', change: 'changed', paths: ['caps.day'] }, { kind: 'client', id: 'gamma', change: 'added', paths: [] },
      { kind: 'client', id: 'beta', change: 'removed', paths: [] }, { kind: 'contract', id: 'beta-all', change: 'removed', paths: [] },
    ];
    expect((await call('a', 'POST', '/v1/configuration:diff', changed)).json.changes).toEqual(expected);
    expect((await call('a', 'PUT', '/v1/configuration?dryRun', changed)).json).toMatchObject({ version: 1, changed: 4, changes: expected });
    expect((await call('a', 'GET', '/v1/configuration')).headers['etag']).toBe('"1"');
  });

  it('is refused whole where it has a fault, with the place and what to write', async () => {
    const refused = await apply('a', small.replace('day: 100', 'day: ten'));
    expect(refused.status).toBe(422);
    expect(refused.json).toMatchObject({
      code: 'invalid_document',
      detail: 'The document is refused, and nothing is applied. clients[0].caps.day: expected an integer ≥ 0, got "ten"',
      errors: [{ pointer: '/clients/0/caps/day', code: 'invalid', message: 'expected an integer ≥ 0, got "ten"' }],
    });
    expect((await apply('a', 'clients: [')).status).toBe(400);
    expect((await call('a', 'GET', '/v1/configuration')).headers['etag']).toBe('"1"');
  });

  it('removes what it does not name, keeps the order of entry of what comes back, and shows what was', async () => {
    const before = await yamlOf('a');
    expect((await apply('a', small.replace(/.*beta-all.*\n/, ''))).json).toMatchObject({ version: 2, changed: 1 });
    expect(said.get('a')!.at(-1)!.data.items).toEqual([{ kind: 'contract', id: 'beta-all', entry: 4, removed: true }]);
    const back = small.replace('  - { id: beta-all', '  - { id: new-one, client: beta }\n  - { id: beta-all');
    expect((await apply('a', back)).json).toMatchObject({ version: 3, changed: 2 });
    expect(said.get('a')!.at(-1)!.data.items.map(({ id, entry }) => [id, entry])).toEqual([['beta-all', 4], ['new-one', 7]].reverse());
    expect(await yamlOf('a', '?version=1')).toBe(before);
    expect((await call('a', 'GET', '/v1/configuration?version=9')).status).toBe(404);
  });

  it('is refused with the line where it cannot be read', async () => {
    const { status, json } = await apply('w', 'apiVersion: v1\n: : :\n');
    expect([status, json.code, json.errors[0].message]).toEqual([400, 'unreadable_document', expect.stringMatching(/^line 2, column \d+: /)]);
  });

  it('is applied with warnings where something in it is hardly meant', async () => {
    const weighted = small.replace('{ method: price }', '{ method: weighted }');
    expect((await apply('w', weighted)).json).toMatchObject({
      version: 1, taken: true, warnings: expect.arrayContaining([expect.objectContaining({ code: 'weights_absent', path: 'workflows[0].rules[0].method' })]),
    });
  });

  it('is refused where the caller names a version that does not hold any more', async () => {
    expect((await apply('a', small, { 'if-match': '"1"' })).status).toBe(412);
    expect((await apply('a', small, { 'if-match': '"3"' })).json).toMatchObject({ version: 4 });
  });

  it('lists its versions, and says of each which services have taken it', async () => {
    const page = (await call('a', 'GET', '/v1/configuration/versions?limit=3')).json;
    expect(page.data.map((row: { version: number }) => row.version)).toEqual([4, 3, 2]);
    expect((await call('a', 'GET', `/v1/configuration/versions?limit=3&cursor=${page.nextCursor}`)).json).toMatchObject({ data: [{ version: 1 }], nextCursor: null });
    expect((await call('a', 'GET', '/v1/configuration/versions/3')).json).toMatchObject(
      { version: 3, actor: 'key of a', added: 2, taken: true, services: { intake: true, engine: true, delivery: true } });
    expect((await call('b', 'GET', '/v1/configuration/versions/3')).status).toBe(404);
  });

  it('is answered 202 with a link while a service has yet to take it in', async () => {
    deaf.add('slow');
    const answer = await apply('slow', small, { prefer: 'wait=0' });
    expect([answer.status, answer.headers['location'], answer.json.taken]).toEqual([202, '/v1/configuration/versions/1', false]);
    expect((await call('slow', 'GET', '/v1/configuration/versions/1')).json).toMatchObject({ taken: false, services: { engine: false } });
  });

  it('is cut into parts of at most 200 items, which are said in order', async () => {
    const clients = Array.from({ length: 450 }, (_, place) => ({ id: `c${place}` }));
    expect((await apply('many', { apiVersion: 'v1', clients })).json).toMatchObject({ version: 1, changed: 450, taken: true });
    const parts = said.get('many')!.map(({ data }) => [data.part, data.parts, data.items.length]);
    expect(parts).toEqual([[1, 3, 200], [2, 3, 200], [3, 3, 50]]);
  });

  it('may be larger than other bodies, as JSON and as YAML', async () => {
    const clients = Array.from({ length: 3_000 }, (_, place) => ({ id: `c${place}`, name: 'x'.repeat(450) }));
    const document = JSON.stringify({ apiVersion: 'v1', clients });
    expect(document.length).toBeGreaterThan(1_400_000);
    for (const type of ['application/json', 'application/yaml']) {
      const checked = await call('many', 'PUT', '/v1/configuration?dryRun', document, { 'content-type': type });
      expect([type, checked.status, checked.json.changed]).toEqual([type, 200, 3_000]);
      expect((await call('many', 'POST', '/v1/configuration:diff', document, { 'content-type': type })).status).toBe(200);
      expect((await call('many', 'POST', '/v1/clients', document, { 'content-type': 'application/json' })).status).toBe(413);
    }
  });

  it('is numbered without a gap when many apply at once, in both tenants', async () => {
    deaf.add('x').add('y');
    const answers = await Promise.all(Array.from({ length: 40 }, (_, place) =>
      apply(place % 2 ? 'x' : 'y', { apiVersion: 'v1', clients: [{ id: `c${place}` }] }, { prefer: 'wait=0' })));
    for (const rest of [0, 1]) {
      const versions = answers.filter((_, place) => place % 2 === rest).map((answer) => answer.json.version).sort((a, b) => a - b);
      expect(versions).toEqual(Array.from({ length: 20 }, (_, place) => place + 1));
    }
    // Each removed what stood before it: one client is left, and twenty have a history.
    expect((await call('x', 'GET', '/v1/clients')).json.data).toHaveLength(1);
  });

  it('is given to other services at the version that they ask for, and to nobody else', async () => {
    const ask = (kind: string, body: unknown) => app.inject({
      method: 'POST', url: '/internal/v1/workflow/configuration', headers: { authorization: `Bearer ${kind}-a`, 'content-type': 'application/json' }, payload: JSON.stringify(body),
    });
    const answer = JSON.parse((await ask('service', { version: 2 })).body);
    expect(answer.version).toBe(2);
    expect(answer.items.find((item: { id: string }) => item.id === 'acme-ny')).toMatchObject({ kind: 'contract', entry: 3, body: { client: 'acme', price: 25 } });
    expect(JSON.parse((await ask('service', {})).body).version).toBe(4);
    expect((await ask('admin', {})).statusCode).toBe(403);
  });
});

describe('the parts of a configuration', () => {
  it('are made, read, replaced, patched and removed one by one, each as a version of the whole', async () => {
    const made = await call('p', 'POST', '/v1/clients', { id: 'acme', name: 'Acme' });
    expect([made.status, made.headers['location'], made.json.version, made.json.item]).toEqual([201, '/v1/clients/acme', 1, { id: 'acme', name: 'Acme' }]);
    expect((await call('p', 'POST', '/v1/clients', { id: 'acme' })).status).toBe(409);
    await call('p', 'POST', '/v1/contracts', { id: 'A', client: 'acme', price: 5, caps: { day: 3, hour: 1 } });
    const read = await call('p', 'GET', '/v1/contracts/A');
    expect(read.headers['etag']).toBe('"2"');
    expect((await call('p', 'GET', '/v1/contracts/A', undefined, { 'if-none-match': '"2"' })).status).toBe(304);

    const patched = await call('p', 'PATCH', '/v1/contracts/A', { caps: { hour: null }, price: 6 }, { 'if-match': '"2"', 'content-type': 'application/merge-patch+json' });
    expect(patched.json).toMatchObject({ version: 3, item: { id: 'A', client: 'acme', caps: { day: 3 }, price: 6 } });
    const same = await call('p', 'PATCH', '/v1/clients/acme', { name: 'Acme' }, { 'if-match': '"1"' });
    expect([same.json.version, same.json.changed, same.headers['etag']]).toEqual([3, 0, '"1"']);
    const replaced = await call('p', 'PUT', '/v1/contracts/A', { client: 'acme', price: 7 }, { 'if-match': '"3"' });
    expect(replaced.json.item).toEqual({ id: 'A', client: 'acme', price: 7 });
    expect((await call('p', 'DELETE', '/v1/clients/acme')).json).toMatchObject({ code: 'in_use' });
    expect((await call('p', 'DELETE', '/v1/contracts/A')).json).toMatchObject({ version: 5, item: null });
    expect((await call('p', 'GET', '/v1/contracts/A')).status).toBe(404);
  });

  it('are not changed by one who has not seen their newest form', async () => {
    expect((await call('p', 'PATCH', '/v1/clients/acme', { name: 'B' })).status).toBe(428);
    expect((await call('p', 'PATCH', '/v1/clients/acme', { name: 'B' }, { 'if-match': '"0"' })).status).toBe(412);
    expect((await call('p', 'PUT', '/v1/clients/none', { name: 'B' }, { 'if-match': '*' })).status).toBe(404);
    const both = await Promise.all(['B', 'C'].map((name) => call('p', 'PATCH', '/v1/clients/acme', { name }, { 'if-match': '"1"' })));
    expect(both.map((answer) => answer.status).sort()).toEqual([200, 412]);
  });

  it('are refused with pointers into what was sent', async () => {
    const refused = await call('p', 'POST', '/v1/contracts', { id: 'B', client: 'acem', caps: { day: -1 } });
    expect([refused.status, refused.json.errors]).toEqual([422, [{ pointer: '/caps/day', code: 'invalid', message: 'expected an integer ≥ 0, got -1' }]]);
    expect((await call('p', 'POST', '/v1/contracts', { id: 'B', client: 'acem' })).json.errors).toEqual(
      [{ pointer: '/client', code: 'unknown_reference', message: 'no client "acem"; did you mean "acme"?' }]);
    expect((await call('p', 'POST', '/v1/contracts', {})).status).toBe(422);
    expect((await call('p', 'PATCH', '/v1/clients/acme', { id: 'other' }, { 'if-match': '*' })).json.code).toBe('id_differs');
  });

  it('are listed in order of entry, in pages, by allowed filters alone', async () => {
    const clients = ['one', 'two'].map((id) => ({ id, name: `Client ${id}` }));
    const contracts = Array.from({ length: 7 }, (_, place) => ({
      id: `k${place}`, client: place % 2 ? 'one' : 'two', ...(place < 3 ? { status: 'paused' } : {}), ...(place === 6 ? { campaigns: ['solar'] } : {}),
    }));
    await apply('q', { apiVersion: 'v1', clients, contracts, campaigns: [{ id: 'solar' }, { id: 'wind' }] });
    const ids = async (query: string) => (await call('q', 'GET', `/v1/contracts?${query}`)).json.data.map((row: { id: string }) => row.id);
    expect(await ids('status=open')).toEqual(['k3', 'k4', 'k5', 'k6']);
    expect(await ids('client=one')).toEqual(['k1', 'k3', 'k5']);
    expect(await ids('campaign=wind')).toEqual(['k0', 'k1', 'k2', 'k3', 'k4', 'k5']);
    expect(await ids('campaign=solar')).toHaveLength(7);
    expect(await ids('text=K6')).toEqual(['k6']);
    expect((await call('q', 'GET', '/v1/clients?text=client%20t')).json.data).toEqual([{ id: 'two', name: 'Client two' }]);
    const first = (await call('q', 'GET', '/v1/contracts?limit=4')).json;
    expect(first.data).toHaveLength(4);
    expect(await ids(`limit=4&cursor=${first.nextCursor}`)).toEqual(['k4', 'k5', 'k6']);
    expect((await call('q', 'GET', '/v1/contracts?price=5')).json).toMatchObject({ status: 400, code: 'unknown_filter' });
    expect((await call('q', 'GET', '/v1/contracts?cursor=!!')).json).toMatchObject({ code: 'invalid_cursor' });
  });

  it('are not there for one without an admin key', async () => {
    expect((await app.inject({ method: 'GET', url: '/v1/clients' })).statusCode).toBe(401);
    expect((await app.inject({ method: 'GET', url: '/v1/clients', headers: { authorization: 'Bearer service-p' } })).statusCode).toBe(403);
    expect((await app.inject({ method: 'GET', url: '/v1/configuration/schema' })).statusCode).toBe(200);
  });
});
