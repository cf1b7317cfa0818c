import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { LeadDistributed, OutboundLeadReserved } from '@sluice/events';
import { VirtualClock } from '@sluice/runtime';
import { aConfiguration, aDocument, aLead, aRequest, aReturn, aSign, aWindow, NOON } from './builders.suite.js';
import { mustReplay } from './replay.suite.js';
import { rigPerTest } from './rig-per-test.suite.js';
import { oneIn, type Rig } from './rig.suite.js';
import { SnapshotService } from './snapshot.service.js';

const HOUR = 3_600_000;
const TENANTS = ['north', 'south'];
const document = aDocument({
  contracts: [
    { id: 'acme-1', client: 'acme', price: '30.00', maxShareCount: 2, caps: { day: 6 }, deliveryMethod: 'hook' },
    { id: 'bolt-1', client: 'bolt', price: '20.00', maxShareCount: 2, caps: { day: 9 }, deliveryMethod: 'hook' },
  ],
  campaigns: [{ id: 'solar', workflow: 'w' }, { id: 'calls' }],
  workflows: [{ id: 'w', mode: 'window', window: { length: 'P30D', every: 'PT1H' }, maxMultiplication: 2, rules: [{ method: 'price' }] }],
  pushStrategies: [{ id: 'reps', campaigns: ['calls'], from: 'corporate', onlyActiveWithin: 'PT10M',
    recipients: [{ to: 'u1', caps: { day: 3 } }, { to: 'u2' }] }],
});

let rig: Rig;
const clock = new VirtualClock(NOON);
const { members, member } = rigPerTest((opened) => { rig = opened; }, clock);

const configure = () => rig.say(TENANTS.flatMap((tenantId) => aConfiguration(tenantId, 1, document)));
const inBoth = (ids: readonly string[], campaignId: string) => rig.say(ids.flatMap((leadId, place) => TENANTS.map((tenantId) =>
  aLead(tenantId, leadId, { campaignId, receivedAt: new Date(clock.now() + place).toISOString() }))));
const heldOf = (tenantId: string) => rig.rows<{ lead_id: string }>(
  'SELECT lead_id FROM engine.leads WHERE tenant_id = $1 AND held_since IS NOT NULL ORDER BY lead_id', [tenantId]);
const soldTo = async (tenantId: string) => (await rig.said()).filter((heard) => heard.tenantId === tenantId
  && heard.type.endsWith('.OutboundLeadReserved')).map(({ data }) => data as OutboundLeadReserved).map(({ leadId, contractId }) =>
  `${leadId} ${contractId}`);

describe('leads that are held', () => {
  it('are found again by whoever takes the partition over, the oldest first, and each tenant\'s for itself', async () => {
    const first = await member();
    await configure();
    await inBoth(['L1', 'L2', 'L3', 'L4'], 'calls');
    await rig.settled('engine');
    await first.close();
    members.splice(0);
    await member();
    expect(await heldOf('north')).toHaveLength(4);
    await rig.say([aSign('north', 'u1', NOON)]);
    await rig.settled('engine');
    expect([await soldTo('north'), await soldTo('south')]).toEqual([['L1 u1', 'L2 u1', 'L3 u1'], []]);
    expect([await heldOf('north'), (await heldOf('south')).length]).toEqual([[{ lead_id: 'L4' }], 4]);
  });

  it('go to one user each, though signs, requests and arrivals cross each other', async () => {
    await member();
    await configure();
    await rig.receive(() => 'accepted');
    const ids = Array.from({ length: 40 }, (_, place) => `L${place}`);
    for (const leadId of ids) {
      await inBoth([leadId], 'calls');
      if (oneIn(3, leadId)) await rig.say(TENANTS.flatMap((tenantId) => [aSign(tenantId, 'u2', NOON), aRequest(tenantId, leadId,
        { trigger: 'push' })]));
    }
    await rig.say(TENANTS.map((tenantId) => aSign(tenantId, 'u2', NOON)));
    await rig.settled('engine', 'delivery');
    for (const tenantId of TENANTS) {
      expect((await soldTo(tenantId)).map((line) => line.split(' ')[0]).sort()).toEqual([...ids].sort());
      expect(await heldOf(tenantId)).toEqual([]);
    }
  });
});

it('a request that is in the log twice is answered once, whoever answered it first', async () => {
  const first = await member();
  await configure();
  await inBoth(['L1'], 'calls');
  const request = aRequest('north', 'L1', { requestId: 'R1', contractIds: ['acme-1'], actor: 'ann' });
  await rig.say([request]);
  await rig.settled('engine');
  await first.close();
  members.splice(0);
  await member();
  await rig.say([request, aRequest('north', 'L1', { requestId: 'R1', contractIds: ['bolt-1'] })]);
  await rig.settled('engine');
  const answers = (await rig.said()).filter(({ data }) => (data as LeadDistributed).requestId === 'R1');
  expect(answers.map(({ data }) => (data as LeadDistributed).actor)).toEqual(['ann']);
  expect(await soldTo('north')).toEqual(['L1 acme-1']);
});

describe('snapshot, journal and log', () => {
  it('give the same attempts to the byte, with windows, presence, returns and leads that wait for longer than others are kept', async () => {
    const opened = await member();
    const snapshots = new SnapshotService(opened.engine);
    await configure();
    await rig.receive(({ leadId, contractId }) => (oneIn(4, `${leadId}${contractId}`) ? 'rejected' : 'accepted'));
    const ids = Array.from({ length: 12 }, (_, place) => `L${String(place).padStart(2, '0')}`);
    await inBoth(ids, 'solar');
    await inBoth(['P1', 'P2', 'P3', 'P4', 'P5'], 'calls');
    const windows = (what: 'opened' | 'paused' | 'resumed' | 'stopped', generation: number, leads: readonly string[]) => rig.say(
      leads.flatMap((leadId) => TENANTS.map((tenantId) => aWindow(what, { tenantId, leadId, generation, expiresAt: NOON + 720 * HOUR }))));
    const asks = (generation: number, leads: readonly string[]) => rig.say(leads.flatMap((leadId) => TENANTS.map((tenantId) =>
      aRequest(tenantId, leadId, { trigger: 'window', windowGeneration: generation, actor: '' }))));
    await windows('opened', 1, ids);
    await rig.settled('engine', 'delivery');
    // Ten days later all of them are older than what a snapshot takes along, but wait.
    clock.moveTo(NOON + 240 * HOUR);
    await inBoth(['new'], 'solar');
    await rig.settled('engine', 'delivery');
    const partitions = await rig.rows<{ partition: number }>('SELECT DISTINCT partition FROM engine.tenants');
    const labels = await Promise.all(partitions.map(({ partition }) => snapshots.take(partition)));

    await windows('paused', 2, ids.slice(0, 3));
    await asks(1, ids.slice(0, 6));
    await rig.say(TENANTS.flatMap((tenantId) => [aSign(tenantId, 'u1', clock.now()), aSign(tenantId, 'u2', clock.now() - HOUR)]));
    await inBoth(['P6', 'P7'], 'calls');
    await rig.settled('engine', 'delivery');
    const sold = (await rig.said()).filter(({ type }) => type.endsWith('.OutboundLeadReserved')).map(({ data }) =>
      data as OutboundLeadReserved);
    await rig.say(sold.slice(0, 12).map((each) => aReturn(each)));
    clock.moveTo(NOON + 241 * HOUR);
    await windows('resumed', 3, ids.slice(0, 3));
    await windows('stopped', 2, ids.slice(9));
    await asks(3, ids);
    await asks(1, ids);
    await rig.say(TENANTS.map((tenantId) => aSign(tenantId, 'u2', clock.now())));
    await rig.settled('engine', 'delivery');
    let replayed = 0;
    for (const label of labels) replayed += await mustReplay(rig, snapshots, label!);
    expect(replayed).toBeGreaterThan(40);
    expect(await rig.rows(`SELECT DISTINCT state FROM engine.outbound_leads WHERE state IN ('returned', 'rejected') ORDER BY state`)).toEqual(
      [{ state: 'rejected' }, { state: 'returned' }]);
    expect((await rig.said()).some(({ type }) => type.endsWith('.LeadFulfilled'))).toBe(true);
    expect(await rig.bus.parked('engine')).toEqual([]);
  });
});
