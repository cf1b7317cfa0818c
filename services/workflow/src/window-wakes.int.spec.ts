import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConfigDocument, Script } from '@sluice/distribution';
import { EndpointResumed, LeadReturned } from '@sluice/events';
import { document, MINUTE, NOON, requests, WindowRig } from './windows.suite.js';

let rig: WindowRig;
/** Leads with an open window, of both tenants: campaign solar, campaign roofs. */
const ALL = ['a roof', 'a sun', 'b roof', 'b sun'];

beforeAll(async () => {
  rig = await WindowRig.open();
});

afterAll(async () => {
  await rig?.close();
});

beforeEach(async () => {
  rig.clock.moveTo(NOON);
  for (const tenant of ['a', 'b']) await rig.apply(tenant, document);
  await rig.run();
  await rig.forget();
  for (const tenant of ['a', 'b']) {
    const { version: configurationVersion } = await rig.configurations.current(tenant);
    await rig.hear(
      rig.unsold(tenant, 'sun', { configurationVersion, waitsOn: ['acme-1'] }),
      rig.unsold(tenant, 'roof', { configurationVersion, campaignId: 'roofs', waitsOn: ['acme-roofs'] }));
  }
  await rig.said();
});

/** Which leads are asked for at once, as `tenant lead`. */
async function woken(): Promise<string[]> {
  await rig.run();
  return requests(await rig.said()).map(({ tenantId, leadId }) => `${tenantId} ${leadId}`).sort();
}

const edited = (edit: (next: Required<ConfigDocument>) => void): ConfigDocument => {
  const next = structuredClone(document) as Required<ConfigDocument>;
  edit(next);
  return next;
};
const contract = (next: Required<ConfigDocument>, id: string) => next.contracts.find((one) => one.id === id)!;

describe('a change of the configuration', () => {
  it.each<[string, string[], (next: Required<ConfigDocument>) => void]>([
    ['a contract made for a campaign', ['a sun'], (next) => next.contracts.push({ id: 'new', client: 'acme', campaigns: ['solar'] })],
    ['a contract made for all', ['a roof', 'a sun'], (next) => next.contracts.push({ id: 'new', client: 'acme' })],
    ['a contract made and paused', [], (next) => next.contracts.push({ id: 'new', client: 'acme', status: 'paused' })],
    ['a cap raised', ['a sun'], (next) => { contract(next, 'acme-1').caps = { day: 11 }; }],
    ['a cap removed', ['a sun'], (next) => { delete contract(next, 'acme-1').caps; }],
    ['a cap lowered', [], (next) => { contract(next, 'acme-1').caps = { day: 9 }; }],
    ['a cap set where there was none', [], (next) => { contract(next, 'acme-roofs').caps = { day: 9 }; }],
    ['a name', [], (next) => { contract(next, 'acme-1').name = 'A'; next.clients[0]!.name = 'Acme Inc.'; next.workflows[0]!.name = 'Patient'; }],
    ['a schedule', ['a roof'], (next) => { contract(next, 'acme-roofs').schedule = { open: { 'mon-fri': ['09:00-17:00'] } }; }],
    ['a contract closed', [], (next) => { contract(next, 'acme-1').status = 'closed'; }],
    ['a contract removed', [], (next) => { next.contracts = next.contracts.filter(({ id }) => id !== 'acme-roofs'); }],
    ['an order', ['a roof'], (next) => { next.orders = [{ id: 'o1', contract: 'acme-roofs', quantity: 5, start: '2026-03-01' }]; }],
    ['credit', ['a roof', 'a sun'], (next) => { next.clients[0]!.timezone = 'America/New_York'; }],
    ['rules of a workflow', ['a roof', 'a sun'], (next) => { next.workflows[0]!.maxMultiplication = 3; }],
    ['the length of windows to come', [], (next) => { next.workflows[0]!.window = { length: 'PT7H', every: 'PT30M' }; }],
    ['a campaign', ['a roof'], (next) => { next.campaigns[1]!.caps = { day: 5 }; next.campaigns[1]!.list = undefined as never; next.campaigns[1]!['geo'] = 'postalCode'; }],
    ['the settings', ['a roof', 'a sun'], (next) => { next.ties = 'entry'; }],
  ])('%s wakes %j', async (_, expected, edit) => {
    await rig.apply('a', edited(edit));
    expect(await woken()).toEqual(expected);
    // Nothing is left over that would wake them a second time.
    expect(await woken()).toEqual([]);
  });

  it('opened again wakes whom it was shut to', async () => {
    await rig.apply('a', edited((next) => { contract(next, 'acme-1').status = 'paused'; }));
    expect(await woken()).toEqual([]);
    await rig.apply('a', document);
    expect(await woken()).toEqual(['a sun']);
  });

  it('of a script wakes whom it may have kept away, once it does so no longer', async () => {
    const script: Script = { id: 'picky', status: 'active', campaigns: ['roofs'], code: 'function filter() { return false; }' };
    await rig.apply('a', { ...document, scripts: [script] });
    expect(await woken()).toEqual([]);
    await rig.apply('a', { ...document, scripts: [{ ...script, name: 'Picky' }] });
    expect(await woken()).toEqual([]);
    await rig.apply('a', document);
    expect(await woken()).toEqual(['a roof']);
  });

  it('leaves paused windows alone, and the beat of the others where it was', async () => {
    await rig.commands.command(rig.admin('a'), 'sun', { kind: 'pause' });
    const before = await rig.due('a', 'roof');
    rig.clock.moveTo(NOON + MINUTE);
    await rig.apply('a', edited((next) => { next.ties = 'entry'; }));
    expect(await woken()).toEqual(['a roof']);
    expect(await rig.due('a', 'roof')).toBe(before);
  });

  it('notes a row a campaign, however many windows there are, and works them off oldest first in chunks', async () => {
    const configurationVersion = (await rig.configurations.current('a')).version;
    for (let from = 0; from < 2400; from += 400) {
      rig.clock.moveTo(NOON + 1 + from);
      await rig.hear(...Array.from({ length: 400 }, (_, place) => rig.unsold('a', `many-${9999 - from - place}`, { configurationVersion })));
    }
    await rig.said();
    await rig.apply('a', edited((next) => { contract(next, 'acme-1').price = '31.00'; }));
    expect((await rig.database.pool.query('SELECT * FROM workflow.window_wakes')).rowCount).toBe(1);
    expect(await rig.tries.workOffWake()).toBe(true);
    const due = async () => (await rig.database.pool.query('SELECT FROM workflow.window_timers WHERE due_at <= $1', [rig.clock.now()])).rowCount;
    expect(await due()).toBe(1000);
    await rig.run();
    const asked = requests(await rig.said());
    expect(asked).toHaveLength(2401);
    // The lead of the first test data came first; those of each batch follow in the order of their batches.
    expect(asked.slice(0, 1).map(({ leadId }) => leadId)).toEqual(['sun']);
    const batchOf = ({ leadId }: { leadId: string }) => Math.floor((9999 - Number(leadId.split('-')[1])) / 400);
    const order = asked.slice(1).map(batchOf);
    expect(order).toEqual([...order].sort((one, other) => one - other));
  });
});

describe('a unit given back', () => {
  it('wakes the leads that wait for its contract, and no others', async () => {
    await rig.hear(rig.released('a', 'somebody', 'acme-1'));
    expect(await woken()).toEqual(['a sun']);
    await rig.hear(rig.released('b', 'somebody', 'bolt-1'));
    expect(await woken()).toEqual([]);
  });

  it('wakes by what leads wait for by now, and those that wait for too many by any', async () => {
    await rig.hear(
      rig.unsold('a', 'sun', { trigger: 'window', waitsOn: ['bolt-1'] }),
      rig.unsold('a', 'roof', { trigger: 'window', waitsOn: Array.from({ length: 17 }, (_, place) => `c${place}`) }));
    await rig.hear(rig.released('a', 'somebody', 'acme-1'));
    expect(await woken()).toEqual(['a roof']);
    rig.clock.moveTo(NOON + 1_000);
    await rig.hear(rig.released('a', 'somebody', 'bolt-1'));
    expect(await woken()).toEqual(['a roof', 'a sun']);
  });

  it('by an approved return wakes at once, and again when the engine has had time to take it in', async () => {
    await rig.hear(LeadReturned.make({
      tenantId: 'a', returnId: 'r1', leadId: 'x', outboundLeadId: 'o1', contractId: 'acme-1', clientId: 'acme', at: new Date(NOON).toISOString(),
    }, { id: 'r1', time: NOON }));
    expect(await woken()).toEqual(['a sun']);
    rig.clock.moveTo(NOON + 1_000);
    expect(await woken()).toEqual(['a sun']);
    rig.clock.moveTo(NOON + 2_000);
    expect(await woken()).toEqual([]);
  });

  it('by a return is not forgotten for a release that came just after', async () => {
    await rig.hear(LeadReturned.make({
      tenantId: 'a', returnId: 'r1', leadId: 'x', outboundLeadId: 'o1', contractId: 'acme-1', clientId: 'acme', at: new Date(NOON).toISOString(),
    }, { id: 'r1', time: NOON }));
    await rig.hear(rig.released('a', 'somebody', 'acme-1'));
    expect(await woken()).toEqual(['a sun']);
    rig.clock.moveTo(NOON + 1_000);
    expect(await woken()).toEqual(['a sun']);
  });

  it('a hundred times a second wakes once a second, and the last of them is not lost', async () => {
    let asked = 0;
    for (let ms = 0; ms < 3_000; ms += 100) {
      rig.clock.moveTo(NOON + ms);
      await rig.hear(rig.released('a', 'somebody', 'acme-1'), rig.released('a', 'somebody else', 'acme-1'));
      asked += (await woken()).length;
    }
    expect(asked).toBe(3);
    rig.clock.moveTo(NOON + 3_000);
    expect(await woken()).toEqual(['a sun']);
    rig.clock.moveTo(NOON + 10_000);
    expect(await woken()).toEqual([]);
    expect((await rig.database.pool.query('SELECT FROM workflow.window_wakes')).rowCount).toBe(0);
  });

  it('a second time while the first is worked off has those before it woken again', async () => {
    const configurationVersion = (await rig.configurations.current('a')).version;
    for (let from = 0; from < 1500; from += 500) {
      await rig.hear(...Array.from({ length: 500 }, (_, place) => rig.unsold('a', `w${1000 + from + place}`, { configurationVersion, waitsOn: ['bolt-1'] })));
    }
    await rig.hear(rig.released('a', 'x', 'bolt-1'));
    const begun = async () => (await rig.database.pool.query('SELECT FROM workflow.window_wakes WHERE cursor_lead IS NOT NULL')).rowCount === 1;
    while (!(await begun())) expect(await rig.tries.workOffWake()).toBe(true);
    await rig.hear(rig.released('a', 'y', 'bolt-1'));
    await rig.run();
    expect(requests(await rig.said())).toHaveLength(1500);
    rig.clock.moveTo(NOON + 1_000);
    await rig.run();
    expect(requests(await rig.said())).toHaveLength(1500);
    rig.clock.moveTo(NOON + 2_000);
    await rig.run();
    expect(requests(await rig.said())).toHaveLength(0);
  });
});

it('an endpoint that is well again wakes the campaigns of its contracts', async () => {
  const resumed = (deliveryMethodId: string) => EndpointResumed.make({ tenantId: 'a', deliveryMethodId }, { id: deliveryMethodId, time: NOON });
  await rig.hear(resumed('other'));
  expect(await woken()).toEqual([]);
  await rig.hear(resumed('hook'));
  const all = ALL.filter((one) => one.startsWith('a'));
  expect(await woken()).toEqual(all);
  rig.clock.moveTo(NOON + 1_000);
  expect(await woken()).toEqual(all);
  rig.clock.moveTo(NOON + 2_000);
  expect(await woken()).toEqual([]);
});
