import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PARTITIONS } from '@sluice/bus';
import { decide, Market, withValue, type ConfigItem } from '@sluice/distribution';
import { partitionOf } from '@sluice/kernel';
import { Log, VirtualClock } from '@sluice/runtime';
import { linearRegex } from '@sluice/scripts';
import { AnswersStore } from './answers.store.js';
import { openApi, type Api } from './api.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, aSign, NOON } from './builders.suite.js';
import { Engine } from './engine.service.js';
import { RebuildService, REBUILD_LIMITS } from './rebuild.service.js';
import { oneIn, openRig, type Rig } from './rig.suite.js';
import { SnapshotService } from './snapshot.service.js';

const PARTITION = partitionOf('north', PARTITIONS);
/** Another tenant of the same partition: both are decided by one writer, and again by one replay. */
const SOUTH = Array.from({ length: 200 }, (_, place) => `south-${place}`).find((id) => partitionOf(id, PARTITIONS) === PARTITION)!;

class Remembering extends Log {
  readonly errors: string[] = [];
  constructor() { super(); }
  override info(): void { /* not asked for */ }
  override warn(): void { /* not asked for */ }
  override error(_fields: object, message: string): void { this.errors.push(message); }
}

interface Why {
  contractId: string; code: string; gates: string[]; looked: boolean; words: string;
  change: { kind: string; id: string; path: string; from: unknown; to: unknown; words: string } | null;
}
interface Said { attemptId: string; basis: string; basisReason: string | null; contracts: Why[] }

let rig: Rig;
let api: Api;
let clock: VirtualClock;
const log = new Remembering();
const document = aDocument({
  clients: [{ id: 'acme', caps: { day: 30 } }, { id: 'bolt' }, { id: 'cole' }, { id: 'dora' }],
  contracts: [
    { id: 'acme-ny', client: 'acme', price: '25.00', caps: { day: 4, rolling60m: 3 }, deliveryMethod: 'hook',
      criteria: { field: 'state', op: 'in', value: ['NY', 'NJ'] } },
    { id: 'bolt-all', client: 'bolt', price: '10.00', weight: 2, deliveryMethod: 'hook' },
    { id: 'cole-all', client: 'cole', price: '10.00', weight: 1, deliveryMethod: 'hook' },
    { id: 'dora-other', client: 'dora', price: '70.00', campaigns: ['other'], deliveryMethod: 'hook' },
  ],
  scripts: [{ id: 'no-cole', status: 'active', code: `const filter = (lead, c) => c.id === 'cole-all' && lead.fields.state === 'NJ'
    ? 'not in ' + lead.fields.state : true` }],
  campaigns: [{ id: 'solar', workflow: 'w', deadline: 'P7D' }, { id: 'other', workflow: 'w' }, { id: 'pushed' }],
  pushStrategies: [{ id: 'desk', from: 'corporate', campaigns: ['pushed'], recipients: [{ to: 'ann', caps: { day: 1 } }, { to: 'bob' }],
    onlyActiveWithin: 'PT10M' }] as never,
  workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 3, rules: [{ method: 'price', take: 1, contracts: { ids: ['acme-ny'] } },
    { method: 'weighted', base: 'price', take: 1 }] }],
});

beforeAll(async () => {
  rig = await openRig();
  clock = new VirtualClock(NOON);
  api = await openApi(rig.url, { clock, log });
  await rig.say(['north', SOUTH].flatMap((tenantId) => aConfiguration(tenantId, 1, document)));
  await rig.settled('engine');
  await rig.receive(({ leadId, contractId }) => (oneIn(4, `${leadId}${contractId}`) ? 'rejected' : 'accepted'));
  for (let place = 0; place < 40; place++) {
    // Over two hours, so that what counters are forgotten with the hour is in it as well.
    clock.moveTo(NOON + place * 240_000);
    const attributes = { state: ['NY', 'TX', 'NJ'][place % 3]! };
    await rig.say([aLead('north', `L${place}`, { attributes }), aLead(SOUTH, `L${place}`, { attributes })]);
    if (place % 8 === 7) await rig.settled('engine', 'delivery');
    if (place === 18) {
      // Another process takes the partition over: a replay, which goes through, comes to the same.
      await api.close();
      api = await openApi(rig.url, { clock, log });
    }
    if (place === 20) {
      await rig.say(aConfiguration('north', 2, [{ kind: 'contract', id: 'bolt-all', entry: 6,
        body: { id: 'bolt-all', client: 'bolt', price: '12.00', weight: 3, deliveryMethod: 'hook' } }]));
    }
    if (place === 30) await rig.say([aRequest('north', 'L1', { contractIds: ['cole-all', 'acme-ny'] })]);
  }
  await rig.settled('engine', 'delivery');
});
afterAll(async () => {
  await api?.close();
  await rig?.close();
});

const rebuild = () => api.app.get(RebuildService);
/** As a process that was never asked before. */
beforeEach(() => { rebuild().onApplicationShutdown(); });

async function why(lead: string, query = '', key?: string): Promise<Said> {
  const { status, body } = await api.get(`/v1/leads/${lead}/explanation${query}`, key);
  expect(status).toBe(200);
  return body as unknown as Said;
}
const attemptsOf = async (key: string) => (await api.get('/v1/attempts?order=oldest&limit=200', key)).body.data as { attemptId: string;
  leadId: string; configurationVersion: number; picks: unknown[] }[];

/** With the change in the configuration of then, and all else as it was, the contract is in the plan. */
async function wins(tenantId: string, attemptId: string, version: number, { contractId, change }: Why): Promise<boolean> {
  const rebuilt = await rebuild().moment(tenantId, attemptId);
  if (!('moment' in rebuilt)) throw new Error(rebuilt.why);
  const { state, stored: { lead, life }, request, now } = rebuilt.moment;
  const items = (await api.app.get(AnswersStore).market(tenantId, version)).allItems().map((item) => (
    item.kind === change!.kind && item.id === change!.id
      ? { ...item, body: withValue(item.body!, change!.path, change!.to ?? undefined) } as ConfigItem : item));
  const engine = api.app.get(Engine);
  const market = Market.compile(items, { regex: linearRegex });
  const { picks } = decide(market, state, lead, life, engine.withScripts(request, market, state), now, engine.seeds.of(tenantId));
  return picks.some((pick) => pick.contractId === contractId);
}

describe('why a contract did not get a lead', () => {
  it('is told for every attempt on the counters of then, and the change that is told would have won', async () => {
    let told = 0;
    const kinds = new Set<string>();
    for (const tenantId of ['north', SOUTH]) {
      const attempts = await attemptsOf(tenantId);
      expect(attempts.length).toBeGreaterThan(40);
      for (const { attemptId, configurationVersion } of attempts) {
        const { body } = await api.get(`/v1/attempts/${attemptId}?counterfactuals=true`, tenantId);
        expect([attemptId, body['basis']]).toEqual([attemptId, 'replayed']);
        for (const verdict of body['verdicts'] as Why[]) {
          if (!verdict.change) continue;
          told++;
          kinds.add(`${verdict.change.kind}.${verdict.change.path}`);
          expect([verdict.words, await wins(tenantId, attemptId, configurationVersion, verdict)]).toEqual([verdict.words, true]);
        }
      }
    }
    expect(told).toBeGreaterThan(60);
    expect(kinds.size).toBeGreaterThan(3);
    expect(log.errors).toEqual([]);
  });

  it('is a sentence, and the same as data', async () => {
    const capped = await findSaid('acme-ny', 'cap_hour');
    expect(capped.words).toBe('acme-ny was not given this lead: its rolling hourly cap of 3 was used up (3 of 3). '
      + 'It would have won with a rolling hourly cap of 4.');
    expect(capped.change).toEqual({ kind: 'contract', id: 'acme-ny', path: 'caps.rolling60m', from: 3, to: 4,
      words: 'rolling hourly cap 3 → 4' });
  });

  it('has the words of the script that kept a contract out', async () => {
    const kept = await findSaid('cole-all', 'script');
    expect(kept.words).toBe('cole-all was not given this lead: a script kept it out (not in NJ). '
      + 'No single change of the configuration would have let it win.');
  });

  async function findSaid(contractId: string, code: string): Promise<Why> {
    for (const { leadId } of await attemptsOf('north')) {
      const [one] = (await why(leadId, `?contract=${contractId}`)).contracts;
      if (one!.code === code && one!.gates.length === 1) return one!;
    }
    throw new Error(`no lead was kept from ${contractId} by ${code}`);
  }

  it('stays what it was, however many leads come after', async () => {
    const before = await Promise.all(['L3', 'L12', 'L33'].map((lead) => why(lead)));
    await rig.say(Array.from({ length: 300 }, (_, place) => aLead('north', `M${place}`, { attributes: { state: 'NY' } })));
    await rig.say(aConfiguration('north', 3, [{ kind: 'contract', id: 'cole-all', entry: 7, body: null }]));
    await rig.settled('engine', 'delivery');
    rebuild().onApplicationShutdown();
    expect(await Promise.all(['L3', 'L12', 'L33'].map((lead) => why(lead)))).toEqual(before);
    expect(before.every(({ basis }) => basis === 'replayed')).toBe(true);
  });

  it('names one contract, another attempt, and also who was out of scope', async () => {
    const { body: { data } } = await api.get('/v1/leads/L1/attempts');
    const first = data[0] as unknown as { attemptId: string };
    expect((await why('L1')).attemptId).toBe((data.at(-1) as unknown as { attemptId: string }).attemptId);
    expect((await why('L1', `?attempt=${first.attemptId}`)).attemptId).toBe(first.attemptId);
    expect((await why('L3', '?contract=dora-other')).contracts).toMatchObject([{ contractId: 'dora-other', code: 'criteria',
      words: expect.stringContaining('campaign in other, got "solar"') }]);
    // Offered to two by hand: nobody else was considered.
    expect((await why('L1')).contracts.map(({ contractId }) => contractId)).toEqual(['acme-ny', 'cole-all']);
    expect((await why('L1', '?contract=bolt-all')).contracts[0]!.words).toContain('it was not among those that the lead was offered to.');
    const status = async (url: string, key?: string) => (await api.get(url, key)).status;
    expect(await status('/v1/leads/L3/explanation?contract=nobody')).toBe(404);
    expect(await status('/v1/leads/L3/explanation?attempt=nothing')).toBe(404);
    expect(await status('/v1/leads/none/explanation')).toBe(404);
  });

  it('is told to nobody else', async () => {
    const { attemptId } = await why('L3');
    for (const url of [`/v1/attempts/${attemptId}?counterfactuals=true`, '/v1/leads/M1/explanation']) {
      expect((await api.get(url, SOUTH)).status).toBe(404);
    }
    expect((await why('L3', '', SOUTH)).attemptId).not.toBe(attemptId);
    expect((await api.get(`/v1/leads/L3/explanation?attempt=${attemptId}`, SOUTH)).status).toBe(404);
  });
});

describe('why nobody got a pushed lead', () => {
  it('is told of the recipients: how long ago they may have been active is a change, that they never were is none', async () => {
    await rig.say([aSign('north', 'ann', clock.now())]);
    await rig.settled('engine');
    clock.moveTo(clock.now() + 24 * 60_000);
    await rig.say([aLead('north', 'P1', { campaignId: 'pushed' })]);
    await rig.settled('engine');
    const said = await why('P1');
    expect(said).toMatchObject({ basis: 'replayed', contracts: [
      { contractId: 'ann', code: 'not_active', change: { kind: 'pushStrategy', id: 'desk', path: 'onlyActiveWithin', to: 'PT24M' },
        words: 'ann was not given this lead: nobody there was active. '
          + 'It would have won had strategy desk let it have been active as long ago as PT24M.' },
      { contractId: 'bob', code: 'not_active', change: null, looked: true },
    ] });
  });
});

describe('where the past cannot be had', () => {
  it('says that it is too far, and answers on the counters of now', async () => {
    rebuild().limits = { ...REBUILD_LIMITS, records: 5 };
    const said = await why('L33');
    expect(said).toMatchObject({ basis: 'now', basisReason: 'too_far' });
    expect(said.contracts.length).toBeGreaterThan(0);
    rebuild().limits = { ...REBUILD_LIMITS, leads: 20 };
    expect(await why('L33')).toMatchObject({ basis: 'now', basisReason: 'too_far' });
    rebuild().limits = { ...REBUILD_LIMITS, ms: -1 };
    expect(await why('L33')).toMatchObject({ basis: 'now', basisReason: 'too_long' });
    rebuild().limits = REBUILD_LIMITS;
    expect(await why('L33')).toMatchObject({ basis: 'replayed', basisReason: null });
  });

  it('is decided again alike, in whatever stretches the log is read', async () => {
    const whole = await why('L20');
    expect(whole).toMatchObject({ basis: 'replayed', basisReason: null });
    for (const read of [1, 3, 7]) {
      rebuild().limits = { ...REBUILD_LIMITS, read };
      rebuild().onApplicationShutdown();
      expect(await why('L20')).toEqual(whole);
    }
    rebuild().limits = REBUILD_LIMITS;
  });

  it('says loudly that what was decided again is not what stands in the receipt', async () => {
    const { attemptId } = await why('L5');
    await rig.rows(`UPDATE engine.attempts SET receipt = replace(receipt, '"priceMinor":"', '"priceMinor":"9') WHERE attempt_id = $1`,
      [attemptId]);
    expect(await why('L5')).toMatchObject({ basis: 'now', basisReason: 'differs' });
    expect(log.errors).toEqual(['an attempt that was decided again gives other picks than its receipt']);
  });

  it('needs no journal for questions about leads near the one before', async () => {
    await why('L39');
    const lines = await rig.rows('DELETE FROM engine.journal WHERE partition = $1 RETURNING *', [PARTITION]);
    expect((await Promise.all(['L2', 'L20', 'L38', 'L0'].map((lead) => why(lead)))).map(({ basis }) => basis))
      .toEqual(['replayed', 'replayed', 'replayed', 'replayed']);
    rebuild().onApplicationShutdown();
    expect(await why('L2')).toMatchObject({ basis: 'now', basisReason: 'log_gone' });
    await rig.rows(`INSERT INTO engine.journal SELECT * FROM json_populate_recordset(NULL::engine.journal, $1)`, [JSON.stringify(lines)]);
    expect(await why('L2')).toMatchObject({ basis: 'replayed' });
  });

  it('goes on from a snapshot, and not before it', async () => {
    await api.app.get(SnapshotService).take(PARTITION);
    await rig.say([aLead('north', 'N1', { attributes: { state: 'NY' } }), aRequest('north', 'L4', { contractIds: ['bolt-all'] })]);
    await rig.settled('engine', 'delivery');
    expect(await why('N1')).toMatchObject({ basis: 'replayed' });
    expect(await why('L4')).toMatchObject({ basis: 'replayed', contracts: [{ contractId: 'bolt-all', code: 'picked' }] });
    rebuild().onApplicationShutdown();
    // The beginning counts as a snapshot until two have been taken.
    expect(await why('L3')).toMatchObject({ basis: 'replayed' });
    await api.app.get(SnapshotService).take(PARTITION);
    rebuild().onApplicationShutdown();
    expect(await why('N1')).toMatchObject({ basis: 'replayed' });
    const old = await why('L3');
    expect(old).toMatchObject({ basis: 'now', basisReason: 'before_snapshot' });
    // What its receipt says does not change with that.
    expect(old.contracts.map(({ contractId, code }) => [contractId, code])).toContainEqual(['cole-all', expect.any(String)]);
  });
});
