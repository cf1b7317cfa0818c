import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VirtualClock } from '@sluice/runtime';
import { openApi, type Api } from './api.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, NOON } from './builders.suite.js';
import { openRig, type Rig } from './rig.suite.js';

let rig: Rig;
let api: Api;
beforeAll(async () => {
  rig = await openRig();
  api = await openApi(rig.url, { clock: new VirtualClock(NOON) });
  const document = aDocument({
    clients: [{ id: 'acme' }, { id: 'bolt', creditLimit: '15.00' }, { id: 'cole', status: 'paused' }, { id: 'dora' }],
    contracts: [
      { id: 'acme-ny', client: 'acme', price: '25.00', maxShareCount: 2, caps: { day: 1, rolling60m: 9 }, deliveryMethod: 'hook',
        criteria: { field: 'state', op: 'equals', value: 'NY' } },
      { id: 'bolt-all', client: 'bolt', price: '10.00', maxShareCount: 2, deliveryMethod: 'hook' },
      { id: 'cole-all', client: 'cole', price: '50.00', deliveryMethod: 'hook' },
      { id: 'dora-tx', client: 'dora', price: '5.00', duplicates: { lookBack: 'P30D' }, deliveryMethod: 'hook',
        criteria: { field: 'state', op: 'equals', value: 'TX' } } as never,
    ],
    workflows: [
      { id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price', take: 1 }] },
      { id: 'round', mode: 'off', maxMultiplication: 3, minimums: { turnover: '30.00' }, rules: [{ method: 'roundRobin', take: 2 }] },
    ],
  });
  await rig.say(['north', 'south'].flatMap((tenantId) => aConfiguration(tenantId, 1, document)));
  // The first fills acme's cap, the second goes to bolt, and so on until bolt's credit is used up.
  for (const lead of ['L1', 'L2', 'L3', 'L4']) await rig.say([aLead('north', lead, { phoneHash: 'p1' })]);
  await rig.say([aLead('south', 'S1')]);
  await rig.settled('engine');
});
afterAll(async () => {
  await api?.close();
  await rig?.close();
});

const preview = async (lead: string, body: object, key?: string) => (await api.post(`/v1/leads/${lead}/preview`, body, key)).body as unknown as {
  outcome: string; reason: string | null; picks: { contractId: string; priceMinor: string; overridden: string[] }[]; minimumsMet: boolean;
  full: boolean; configurationVersion: number;
  contracts: { contractId: string; code: string; gates: string[]; limit: object | null; words: string;
    withOverride: { gates: string[]; picked: boolean } | null }[];
};

describe('a preview', () => {
  it('shows every gate of chosen contracts, and what passing over them would change', async () => {
    const shown = await preview('L3', { contracts: ['acme-ny', 'bolt-all', 'cole-all', 'dora-tx'] });
    const seen = shown.contracts.map(({ contractId, code, gates, withOverride }) =>
      [contractId, code, gates, withOverride?.picked ?? null]);
    expect(seen).toEqual([
      ['acme-ny', 'cap_day', ['cap_day'], true],
      ['bolt-all', 'credit_limit', ['credit_limit'], true],
      ['cole-all', 'client_not_active', ['client_not_active'], true],
      ['dora-tx', 'criteria', ['criteria'], true],
    ]);
    expect(shown.contracts[0]).toMatchObject({ limit: { window: 'day', used: 1, limit: 1 },
      words: 'acme-ny would not be given this lead: its daily cap of 1 was used up (1 of 1).' });
    expect(shown).toMatchObject({ outcome: 'unsold', picks: [], configurationVersion: 1 });
  });

  it('of a lead that was sold shows the sharing that stands, and that the same client cannot have it twice', async () => {
    const shown = await preview('L1', { contracts: ['acme-ny', 'bolt-all', 'cole-all'], overrides: ['credit_limit', 'client_not_active'] });
    expect(shown.contracts.map(({ contractId, code }) => [contractId, code])).toEqual([
      ['acme-ny', 'already_received'], ['bolt-all', 'picked'], ['cole-all', 'share_count'],
    ]);
    // Passed over or not, there is no third place.
    expect(shown.contracts[2]!.withOverride).toEqual({ gates: ['client_not_active'], picked: false });
    expect(shown.contracts[0]!.withOverride).toBeNull();
    expect(shown.picks).toMatchObject([{ contractId: 'bolt-all', priceMinor: '1000', overridden: ['credit_limit'] }]);
    expect(shown.full).toBe(true);
  });

  it('by rules shows what the index let through, and with `all` the others too; a minimum that is missed is shown', async () => {
    const shown = await preview('L4', { rules: 'round', overrides: ['credit_limit'] });
    expect(shown.contracts.map(({ contractId }) => contractId)).toEqual(['acme-ny', 'bolt-all', 'cole-all']);
    expect(shown).toMatchObject({ outcome: 'distributed', minimumsMet: false, picks: [{ contractId: 'bolt-all' }] });
    const all = await preview('L4', { rules: 'round', all: true });
    expect(all.contracts.map(({ contractId, code }) => [contractId, code])).toContainEqual(['dora-tx', 'criteria']);
  });

  it('commits nothing', async () => {
    const before = await rig.rows('SELECT tenant_id, key, value FROM engine.state ORDER BY 1, 2');
    await preview('L2', { contracts: ['acme-ny', 'dora-tx'], overrides: ['cap_day', 'criteria'] });
    expect(await rig.rows('SELECT tenant_id, key, value FROM engine.state ORDER BY 1, 2')).toEqual(before);
    expect((await api.get('/v1/leads/L2/attempts')).body.data).toHaveLength(1);
  });

  it('is refused with its place where it names what is not there or always binds', async () => {
    const refusal = async (body: object) => {
      const { status, body: { errors } } = await api.post('/v1/leads/L1/preview', body);
      return [status, (errors as { pointer: string; code: string }[] | undefined)?.map(({ pointer, code }) => `${pointer} ${code}`)];
    };
    expect(await refusal({ contracts: ['acme-ny', 'nobody'] })).toEqual([422, ['/contracts/1 unknown_contract']]);
    expect(await refusal({ rules: 'nothing' })).toEqual([422, ['/rules unknown_workflow']]);
    expect(await refusal({ contracts: ['acme-ny'], overrides: ['already_received'] })).toEqual([422, ['/overrides/0 cannot_be_overridden']]);
    expect(await refusal({ contracts: ['acme-ny', 'bolt-all'], trigger: 'cherryPick' })).toEqual([422, ['/contracts one_contract']]);
    expect((await refusal({}))[0]).toBe(422);
    expect((await refusal({ contracts: ['acme-ny'], rules: 'w' }))[0]).toBe(422);
    expect((await api.post('/v1/leads/L1/preview', { contracts: ['acme-ny'] }, 'south')).status).toBe(404);
  });

  it('of an id that no text can hold is a mistake of who asks', async () => {
    expect(await api.post('/v1/leads/a%00b/preview', { contracts: ['acme-1'] })).toMatchObject({ status: 400, body: { code: 'invalid_text' } });
    expect((await api.get('/v1/leads/a%00b/attempts')).status).toBe(400);
  });

  it('is what then happens', async () => {
    const cases: object[] = [
      { contracts: ['acme-ny', 'bolt-all'] },
      { contracts: ['dora-tx', 'bolt-all'], overrides: ['criteria', 'credit_limit'] },
      { contracts: ['dora-tx'], overrides: ['criteria'] },
      { rules: 'round' },
      { rules: 'round', overrides: ['cap_day', 'credit_limit'] },
      { contracts: ['acme-ny'], trigger: 'cherryPick' },
      { contracts: ['cole-all'], trigger: 'cherryPick' },
      { contracts: ['bolt-all'], trigger: 'cherryPick' },
    ];
    const outcomes: unknown[] = [];
    for (const [place, body] of cases.entries()) {
      const lead = `L${(place % 3) + 2}`;
      const { contracts, rules, overrides, trigger = 'manual' } = body as { contracts?: string[]; rules?: string; overrides?: string[];
        trigger?: string };
      const foreseen = await preview(lead, body);
      await rig.say([aRequest('north', lead, { contractIds: contracts, workflowId: rules, overrides, trigger } as never)]);
      await rig.settled('engine');
      const [made] = (await api.get(`/v1/attempts?lead=${lead}&limit=1`)).body.data as { attemptId: string; outcome: string; reason: string;
        picks: { contractId: string }[] }[];
      expect([place, made!.outcome, made!.reason, made!.picks.map(({ contractId }) => contractId)])
        .toEqual([place, foreseen.outcome, foreseen.reason, foreseen.picks.map(({ contractId }) => contractId)]);
      const receipt = (await api.get(`/v1/attempts/${made!.attemptId}`)).body as unknown as { verdicts: { contractId: string; code: string }[] };
      for (const { contractId, code } of foreseen.contracts) {
        expect(receipt.verdicts.find((verdict) => verdict.contractId === contractId)).toMatchObject({ code });
      }
      outcomes.push(foreseen.outcome);
    }
    expect(new Set(outcomes)).toEqual(new Set(['distributed', 'unsold']));
  });

  it('reads some counters of many, and those of a rolling hour by their range', async () => {
    await rig.rows(`INSERT INTO engine.state (tenant_id, key, value)
      SELECT 'north', 'dup|x|' || n, '1' FROM generate_series(1, 200000) n
      UNION ALL SELECT 'north', 'cap|contract|acme-ny|rolling60m|count|' || (${NOON} - n), '1' FROM generate_series(1, 9) n`);
    await rig.rows('ANALYZE engine.state');
    const began = performance.now();
    const shown = await preview('L4', { contracts: ['acme-ny'] });
    expect(shown.contracts[0]!.gates).toContain('cap_hour');
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
