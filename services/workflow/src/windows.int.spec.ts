import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { document, MINUTE, NOON, requests, TENANTS, WindowRig } from './windows.suite.js';
import { jitterOf } from './window-timer.js';

let rig: WindowRig;

beforeAll(async () => {
  rig = await WindowRig.open();
});

afterAll(async () => {
  await rig?.close();
});

beforeEach(async () => {
  await rig.empty();
});

const late = (leadId: string) => jitterOf(leadId, 30 * MINUTE) / MINUTE;
const versionOf = async (tenant: string) => (await rig.configurations.current(tenant)).version;
/** An arrival as it is decided on the configuration that holds. */
const arrival = async (tenant: string, lead: string, more: object = {}) =>
  rig.unsold(tenant, lead, { configurationVersion: await versionOf(tenant), ...more });

describe('a window', () => {
  it.each(TENANTS)('of tenant %s opens from the outcome of an arrival, on the terms of its workflow, and says so', async (tenant) => {
    await rig.hear(await arrival(tenant, 'L1'));
    const [opened] = await rig.said();
    expect(opened).toMatchObject({ type: 'WindowOpened', tenantId: tenant, data: {
      leadId: 'L1', campaignId: 'solar', generation: 1, at: '2026-03-02T12:00:00.000Z', expiresAt: '2026-03-02T18:00:00.000Z', every: 'PT30M', actor: '' } });
    expect(await rig.due(tenant, 'L1')).toBeCloseTo(30 + late('L1'));
    expect(await rig.row(tenant === 'a' ? 'b' : 'a', 'L1')).toBeUndefined();
  });

  it('opens once, however often its outcome is heard, and for no campaign without windows', async () => {
    const first = await arrival('a', 'L1');
    await rig.hear(first, await arrival('a', 'L2', { campaignId: 'quick' }), await arrival('a', 'L3', { campaignId: 'branches' }));
    await rig.hear(first);
    expect(await rig.saidShort()).toEqual(['WindowOpened L1']);
  });

  it('opens from an arrival alone', async () => {
    await rig.hear(rig.unsold('a', 'L1', { trigger: 'fallback' }), rig.sold('a', 'L2', { trigger: 'manual' }));
    expect(await rig.saidShort()).toEqual([]);
  });

  it('is tried on its beat, a little late at most and always by the same, until its time is over', async () => {
    await rig.hear(await arrival('a', 'L1'), await arrival('b', 'L1'));
    await rig.said();
    await rig.at(29.9);
    expect(await rig.saidShort()).toEqual([]);
    await rig.at(30 + late('L1'));
    const asked = requests(await rig.said());
    expect(asked.map(({ leadId, tenantId, trigger, windowGeneration }) => [leadId, tenantId, trigger, windowGeneration]).sort())
      .toEqual([['L1', 'a', 'window', 1], ['L1', 'b', 'window', 1]]);
    expect(new Set(asked.map(({ requestId }) => requestId)).size).toBe(2);
    // A process that slept through three beats tries once, and is on the beat again.
    await rig.at(130);
    expect(requests(await rig.said())).toHaveLength(2);
    expect(await rig.due('a', 'L1')).toBeCloseTo(150 + late('L1'));
    await rig.at(360);
    const ended = await rig.said();
    expect(ended.filter(({ tenantId }) => tenantId === 'a').map(({ type, data }) => [type, data['workflowId'] ?? '', data['reasons'], data['generation'] ?? data['windowGeneration']]))
      .toEqual([['WindowExpired', '', ['cap_day', 'criteria'], 2], ['DistributionRequested', 'last', undefined, 2]]);
    expect(await rig.row('a', 'L1')).toMatchObject({ state: 'expired', generation: 2, dueAt: null });
    await rig.at(2000);
    expect(await rig.saidShort()).toEqual([]);
  });

  it('is due at once where the configuration changed before its outcome was heard', async () => {
    const outcome = await arrival('a', 'L1');
    await rig.apply('a', { ...document, lists: [{ id: 'any' }] });
    await rig.run();
    await rig.hear(outcome, await arrival('a', 'L2'));
    await rig.run();
    const asked = requests(await rig.said());
    expect(asked.map(({ leadId }) => leadId)).toEqual(['L1']);
    expect(asked[0]!.configurationVersion).toBe(await versionOf('a'));
    await rig.apply('a', document);
    await rig.run();
  });

  it('is due when time alone may end its wait, without the beat being moved by it', async () => {
    await rig.hear(await arrival('a', 'L1', { nextChanceAt: new Date(NOON + 10 * MINUTE).toISOString() }));
    expect(await rig.due('a', 'L1')).toBe(10);
    await rig.at(10);
    expect((await rig.saidShort()).slice(1)).toEqual(['DistributionRequested L1']);
    expect(await rig.due('a', 'L1')).toBeCloseTo(30 + late('L1'));
    // The chance that the attempt itself was is none any more.
    await rig.hear(rig.unsold('a', 'L1', { trigger: 'window', nextChanceAt: new Date(NOON + 10 * MINUTE).toISOString() }));
    expect(await rig.due('a', 'L1')).toBeCloseTo(30 + late('L1'));
    await rig.hear(rig.unsold('a', 'L1', { trigger: 'window', nextChanceAt: new Date(NOON + 20 * MINUTE).toISOString() }));
    expect(await rig.due('a', 'L1')).toBe(20);
  });

  it('sleeps while no further client fits, and is due the moment one gives the lead back', async () => {
    const version = await versionOf('a');
    await rig.hear(rig.sold('a', 'L1', { full: true, configurationVersion: version }));
    expect(await rig.due('a', 'L1')).toBe(360);
    await rig.at(100);
    expect(await rig.saidShort()).toEqual(['WindowOpened L1']);
    await rig.hear(rig.released('a', 'L1'));
    await rig.run();
    expect(await rig.saidShort()).toEqual(['DistributionRequested L1']);
    expect(await rig.due('a', 'L1')).toBeCloseTo(120 + late('L1'));
  });

  it('is not tried again for a release that the engine has answered by a fallback already', async () => {
    const version = await versionOf('a');
    await rig.hear(rig.sold('a', 'L1', { full: true, configurationVersion: version }));
    await rig.hear(rig.released('a', 'L1'), rig.sold('a', 'L1', { full: true, trigger: 'fallback', configurationVersion: version }));
    await rig.run();
    expect(await rig.saidShort()).toEqual(['WindowOpened L1']);
    expect(await rig.due('a', 'L1')).toBe(360);
  });

  it('is fulfilled by the engine alone, also in the batch that opens it, and asks for nothing more', async () => {
    const version = await versionOf('a');
    await rig.hear(rig.sold('a', 'L1', { full: true, configurationVersion: version }), rig.fulfilled('a', 'L1'), await arrival('b', 'L1'));
    const said = await rig.said();
    expect(said.filter(({ tenantId }) => tenantId === 'a').map(({ type, data }) => [type, data['generation']])).toEqual([['WindowOpened', 1], ['WindowFulfilled', 2]]);
    await rig.at(400);
    expect((await rig.said()).filter(({ tenantId }) => tenantId === 'a')).toEqual([]);
    expect(await rig.row('a', 'L1')).toMatchObject({ state: 'fulfilled', generation: 2 });
    // A lead that nobody fulfilled.
    await rig.hear(rig.fulfilled('a', 'nobody'));
    expect(await rig.saidShort()).toEqual([]);
  });

  it('that somebody bought from expires without reasons', async () => {
    await rig.hear(rig.sold('a', 'L1', { configurationVersion: await versionOf('a') }));
    await rig.hear(rig.unsold('a', 'L1', { trigger: 'window' }));
    await rig.at(360);
    expect((await rig.said()).find(({ type }) => type === 'WindowExpired')!.data['reasons']).toEqual([]);
  });
});

describe('leads that are held', () => {
  it('are tried when time may end it, at the time-out, oldest first, by the way of their campaign', async () => {
    const held = { campaignId: 'branches', trigger: 'push', held: true, reason: 'not_active' } as const;
    await rig.hear(await arrival('a', 'old', { ...held, heldUntil: new Date(NOON + 60 * MINUTE).toISOString() }));
    rig.clock.moveTo(NOON + MINUTE);
    await rig.hear(await arrival('a', 'new', { ...held, heldUntil: new Date(NOON + 60 * MINUTE).toISOString(), nextChanceAt: new Date(NOON + 60 * MINUTE).toISOString() }));
    await rig.hear(await arrival('b', 'forced', { campaignId: 'quick', held: true, nextChanceAt: new Date(NOON + 60 * MINUTE).toISOString() }));
    expect(await rig.due('a', 'old', 'hold')).toBe(60);
    await rig.at(60);
    expect(requests(await rig.said()).map(({ tenantId, leadId, trigger, windowGeneration = 0 }) => `${tenantId} ${leadId} ${trigger} ${windowGeneration}`).sort())
      .toEqual(['a new push 0', 'a old push 0', 'b forced window 0']);
    expect(await rig.due('a', 'old', 'hold')).toBeNull();
    await rig.hear(await arrival('a', 'old', { ...held }));
    expect(await rig.due('a', 'old', 'hold')).toBeNull();
    await rig.hear(rig.sold('a', 'old', { campaignId: 'branches', trigger: 'push' }));
    expect(await rig.due('a', 'old', 'hold')).toBeUndefined();
  });

  it('are held no more once a person gave them to somebody: nothing asks for them, nor is kept of them', async () => {
    const held = { campaignId: 'branches', trigger: 'push', held: true, reason: 'not_active', waitsOn: ['acme-1'], heldUntil: new Date(NOON + 60 * MINUTE).toISOString() } as const;
    await rig.hear(await arrival('a', 'taken', held), await arrival('a', 'picked', held), await arrival('a', 'tried', held));
    await rig.hear(rig.sold('a', 'taken', { campaignId: 'branches', trigger: 'manual' }), rig.sold('a', 'picked', { campaignId: 'branches', trigger: 'cherryPick' }),
      rig.unsold('a', 'tried', { campaignId: 'branches', trigger: 'manual', held: true }));
    expect(await rig.due('a', 'taken', 'hold')).toBeUndefined();
    expect((await rig.database.pool.query('SELECT lead_id FROM workflow.window_waits ORDER BY lead_id')).rows).toEqual([{ lead_id: 'picked' }, { lead_id: 'tried' }]);
    await rig.at(60);
    expect(requests(await rig.said()).map(({ leadId }) => leadId).sort()).toEqual(['picked', 'tried']);
    // Heard of in one batch, it is no other.
    await rig.hear(await arrival('b', 'both', held), rig.sold('b', 'both', { campaignId: 'branches', trigger: 'manual' }));
    expect(await rig.due('b', 'both', 'hold')).toBeUndefined();
  });

  it('stand in the order in which they came where one thing lets them all go', async () => {
    for (const [place, lead] of ['L3', 'L1', 'L2'].entries()) {
      rig.clock.moveTo(NOON + place * MINUTE);
      await rig.hear(await arrival('a', lead, { campaignId: 'branches', trigger: 'push', held: true }));
    }
    await rig.apply('a', { ...document, clients: [...document.clients!, { id: 'north' }], contracts: [...document.contracts!, { id: 'north-1', client: 'north', campaigns: ['branches'] }] });
    await rig.run();
    expect(requests(await rig.said()).map(({ leadId }) => leadId)).toEqual(['L3', 'L1', 'L2']);
    await rig.apply('a', document);
    await rig.run();
  });
});
