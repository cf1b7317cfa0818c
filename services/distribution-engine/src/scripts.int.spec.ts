import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PARTITIONS } from '@sluice/bus';
import type { Script } from '@sluice/distribution';
import type { ScriptFailed } from '@sluice/events';
import { partitionOf } from '@sluice/kernel';
import { VirtualClock } from '@sluice/runtime';
import { openApi, type Api } from './api.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, NOON } from './builders.suite.js';
import { openRig, type Rig } from './rig.suite.js';

/** Of the same partition, and so of the same sandbox and the same batches. */
const SOUTH = Array.from({ length: 200 }, (_, place) => `south-${place}`)
  .find((id) => partitionOf(id, PARTITIONS) === partitionOf('north', PARTITIONS))!;

const scripts: Script[] = [
  { id: 'no-jersey', status: 'active', version: 3, code: 'let n = 0; const filter = (lead, c) => { n++; return c.id === "acme-ny" && lead.fields.state === "NJ" ? `not in ${lead.fields.state}, ${n}` : true; }' },
  { id: 'cheap-first', status: 'shadow', code: 'const score = (lead, c) => -c.price', when: { field: 'state', op: 'equals', value: 'NY' } },
  { id: 'broken', status: 'active', code: 'const filter = (lead) => { if (lead.fields.broken) throw new Error("no"); return true; }' },
  { id: 'endless', status: 'active', code: 'const filter = (lead) => { while (lead.fields.endless); return true; }', limits: { steps: 10_000 } },
  { id: 'off', status: 'off', code: 'const filter = () => false' },
];

let rig: Rig;
let api: Api;
let clock: VirtualClock;
const attempts = async (tenant: string, lead: string) => (await api.get(`/v1/leads/${lead}/attempts`, tenant)).body['data'] as unknown as
  { attemptId: string; picks: { contractId: string }[] }[];
const receiptOf = async (tenant: string, lead: string) => (await api.get(`/v1/attempts/${(await attempts(tenant, lead))[0]!.attemptId}`, tenant)).body;

beforeAll(async () => {
  rig = await openRig();
  clock = new VirtualClock(NOON);
  api = await openApi(rig.url, { clock });
  // The first gets it by the rules; a second by hand.
  const document = aDocument({ workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price', take: 1 }] }] });
  document.contracts = document.contracts!.map((contract) => ({ ...contract, caps: undefined, maxShareCount: undefined }));
  await rig.say([...aConfiguration('north', 1, { ...document, scripts }), ...aConfiguration(SOUTH, 1, document)]);
  await rig.settled('engine');
  const leads: readonly [string, Record<string, string | boolean>][] = [
    ['ny', { state: 'NY' }], ['nj', { state: 'NJ' }], ['tx', { state: 'TX' }], ['broken-1', { state: 'NJ', broken: true }],
    ['broken-2', { state: 'NY', broken: true }], ['endless', { state: 'NY', endless: true }],
  ];
  await rig.say(leads.flatMap(([id, attributes]) => [aLead('north', id, { attributes }), aLead(SOUTH, id, { attributes })]));
  await rig.settled('engine');
}, 120_000);

afterAll(async () => {
  await api?.close();
  await rig?.close();
});

describe('scripts of the engine', () => {
  it('refuse, and the receipt says with which words and by which version', async () => {
    const receipt = await receiptOf('north', 'nj');
    expect(receipt['picks']).toMatchObject([{ contractId: 'bolt-all' }]);
    expect(receipt['verdicts']).toContainEqual(expect.objectContaining({ contractId: 'acme-ny', code: 'script', detail: 'not in NJ, 1' }));
    expect(receipt['scripts']).toMatchObject([
      { id: 'no-jersey', version: 3, status: 'applied' },
      { id: 'cheap-first', version: 1, status: 'notTriggered', reason: 'when', words: 'state equals NY, got "NJ"',
        sentence: 'Script cheap-first (version 1) was not asked: its criteria do not hold (state equals NY, got "NJ").' },
      { id: 'broken', version: 1, status: 'applied' }, { id: 'endless', version: 1, status: 'applied' },
      { id: 'off', status: 'notTriggered', reason: 'off' },
    ]);
  });

  it('say nothing about the leads of another tenant', async () => {
    const receipt = await receiptOf(SOUTH, 'nj');
    expect(receipt['picks']).toMatchObject([{ contractId: 'acme-ny' }]);
    expect(receipt['scripts']).toEqual([]);
  });

  it('that fail are left out, and said once a batch', async () => {
    for (const [lead, script, reason] of [['broken-2', 'broken', 'error'], ['endless', 'endless', 'steps']] as const) {
      const receipt = await receiptOf('north', lead);
      expect(receipt['picks']).toMatchObject([{ contractId: 'acme-ny' }]);
      expect(receipt['scripts']).toContainEqual(expect.objectContaining({ id: script, status: 'failed', reason, hook: 'filter' }));
    }
    // The other scripts still have their say.
    expect((await receiptOf('north', 'broken-1'))['picks']).toMatchObject([{ contractId: 'bolt-all' }]);
    const said = (await rig.said()).filter(({ type }) => type.endsWith('.ScriptFailed')).map(({ data }) => data as ScriptFailed);
    expect(said.map(({ scriptId, leadId, hook, reason, version }) => [scriptId, leadId, hook, reason, version])).toEqual([
      ['broken', 'broken-1', 'filter', 'error', 1], ['endless', 'endless', 'filter', 'timeout', 1],
    ]);
  });

  it('in shadow decide nothing, and their report adds up what they would have changed', async () => {
    expect((await receiptOf('north', 'ny'))['picks']).toMatchObject([{ contractId: 'acme-ny' }]);
    const { status, body } = await api.get('/v1/scripts/cheap-first/report', 'north');
    expect(status).toBe(200);
    expect(body['versions']).toEqual([{
      version: 1, applied: 0, shadow: 3, differed: 3, notTriggered: { when: 3 }, failed: {},
      contracts: [{ contractId: 'acme-ny', lost: 3, won: 0 }, { contractId: 'bolt-all', lost: 0, won: 3 }],
    }]);
    expect((body['examples'] as unknown as { leadId: string }[]).map(({ leadId }) => leadId).sort()).toEqual(['broken-2', 'endless', 'ny']);
    expect(body['microseconds']).toEqual({ p50: expect.any(Number), p99: expect.any(Number) });
    expect((await api.get('/v1/scripts/broken/report', 'north')).body['versions']).toMatchObject([{ version: 1, applied: 4, failed: { error: 2 } }]);
    expect((await api.get('/v1/scripts/off/report', 'north')).body).toMatchObject({ versions: [], examples: [], microseconds: { p50: null, p99: null } });
    expect((await api.get('/v1/scripts/cheap-first/report', SOUTH)).status).toBe(404);
  });

  it('have their say when the past is decided again, and in what is only shown', async () => {
    const { body } = await api.get('/v1/leads/nj/explanation?contract=acme-ny', 'north');
    expect(body).toMatchObject({ basis: 'replayed', contracts: [{ contractId: 'acme-ny', code: 'script' }] });
    expect(body['scripts']).toMatchObject([{ id: 'no-jersey', status: 'applied', sentence: 'Script no-jersey (version 3) had its say.' }, {}, {}, {}, {}]);
    const preview = await api.post('/v1/leads/nj/preview', { contracts: ['acme-ny'] });
    expect(preview.body['contracts']).toMatchObject([{ contractId: 'acme-ny', gates: ['script'], detail: 'not in NJ, 1',
      withOverride: { gates: ['script'], picked: true } }]);
  });

  it('bind who distributes by hand until he passes over them', async () => {
    for (const overrides of [[], ['script']]) await rig.say([aRequest('north', 'nj', { contractIds: ['acme-ny'], overrides })]);
    await rig.settled('engine');
    const made = await attempts('north', 'nj');
    expect(made.map(({ picks }) => picks.map(({ contractId }) => contractId))).toEqual([['bolt-all'], [], ['acme-ny']]);
    expect(made[2]!.picks).toMatchObject([{ overridden: ['script'] }]);
  });
});
