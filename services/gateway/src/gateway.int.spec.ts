import 'reflect-metadata';
import { readFileSync, statSync, unlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { PostgresBus } from '@sluice/bus';
import type { Database } from '@sluice/db';
import { bootGateway, type Booted, type Json } from './booted.suite.js';
import { ensureFirstTenant, type FirstTenant } from './first-tenant.service.js';
import { RebuildService } from './rebuild.service.js';
import { leadIdOf, nameOf, NOON, storyteller, type LeadName } from './stories.suite.js';

let booted: Booted;
let database: Database;
let bus: PostgresBus;
let app: NestFastifyApplication;
let first: FirstTenant;
let second: FirstTenant;
let keyFile: string;

beforeAll(async () => {
  booted = await bootGateway();
  ({ app, database, bus, first, second, keyFile } = booted);
});

afterAll(() => booted?.stop());

const call: Booted['call'] = (...given) => booted.call(...given);
const get: Booted['get'] = (...given) => booted.get(...given);
const say: Booted['say'] = (...given) => booted.say(...given);
const caughtUp = () => booted.caughtUp();

/** The read models, whole. */
async function standing(): Promise<unknown> {
  const tables = ['leads', 'outbound_leads', 'funnel'].map(async (table) =>
    (await database.pool.query(`SELECT to_jsonb(t) AS row FROM gateway.${table} t ORDER BY t.*::text`)).rows.map(({ row }) => ({
      ...row, ...(row.history ? { history: (row.history as string).split(';').sort() } : {}),
    })));
  return Promise.all(tables);
}

describe('the keys of administrators', () => {
  it('begin with one in a file that nobody else can read, which a second start and one at the same time find again', async () => {
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(keyFile, 'utf8').trim()).toBe(first.adminKey);
    expect(await ensureFirstTenant(database, { keyFile })).toEqual({ ...first, made: false });
    const { rows } = await database.pool.query('SELECT count(*)::int AS tenants, (SELECT count(*)::int FROM gateway.api_keys) AS keys FROM gateway.tenants');
    expect(rows).toEqual([{ tenants: 2, keys: 2 }]);
    expect(JSON.stringify((await database.pool.query('SELECT * FROM gateway.api_keys')).rows)).not.toContain(first.adminKey.slice(-20));
  });

  it('open their own tenant alone', async () => {
    expect(await get(first, '/v1/tenant')).toMatchObject({ id: first.tenantId });
    expect(await get(second, '/v1/tenant')).toMatchObject({ id: second.tenantId, name: 'Second' });
    expect((await call(`${first.adminKey.slice(0, -1)}x`, 'GET', '/v1/tenant')).status).toBe(401);
    expect((await call('nonsense', 'GET', '/v1/tenant')).status).toBe(401);
    expect((await call(first.adminKey, 'GET', '/v1/whoami')).status).toBe(403);
  });

  it('are made, listed without themselves, revoked at once, and never the last of them; all of it is in the audit log', async () => {
    const made = await call(second.adminKey, 'POST', '/v1/admin-keys', { name: 'night shift' });
    expect(made.status).toBe(201);
    const { id, key } = made.json;
    expect((await call(key, 'GET', '/v1/admin-keys')).json.data.map((row: Json) => row.name)).toEqual(['first key', 'night shift']);
    expect(JSON.stringify(await get(second, '/v1/admin-keys'))).not.toContain(key);
    expect((await call(first.adminKey, 'DELETE', `/v1/admin-keys/${id}`)).status).toBe(404);
    expect((await call(second.adminKey, 'DELETE', `/v1/admin-keys/${id}`)).status).toBe(204);
    expect((await call(key, 'GET', '/v1/tenant')).status).toBe(401);
    const [own] = (await get(second, '/v1/admin-keys')).data;
    expect((await call(second.adminKey, 'DELETE', `/v1/admin-keys/${own.id}`)).json).toMatchObject({ code: 'last_key' });
    const audit = await get(second, '/v1/audit-log?limit=2');
    expect(audit.data.map((row: Json) => row.action)).toEqual(['admin-key.revoked', 'admin-key.created']);
    expect((await get(second, `/v1/audit-log?limit=2&cursor=${audit.nextCursor}`)).data.map((row: Json) => row.action)).toEqual(['tenant.created']);
    expect((await get(first, '/v1/audit-log')).data).toEqual([]);
  });

  it('are made anew where the file is lost', async () => {
    unlinkSync(keyFile);
    const again = await ensureFirstTenant(database, { keyFile });
    expect(again).toMatchObject({ tenantId: first.tenantId, made: false });
    expect((await call(again.adminKey, 'GET', '/v1/tenant')).status).toBe(200);
  });
});

describe('the story of a lead', () => {
  it('is told from its arrival to the answer of the client, with who, when, which, and the trace', async () => {
    const a = storyteller(first.tenantId);
    await say(a.received('L1'), a.distributed('L1', ['A', 'B']), a.reserved('L1', 'A'), a.reserved('L1', 'B'), a.rejected('L1', 'A', 'too_far'),
      a.released('L1', 'A', 'rejected'), a.notDistributed('L1', 'outranked', 'fallback', 3), a.accepted('L1', 'B', 4));
    const lead = await get(first, `/v1/leads/${leadIdOf('L1')}`);
    expect(lead).toMatchObject({
      leadId: leadIdOf('L1'), campaignId: 'solar', sourceId: 'web', status: 'accepted', reason: null, attempts: 2, receivedAt: '2026-03-02T12:00:00.000Z',
      links: { attempts: `/v1/leads/${leadIdOf('L1')}/attempts` },
    });
    expect(lead.timeline.map((entry: Json) => [entry.stage, entry.type, entry.actor, entry.reason, entry.ids.contractId ?? null])).toEqual([
      ['received', 'LeadReceived', 'source:web', null, null],
      ['decided', 'LeadDistributed', 'engine', null, null],
      ['reserved', 'OutboundLeadReserved', 'engine', null, 'A'],
      ['reserved', 'OutboundLeadReserved', 'engine', null, 'B'],
      ['delivered', 'OutboundLeadRejected', 'client:client-A', 'too_far', 'A'],
      ['decided', 'LeadNotDistributed', 'engine', 'outranked', null],
      ['released', 'OutboundLeadReleased', 'engine', 'rejected', 'A'],
      ['delivered', 'OutboundLeadAccepted', 'client:client-B', null, 'B'],
    ]);
    expect(new Set(lead.timeline.map((entry: Json) => entry.traceId))).toEqual(new Set([lead.traceId]));
    expect(lead.outboundLeads).toMatchObject([
      { contractId: 'A', status: 'rejected', reason: 'too_far', price: '25.50', currency: 'USD', deliveryAttempts: 1 },
      { contractId: 'B', status: 'accepted', clientReference: 'ref 1', settledAt: '2026-03-02T12:00:04.000Z' },
    ]);
    expect((await call(second.adminKey, 'GET', `/v1/leads/${leadIdOf('L1')}`)).status).toBe(404);
  });

  it('is the same whichever topic is heard first', async () => {
    const b = storyteller(second.tenantId);
    await say(b.accepted('L1', 'B', 4), b.rejected('L1', 'A', 'too_far'), b.distributed('L1', ['A', 'B']), b.reserved('L1', 'A'), b.reserved('L1', 'B'),
      b.released('L1', 'A', 'rejected'), b.notDistributed('L1', 'outranked', 'fallback', 3), b.received('L1'));
    const [one, other] = [await get(first, `/v1/leads/${leadIdOf('L1')}`), await get(second, `/v1/leads/${leadIdOf('L1')}`)];
    const plain = (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll(first.tenantId, 't').replaceAll(second.tenantId, 't'));
    expect(plain(other)).toEqual(plain(one));
    expect(await get(second, '/v1/funnel')).toEqual(await get(first, '/v1/funnel'));
  });

  it('has a status that says where it stands', async () => {
    const a = storyteller(first.tenantId);
    await say(
      a.received('waiting'),
      a.received('held'), a.distributed('held', ['A']), a.reserved('held', 'A'), a.unresolved('held', 'A'),
      a.received('nobody'), a.notDistributed('nobody', 'cap_day'),
      a.received('turnedDown'), a.distributed('turnedDown', ['A']), a.reserved('turnedDown', 'A'), a.rejected('turnedDown', 'A', 'no'),
      a.notDistributed('turnedDown', 'rejected_before', 'fallback', 3),
      a.received('withdrawn'), a.distributed('withdrawn', ['A']), a.reserved('withdrawn', 'A'), a.released('withdrawn', 'A', 'withdrawn'),
      a.received('failed'), a.distributed('failed', ['A']), a.reserved('failed', 'A'), a.failed('failed', 'A'));
    const { data } = await get(first, '/v1/leads');
    expect(data.map((lead: Json) => [nameOf(lead.leadId), lead.status, lead.reason])).toEqual([
      ['failed', 'unsold', null], ['withdrawn', 'unsold', null], ['turnedDown', 'unsold', 'rejected_before'], ['nobody', 'unsold', 'cap_day'],
      ['held', 'distributed', null], ['waiting', 'received', null], ['L1', 'accepted', null],
    ]);
  });

  it('is the same when the projection is thrown away and everything is heard again', async () => {
    const before = await standing();
    await app.get(RebuildService).rebuild();
    await caughtUp();
    expect(await standing()).toEqual(before);
    expect((before as unknown[][])[0]).toHaveLength(8);
  });
});

describe('lists of leads', () => {
  it('are filtered by status, campaign, source and time, and read in pages; a filter that is not known is refused', async () => {
    const b = storyteller(second.tenantId);
    await say(...Array.from({ length: 5 }, (_, n) => b.received(`P${n}` as LeadName, n % 2 ? 'wind' : 'solar', n < 2 ? 'phone' : 'web')));
    const ids = async (query: string) => (await get(second, `/v1/leads?${query}`)).data.map((lead: Json) => nameOf(lead.leadId));
    expect(await ids('campaign=wind')).toEqual(['P3', 'P1']);
    expect(await ids('source=phone')).toEqual(['P1', 'P0']);
    expect(await ids('status=accepted')).toEqual(['L1']);
    expect(await ids(`from=${new Date(NOON + 102_000).toISOString()}&to=${new Date(NOON + 104_000).toISOString()}`)).toEqual(['P3', 'P2']);
    const page = await get(second, '/v1/leads?limit=4');
    expect([...page.data.map((lead: Json) => nameOf(lead.leadId)), ...await ids(`limit=4&cursor=${page.nextCursor}`)]).toEqual(['P4', 'P3', 'P2', 'P1', 'P0', 'L1']);
    for (const query of ['state=x', 'status=sold', 'limit=0', 'cursor=x', 'from=yesterday']) expect((await get(second, `/v1/leads?${query}`)).status).toBe(400);
  });

  it('show what a contract was given', async () => {
    const { data } = await get(first, '/v1/contracts/A/outbound-leads');
    expect(data).toHaveLength(5);
    expect((await get(first, '/v1/contracts/A/outbound-leads?status=unresolved')).data).toMatchObject([{ leadId: leadIdOf('held'), status: 'unresolved', settledAt: '2026-03-02T12:00:02.000Z' }]);
    expect((await get(second, '/v1/contracts/A/outbound-leads')).data).toHaveLength(1);
  });
});

describe('the funnel', () => {
  it('counts each stage, and why others did not come to it', async () => {
    const a = storyteller(first.tenantId);
    await say(a.turnedAway('r1', 'invalid'), a.turnedAway('r2', 'duplicate'), a.turnedAway('r3', 'invalid'));
    expect(await get(first, '/v1/funnel')).toEqual({
      received: 7, decided: 6, distributed: 5, unsold: 1, held: 0, waiting: 0, reserved: 6, accepted: 1, rejected: 2, failed: 1,
      unresolved: 1,
      withdrawn: 1, returned: 0,
      refused: { invalid: 2, duplicate: 1 }, unsoldBy: { cap_day: 1 },
    });
  });

  it('takes an unresolved delivery out of its count when a person settles it, in the same batch or long after', async () => {
    const a = storyteller(first.tenantId);
    await say(a.accepted('held', 'A', 60));
    expect(await get(first, '/v1/funnel')).toMatchObject({ accepted: 2, unresolved: 0 });
    const both = [a.unresolved('L2', 'C'), a.rejected('L2', 'C', 'late', 61)];
    await database.transaction({ service: 'gateway', tenants: [first.tenantId] }, async (tx) => bus.append(tx, both));
    await caughtUp();
    expect(await get(first, '/v1/funnel')).toMatchObject({ rejected: 3, unresolved: 0 });
  });

  it('counts from an instant on, or for a time back', async () => {
    expect(await get(first, `/v1/funnel?since=${new Date(NOON + 60_000).toISOString()}`)).toMatchObject({ received: 0, accepted: 1 });
    expect(await get(first, '/v1/funnel?since=PT1H')).toMatchObject({ received: expect.any(Number) });
    expect((await get(first, '/v1/funnel?since=lately')).status).toBe(400);
  });

  it('streams', async () => {
    const url = await app.listen(0, '127.0.0.1').then(() => app.getUrl());
    const answer = await fetch(`${url}/v1/stream`, { headers: { authorization: `Bearer ${first.adminKey}` } });
    const reader = answer.body!.getReader();
    const text = new TextDecoder().decode((await reader.read()).value);
    expect(text).toMatch(/^event: funnel\ndata: \{"received":7,/);
    await reader.cancel();
  });
});
