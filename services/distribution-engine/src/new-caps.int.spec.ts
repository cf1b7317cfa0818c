import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { itemsOf, Market, type ConfigDocument, type Lead, type Life } from '@sluice/distribution';
import type { OutboundLeadReserved, Said } from '@sluice/events';
import { bucketOf, type BucketWindow } from '@sluice/kernel';
import { VirtualClock } from '@sluice/runtime';
import { aConfiguration, aDocument, aLead, aRequest, aResult, aReturn, aSign, NOON } from './builders.suite.js';
import { capLines, rollingUse } from './caps.js';
import { mustReplay } from './replay.suite.js';
import { rigPerTest } from './rig-per-test.suite.js';
import { oneIn, type Rig } from './rig.suite.js';
import { SnapshotService } from './snapshot.service.js';

const HOUR = 3_600_000;
const TENANTS = ['north', 'south'];
const document = aDocument({
  clients: [{ id: 'acme', group: 'gold' }, { id: 'bolt' }],
  contracts: [
    { id: 'acme-1', client: 'acme', price: '30.00', maxShareCount: 2, deliveryMethod: 'hook' },
    { id: 'bolt-1', client: 'bolt', price: '20.00', maxShareCount: 2, deliveryMethod: 'hook' },
  ],
  campaigns: [{ id: 'solar', workflow: 'w' }, { id: 'calls' }],
  workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price' }] }],
  pushStrategies: [
    { id: 'top', campaigns: ['calls'], from: 'corporate', recipients: [{ to: 'east' }] },
    { id: 'down', campaigns: ['calls'], from: 'east', recipients: [{ to: 'u1' }, { to: 'u2' }] },
  ],
});

/** Caps that shut nothing, of every scope and window. */
function capped(timezone: string | undefined): ConfigDocument {
  const caps = { hour: 900, rolling60m: { count: 900, amount: '9000.00' }, day: { count: 900, amount: '9000.00' }, week: 900, month: 900, total: 900,
    ...(timezone ? { timezone } : {}) };
  return {
    ...document, groups: [{ id: 'gold', caps }], campaigns: document.campaigns!.map((each) => ({ ...each, caps })),
    clients: document.clients!.map((each) => ({ ...each, caps })), contracts: document.contracts!.map((each) => ({ ...each, caps })),
    pushStrategies: document.pushStrategies!.map((each) => ({ ...each, caps, recipients: each.recipients.map((to) => ({ ...to, caps })) })),
  };
}

let rig: Rig;
const clock = new VirtualClock(NOON);
const { members, member } = rigPerTest((opened) => { rig = opened; }, clock);

const inBoth = (make: (tenantId: string) => readonly Said[]) => TENANTS.flatMap(make);
const leads = (ids: readonly string[], campaignId = 'solar', configurationVersion = 1) => inBoth((tenantId) => ids.map((leadId) =>
  aLead(tenantId, leadId, { campaignId, configurationVersion, receivedAt: new Date(clock.now()).toISOString() })));
const reserved = async () => (await rig.said()).filter(({ type }) => type.endsWith('.OutboundLeadReserved'))
  .map(({ data }) => data as OutboundLeadReserved);

function answerOf(leadId: string, contractId: string): 'rejected' | 'silent' | 'accepted' {
  return oneIn(4, `${leadId}${contractId}`) ? 'rejected' : oneIn(3, `${contractId}${leadId}`) ? 'silent' : 'accepted';
}

const heard = (answer: ReturnType<typeof answerOf>) => (answer === 'silent' ? undefined : answer);

interface Sale { at: number; minor: number; scopes: string[] }

/** What stands by the stories of the leads alone: in which scopes, since when. */
async function salesOf(tenantId: string): Promise<Sale[]> {
  const rows = await rig.rows<{ lead: string; life: string }>('SELECT lead, life FROM engine.leads WHERE tenant_id = $1', [tenantId]);
  const times = new Map((await rig.rows<{ id: string; at: string }>(
    'SELECT outbound_lead_id AS id, reserved_at AS at FROM engine.outbound_leads WHERE tenant_id = $1', [tenantId])).map(({ id, at }) => [id, Number(at)]));
  return rows.flatMap(({ lead, life }) => (JSON.parse(life) as Life).picks.filter(({ state }) => state === 'reserved' || state === 'accepted')
    .map(({ outboundLeadId, contractId, clientId, price, rule }): Sale => ({
      at: times.get(outboundLeadId)!, minor: Number(price),
      scopes: rule === 'top' ? ['top', 'top/east', 'down', `down/${contractId}`].map((id) => `recipient|${id}`)
        : [`contract|${contractId}`, `client|${clientId}`, `campaign|${(JSON.parse(lead) as Lead).campaignId}`, ...(clientId === 'acme' ? ['group|gold'] : [])],
    })));
}

/** Every counter of a cap that is in force is what stands in its bucket, no more and no less; how many are not 0. */
async function mustCount(config: ConfigDocument, timezone: string): Promise<number> {
  const market = Market.compile(itemsOf(config));
  let used = 0;
  for (const tenantId of TENANTS) {
    const sales = await salesOf(tenantId);
    const counters = await rig.rows<{ key: string; value: string }>(`SELECT key, value FROM engine.state WHERE tenant_id = $1`, [tenantId]);
    const entries = counters.map(({ key, value }) => ({ key, value: Number(value) }));
    const recipients = [...market.strategies.values()].flatMap(({ recipients: all }) => all.flatMap(({ limits }) => limits));
    const lines = [...capLines(market, clock.now()), ...recipients.map(({ scope, id, window, metric, prefix, clock: of }) => (
      { scope, id, window, metric, key: of ? prefix + of.at(clock.now()).name : prefix, rolling: !of }))];
    for (const { scope, id, window, metric, key, rolling } of lines) {
      const isNow = ({ at }: Sale) => (rolling ? at > clock.now() - HOUR
        : bucketOf(at, timezone, window as BucketWindow) === bucketOf(clock.now(), timezone, window as BucketWindow));
      const mine = sales.filter((sale) => sale.scopes.includes(`${scope}|${id}`) && isNow(sale));
      const truth = metric === 'count' ? mine.length : mine.reduce((sum, { minor }) => sum + minor, 0);
      const counted = rolling ? rollingUse(entries.filter((entry) => entry.key.startsWith(key)), clock.now())
        : entries.find((entry) => entry.key === key)?.value ?? 0;
      expect([tenantId, key, counted]).toEqual([tenantId, key, truth]);
      if (truth > 0) used++;
    }
  }
  return used;
}

describe('a cap that comes in the middle of its bucket', () => {
  it('counts what the bucket holds: of five a day, on a contract that had three, two are left', async () => {
    await member();
    await rig.receive(() => 'accepted');
    await rig.say(inBoth((tenantId) => aConfiguration(tenantId, 1, document)));
    await rig.say(leads(['A', 'B', 'C']));
    await rig.settled('engine', 'delivery');
    const contracts = [{ ...document.contracts![0]!, caps: { day: 5 } }, document.contracts![1]!];
    // Some leads rest on the change: they wait for it, whichever record comes first.
    await rig.say([...leads(['D']), ...leads(['E', 'F', 'G'], 'solar', 2), ...inBoth((tenantId) => aConfiguration(tenantId, 2, { ...document, contracts }))]);
    await rig.settled('engine', 'delivery');
    const got = (await reserved()).filter(({ tenantId, contractId }) => tenantId === 'north' && contractId === 'acme-1');
    expect(got.map(({ leadId }) => leadId)).toEqual(['A', 'B', 'C', 'D', 'E']);
  });

  it.each([1, 50])('of any scope and window, counts what stands, whoever owns the partition, and a replay says the same (batches of %s)', async (batchMax) => {
    const first = await member({ batchMax });
    clock.moveTo(NOON - 9 * HOUR);
    await rig.say(inBoth((tenantId) => [...aConfiguration(tenantId, 1, document), aSign(tenantId, 'u1', clock.now())]));
    await rig.receive(({ leadId, contractId }) => (
      leadId.startsWith('last') ? 'accepted' : heard(answerOf(leadId, contractId))));
    await rig.say([...leads(['L1', 'L2', 'L3', 'L4']), ...leads(['P1'], 'calls')]);
    await rig.settled('engine', 'delivery');
    clock.moveTo(NOON);
    await rig.say([...leads(['L5', 'L6', 'L7', 'L8']), ...leads(['P2', 'P3'], 'calls'), ...leads(['X'], '')]);
    await rig.say(inBoth((tenantId) => [aRequest(tenantId, 'X', { trigger: 'cherryPick', contractIds: ['acme-1'] })]));
    await rig.settled('engine', 'delivery');
    const partitions = await rig.rows<{ partition: number }>('SELECT DISTINCT partition FROM engine.tenants');
    const labels = await Promise.all(partitions.map(({ partition }) => new SnapshotService(first.engine).take(partition)));
    const silent = (await reserved()).filter(({ leadId, contractId }) => answerOf(leadId, contractId) === 'silent');
    const taken = (await reserved()).filter(({ leadId, contractId }) => answerOf(leadId, contractId) === 'accepted');

    // A return and a rejection stand in the same batch as the change, before it and behind it.
    await rig.say([aReturn(taken[0]!), aResult('rejected', silent[0]!), ...leads(['M1', 'M2']),
      ...inBoth((tenantId) => aConfiguration(tenantId, 2, capped(undefined))), aReturn(taken[1]!), aResult('failed', silent[1]!), ...leads(['M3'])]);
    await rig.settled('engine', 'delivery');
    expect(await mustCount(capped(undefined), 'UTC')).toBeGreaterThan(60);

    await first.close();
    members.splice(0);
    const second = await member({ batchMax });
    clock.moveTo(NOON + HOUR / 2);
    // Other buckets; then none, while more is given back and sold; then the same again.
    await rig.say([...inBoth((tenantId) => aConfiguration(tenantId, 3, capped('America/New_York'))), aReturn(taken[2]!), ...leads(['N1', 'N2'])]);
    await rig.settled('engine', 'delivery');
    expect(await mustCount(capped('America/New_York'), 'America/New_York')).toBeGreaterThan(60);
    await rig.say([...inBoth((tenantId) => aConfiguration(tenantId, 4, document)), aReturn(taken[3]!), aResult('rejected', silent[2]!),
      ...leads(['N3', 'N4']), ...leads(['P4'], 'calls')]);
    await rig.say([...inBoth((tenantId) => aConfiguration(tenantId, 5, capped('America/New_York'))), ...leads(['N5'])]);
    await rig.settled('engine', 'delivery');
    expect(await mustCount(capped('America/New_York'), 'America/New_York')).toBeGreaterThan(60);

    // One more than stands since midnight in Greenwich, so that what was counted decides.
    const stands = new Map<string, number>();
    for (const tenantId of TENANTS) {
      stands.set(tenantId, (await salesOf(tenantId)).filter(({ scopes }) => scopes.includes('contract|acme-1')).length);
    }
    await rig.say([...inBoth((tenantId) => aConfiguration(tenantId, 6, { ...document,
      contracts: [{ ...document.contracts![0]!, caps: { day: stands.get(tenantId)! + 1 } }, document.contracts![1]!] })),
      ...leads(['last1', 'last2', 'last3', 'last4', 'last5', 'last6'], 'solar', 6)]);
    await rig.settled('engine', 'delivery');
    for (const tenantId of TENANTS) {
      expect((await salesOf(tenantId)).filter(({ scopes }) => scopes.includes('contract|acme-1'))).toHaveLength(stands.get(tenantId)! + 1);
    }

    let replayed = 0;
    for (const label of labels) replayed += await mustReplay(rig, new SnapshotService(second.engine), label!);
    expect(replayed).toBeGreaterThan(15);
    expect(await rig.bus.parked('engine')).toEqual([]);
  });
});
