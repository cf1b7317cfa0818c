import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bootGateway, type Booted, type Json } from './booted.suite.js';
import { RebuildService } from './rebuild.service.js';
import { leadIdOf, nameOf, storyteller } from './stories.suite.js';

let booted: Booted;
let a: ReturnType<typeof storyteller>;
let b: ReturnType<typeof storyteller>;

beforeAll(async () => {
  booted = await bootGateway();
  a = storyteller(booted.first.tenantId);
  b = storyteller(booted.second.tenantId);
});

afterAll(() => booted?.stop());

const get = (url: string, tenant = booted.first): Promise<Json> => booted.get(tenant, url);
const leadOf = (name: Parameters<typeof leadIdOf>[0], tenant = booted.first): Promise<Json> => get(`/v1/leads/${leadIdOf(name)}`, tenant);
const names = async (query: string, tenant = booted.first): Promise<string[]> =>
  (await get(`/v1/leads?${query}`, tenant)).data.map((lead: Json) => nameOf(lead.leadId));
/** What a timeline tells, short. */
const told = (lead: Json) => lead.timeline.map((entry: Json) => [entry.stage, entry.type, entry.actor, entry.reason]);

/** The read models and the audit log, whole. */
async function standing(): Promise<unknown> {
  return Promise.all(['leads', 'outbound_leads', 'funnel', 'held', 'unresolved', 'audit_log'].map(async (table) =>
    // A count that came and went is the same as one that never was.
    (await booted.database.pool.query(`SELECT to_jsonb(t) AS row FROM gateway.${table} t WHERE to_jsonb(t) ->> 'count' IS DISTINCT FROM '0'
      ORDER BY t.*::text`)).rows.map(({ row }) => ({
      ...row, ...(row.history ? { history: (row.history as string).split(';').sort() } : {}), entry_id: 0,
    }))));
}

describe('a lead that a person distributes by hand', () => {
  it('tells who asked, why, and which gates were passed over, and the audit log has it for good', async () => {
    await booted.say(
      a.received('L1'), a.notDistributed('L1', 'cap_day'), a.requested('L1', 'r1', 10, { overrides: ['cap_day', 'schedule_closed'] }),
      a.tried('L1', 'manual', 10, 2, { picks: ['A'], actor: 'ann', requestId: 'r1' }), a.reserved('L1', 'A', 10), a.accepted('L1', 'A', 11));
    const lead = await leadOf('L1');
    expect(lead).toMatchObject({ status: 'accepted', held: false, window: null, returned: 0, attempts: 2 });
    expect(told(lead)).toEqual([
      ['received', 'LeadReceived', 'source:web', null],
      ['decided', 'LeadNotDistributed', 'engine', 'cap_day'],
      ['requested', 'DistributionRequested', 'user:ann', 'promised'],
      ['decided', 'LeadDistributed', 'engine', null],
      ['reserved', 'OutboundLeadReserved', 'engine', null],
      ['delivered', 'OutboundLeadAccepted', 'client:client-A', null],
    ]);
    expect(lead.timeline[2].ids).toEqual(
      { leadId: leadIdOf('L1'), requestId: 'r1', trigger: 'manual', contractIds: ['A'], overrides: ['cap_day', 'schedule_closed'] });
    expect(lead.timeline[3].ids).toMatchObject({ askedBy: 'ann', requestId: 'r1', trigger: 'manual' });
    expect((await get('/v1/audit-log')).data[0]).toEqual({
      at: '2026-03-02T12:00:10.000Z', actor: 'ann', action: 'lead.distributed-by-hand', target: leadIdOf('L1'),
      detail: { requestId: 'r1', trigger: 'manual', contractIds: ['A'], overrides: ['cap_day', 'schedule_closed'], reason: 'promised' },
    });
    expect((await get('/v1/audit-log', booted.second)).data.filter((entry: Json) => entry.action !== 'tenant.created')).toEqual([]);
    expect((await booted.call(booted.second.adminKey, 'GET', `/v1/leads/${leadIdOf('L1')}`)).status).toBe(404);
  });

  it('is not told of each time that a window asks', async () => {
    await booted.say(a.requested('L1', 'r2', 12, { trigger: 'window', actor: '', windowGeneration: 1 }));
    expect((await leadOf('L1')).timeline.filter((entry: Json) => entry.stage === 'requested')).toHaveLength(1);
  });
});

describe('a lead that is given back', () => {
  it('is returned: in the lists, at its contract, in the funnel, where it was accepted before', async () => {
    await booted.say(a.returned('L1', 'A', 60));
    const lead = await leadOf('L1');
    expect(lead).toMatchObject({ status: 'returned', returned: 1, reason: null });
    expect(told(lead).at(-1)).toEqual(['returned', 'LeadReturned', 'user:bob', 'wrong number']);
    expect(lead.outboundLeads).toMatchObject([{ status: 'returned', returnReason: 'wrong number', returnedBy: 'bob', returnedAt: '2026-03-02T12:01:00.000Z',
      settledAt: '2026-03-02T12:00:11.000Z', cherryPicked: false }]);
    expect((await get('/v1/contracts/A/outbound-leads?status=returned')).data).toHaveLength(1);
    expect((await get('/v1/contracts/A/outbound-leads?status=accepted')).data).toEqual([]);
    expect(await names('status=returned')).toEqual(['L1']);
    expect(await get('/v1/funnel')).toMatchObject({ accepted: 1, returned: 1, unsold: 1 });
    expect((await get('/v1/audit-log')).data[0]).toMatchObject({ actor: 'bob', action: 'lead.returned', detail: { contractId: 'A', reason: 'wrong number' } });
  });

  it('is the same where the return is heard before the acceptance, or in one batch with it', async () => {
    await booted.say(b.returned('L1', 'A', 60), b.received('L1'), b.notDistributed('L1', 'cap_day'));
    const events = [b.accepted('L1', 'A', 11), b.tried('L1', 'manual', 10, 2, { picks: ['A'], actor: 'ann', requestId: 'r1' }), b.reserved('L1', 'A', 10),
      b.requested('L1', 'r1', 10, { overrides: ['cap_day', 'schedule_closed'] })];
    await booted.database.transaction({ service: 'gateway', tenants: [booted.second.tenantId] }, async (tx) => booted.bus.append(tx, events));
    await booted.caughtUp();
    expect({ ...await leadOf('L1', booted.second), traceId: 0 }).toEqual({ ...await leadOf('L1'), traceId: 0 });
    expect(await get('/v1/funnel', booted.second)).toEqual(await get('/v1/funnel'));
  });
});

describe('a lead that waits for somebody', () => {
  it('is held, not unsold, until one takes it', async () => {
    const before = await get('/v1/funnel');
    await booted.say(a.received('held'), a.tried('held', 'push', 20, 1, { held: true }));
    expect(await leadOf('held')).toMatchObject({ status: 'held', held: true, heldUntil: '2026-03-02T12:10:20.000Z', reason: 'not_active' });
    expect(told(await leadOf('held')).at(-1)).toEqual(['held', 'LeadNotDistributed', 'engine', 'not_active']);
    await booted.say(a.tried('held', 'push', 25, 2, { held: true }), a.tried('held', 'manual', 26, 3, { reason: 'cap_day', actor: 'ann' }));
    expect(await names('held=true')).toEqual(['held']);
    expect(await get('/v1/funnel')).toMatchObject({ held: 1, decided: before.decided + 1, distributed: before.distributed, unsold: before.unsold });
    await booted.say(a.tried('held', 'push', 30, 4, { picks: ['A'] }), a.reserved('held', 'A', 30));
    expect(await leadOf('held')).toMatchObject({ status: 'distributed', held: false, heldUntil: null });
    expect(await names('held=true')).toEqual([]);
    expect(await get('/v1/funnel')).toMatchObject({ held: 0, decided: before.decided + 1, distributed: before.distributed + 1, unsold: before.unsold });
  });

  it('is unsold where nobody came, and counts once, also where all is heard in one batch', async () => {
    const before = await get('/v1/funnel');
    const events = [a.received('nobody'), a.tried('nobody', 'push', 20, 1, { held: true }), a.tried('nobody', 'push', 21, 2, { held: true }),
      a.tried('nobody', 'push', 22, 3, { reason: 'cap_day' })];
    await booted.database.transaction({ service: 'gateway', tenants: [booted.first.tenantId] }, async (tx) => booted.bus.append(tx, events));
    await booted.caughtUp();
    const funnel = await get('/v1/funnel');
    expect(funnel).toMatchObject({ held: 0, decided: before.decided + 1, unsold: before.unsold + 1, received: before.received + 1 });
    expect(funnel.unsoldBy['cap_day']).toBe(before.unsoldBy['cap_day'] + 1);
    expect(await leadOf('nobody')).toMatchObject({ status: 'unsold', held: false, reason: 'cap_day' });
  });

  it('stays held while a client takes it from the pool', async () => {
    await booted.say(a.received('waiting'), a.tried('waiting', 'push', 20, 1, { held: true }),
      a.requested('waiting', 'r3', 21, { trigger: 'cherryPick', actor: 'portal 7', contractIds: ['B'] }),
      a.tried('waiting', 'cherryPick', 21, 2, { picks: ['B'], actor: 'portal 7', requestId: 'r3' }), a.reserved('waiting', 'B', 21));
    expect(await leadOf('waiting')).toMatchObject({ status: 'distributed', held: true, outboundLeads: [{ contractId: 'B', cherryPicked: true }] });
    expect((await get('/v1/contracts/B/outbound-leads')).data).toMatchObject([{ cherryPicked: true, status: 'reserved' }]);
    expect((await get('/v1/audit-log')).data[0]).toMatchObject({ action: 'lead.cherry-picked', actor: 'portal 7', detail: { contractIds: ['B'] } });
    expect(await get('/v1/funnel')).toMatchObject({ held: 1 });
  });
});

describe('a lead that its client turns down after it took it', () => {
  it('is nobody\'s any more, whether both are heard in one batch or not', async () => {
    await booted.say(a.received('P2'), a.distributed('P2', ['A', 'B'], 'arrival', 103), a.reserved('P2', 'A', 103), a.accepted('P2', 'A', 104));
    expect(await leadOf('P2')).toMatchObject({ status: 'accepted' });
    await booted.say(a.rejected('P2', 'A', 'bounced', 105));
    expect(await leadOf('P2')).toMatchObject({ status: 'unsold', outboundLeads: [{ status: 'rejected', reason: 'bounced' }] });
    const events = [a.reserved('P2', 'B', 106), a.accepted('P2', 'B', 107), a.rejected('P2', 'B', 'bounced', 108), a.reserved('P3', 'A', 109),
      a.received('P3'), a.distributed('P3', ['A'], 'arrival', 109)];
    await booted.database.transaction({ service: 'gateway', tenants: [booted.first.tenantId] }, async (tx) => booted.bus.append(tx, events));
    await booted.caughtUp();
    expect(await leadOf('P2')).toMatchObject({ status: 'unsold' });
    await booted.say(a.rejected('P3', 'A', 'no', 110));
    expect(await leadOf('P3')).toMatchObject({ status: 'unsold' });
    const { rows } = await booted.database.pool.query('SELECT open, accepted FROM gateway.leads WHERE lead_id = ANY ($1)', [[leadIdOf('P2'), leadIdOf('P3')]]);
    expect(rows).toEqual([{ open: 0, accepted: 0 }, { open: 0, accepted: 0 }]);
  });
});

describe('a lead without a campaign', () => {
  it('is shown as one, and found by an empty filter', async () => {
    await booted.say(b.received('turnedDown', ''), b.notDistributed('turnedDown', 'no_workflow'), b.received('P1'));
    expect(await leadOf('turnedDown', booted.second)).toMatchObject({ campaignId: null, status: 'unsold', reason: 'no_workflow' });
    expect(await names('campaign=', booted.second)).toEqual(['turnedDown']);
    expect(await names('campaign=')).toEqual([]);
  });
});

describe('a window', () => {
  it('is told with all that was done to it and by whom; of the times when it found nobody, the last', async () => {
    await booted.say(
      a.received('failed'), a.notDistributed('failed', 'schedule_closed', 'arrival', 16), a.window('failed', 'opened', 17),
      ...[3, 4, 5].map((n) => a.tried('failed', 'window', n * 10, n, { reason: 'cap_day' })),
      a.window('failed', 'paused', 60, 'ann'), a.window('failed', 'edited', 61, 'admin:k1'));
    expect(await leadOf('failed')).toMatchObject({
      status: 'unsold', attempts: 4,
      window: { state: 'paused', expiresAt: '2026-03-03T12:00:00.000Z', every: 'PT15M', rounds: 3, triedAt: '2026-03-02T12:00:50.000Z' },
    });
    await booted.say(a.window('failed', 'resumed', 62, 'ann'), a.scriptFailed('failed', 63));
    expect(await names('window=open')).toEqual(['failed']);
    await booted.say(a.window('failed', 'expired', 86_400, '', ['cap_day', 'schedule_closed']));
    const lead = await leadOf('failed');
    expect(told(lead).slice(2)).toEqual([
      ['window', 'WindowOpened', 'workflow', null],
      ['decided', 'LeadNotDistributed', 'engine', 'cap_day'],
      ['window', 'WindowPaused', 'user:ann', null],
      ['window', 'WindowEdited', 'admin:k1', null],
      ['window', 'WindowResumed', 'user:ann', null],
      ['script', 'ScriptFailed', 'engine', 'timeout'],
      ['window', 'WindowExpired', 'workflow', 'cap_day'],
    ]);
    expect(lead.timeline[3].ids).toMatchObject({ trigger: 'window', times: 3 });
    expect(lead.timeline.at(-1).ids.reasons).toEqual(['cap_day', 'schedule_closed']);
    expect([await names('window=open'), await names('window=expired')]).toEqual([[], ['failed']]);
    expect((await get('/v1/audit-log?limit=3')).data.map((entry: Json) => [entry.actor, entry.action]))
      .toEqual([['ann', 'window.resumed'], ['admin:k1', 'window.edited'], ['ann', 'window.paused']]);
  });

  it('is fulfilled once nobody further fits and all have said yes', async () => {
    await booted.say(a.received('L2'), a.distributed('L2', ['A'], 'arrival', 21), a.window('L2', 'opened', 21), a.reserved('L2', 'A', 21),
      a.accepted('L2', 'A', 22), a.fulfilled('L2', 22), a.window('L2', 'fulfilled', 23));
    const lead = await leadOf('L2');
    expect(lead).toMatchObject({ status: 'accepted', fulfilledAt: '2026-03-02T12:00:22.000Z', window: { state: 'fulfilled' } });
    expect(told(lead).slice(-2)).toEqual([['fulfilled', 'LeadFulfilled', 'engine', null], ['window', 'WindowFulfilled', 'workflow', null]]);
  });

  it('is a filter with known states alone', async () => {
    expect((await booted.call(booted.first.adminKey, 'GET', '/v1/leads?window=ajar')).status).toBe(400);
    expect((await booted.call(booted.first.adminKey, 'GET', '/v1/leads?held=maybe')).status).toBe(400);
    expect(await names('window=expired', booted.second)).toEqual([]);
  });
});

describe('the read models', () => {
  it('are the same when they are thrown away and heard again, and the audit log notes nothing twice', async () => {
    const before = await standing();
    await booted.app.get(RebuildService).rebuild();
    await booted.caughtUp();
    expect(await standing()).toEqual(before);
    expect((before as unknown[][])[5]!.length).toBeGreaterThan(7);
  });

  it('of an older version are heard again once, when the gateway starts', async () => {
    const before = await standing();
    const rebuild = booted.app.get(RebuildService);
    // As an older gateway would have left them: it passed over what it did not know.
    await booted.database.pool.query(`UPDATE gateway.projection SET version = 1`);
    await booted.database.pool.query(`UPDATE gateway.leads SET window_state = NULL, held = NULL, returned = 0`);
    await Promise.all([rebuild.onApplicationBootstrap(), rebuild.onApplicationBootstrap()]);
    await booted.caughtUp();
    expect(await standing()).toEqual(before);
    await booted.database.pool.query(`UPDATE gateway.leads SET reason = 'untouched' WHERE tenant_id = $1`, [booted.second.tenantId]);
    await rebuild.onApplicationBootstrap();
    expect((await booted.database.pool.query(`SELECT count(*)::int AS n FROM gateway.leads WHERE reason = 'untouched'`)).rows).toEqual([{ n: 3 }]);
  });
});
