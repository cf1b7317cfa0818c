import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { counterfactuals, withValue, type Counterfactual, type Moment } from './counterfactual.js';
import { decide } from './decide.js';
import type { Client, ConfigDocument, Contract, Workflow } from './document.js';
import { explain } from './explain.js';
import { itemsOf, type ConfigItem } from './items.js';
import { newLife, type Lead } from './lead.js';
import { Market } from './market.js';
import { reserve } from './reserve.js';
import { State } from './state.js';
import { world } from './worlds.suite.js';

const NOW = Date.UTC(2026, 2, 2, 22, 20);
const leadOf = (place: number, more: Partial<Lead> = {}): Lead =>
  ({ leadId: `L${place}`, tenantId: 't', campaignId: 'x', receivedAt: NOW, attributes: { state: 'NY', age: 40 }, ...more });

function momentOf(document: ConfigDocument, lead: Lead): Moment {
  const market = Market.compile(itemsOf(document), { deliversAlways: true });
  const state = State.load();
  state.follow(market, NOW);
  return { market, state, lead, life: newLife(), request: { trigger: 'arrival' }, now: NOW, seed: () => 0.5 };
}

function documentWith(contracts: Partial<Contract>[], workflow: Partial<Workflow>, clients: Partial<Client>[] = []): ConfigDocument {
  return {
    apiVersion: 'v1', timezone: 'UTC', clients: contracts.map((_, place) => ({ id: `c${place}`, ...clients[place] })),
    campaigns: [{ id: 'x', workflow: 'w' }],
    contracts: contracts.map((contract, place) => ({ id: `k${place}`, client: `c${place}`, price: 10, ...contract })),
    workflows: [{ id: 'w', maxMultiplication: 1, ...workflow }],
  };
}

function wordsFor(document: ConfigDocument, id: string, more: Partial<Lead> = {}, before = 0): string | undefined {
  const moment = momentOf(document, leadOf(0, more));
  for (let place = 1; place <= before; place++) {
    const decision = decide(moment.market, moment.state, leadOf(place, more), newLife(), moment.request, NOW, moment.seed);
    reserve(moment.market, moment.state, leadOf(place, more), newLife(), decision, NOW, () => `O${place}`);
  }
  const decision = decide(moment.market, moment.state, moment.lead, moment.life, moment.request, NOW, moment.seed);
  return counterfactuals(moment, decision, [id])[0]?.words;
}

const price: Partial<Workflow> = { rules: [{ method: 'price', take: 1 }] };

/** Besides what any world has: money that is limited, scores, places, ages and periods. */
const wide = fc.tuple(world, fc.array(fc.record({
  minScore: fc.option(fc.integer({ min: 40, max: 60 }), { nil: undefined }),
  radiusKm: fc.option(fc.constantFrom(1, 5, 50), { nil: undefined }),
  percent: fc.option(fc.constantFrom(12.5, 33.3), { nil: undefined }), age: fc.option(fc.integer({ min: 35, max: 45 }), { nil: undefined }),
}), { minLength: 7, maxLength: 7 }), fc.option(fc.constantFrom(12, 30, 55), { nil: undefined }),
fc.option(fc.record({ amount: fc.constantFrom(20, 45), overdraw: fc.constantFrom(undefined, 5) }), { nil: undefined }))
  .map(([document, terms, credit, order]): ConfigDocument => ({
    ...document,
    clients: document.clients!.map((client) => ({ ...client, creditLimit: credit })),
    orders: document.orders!.map((body) => (order ? { ...body, quantity: undefined, ...order } : body)),
    contracts: document.contracts!.map((body, place) => {
      const { minScore, radiusKm, percent, age } = terms[place]!;
      return {
        ...body, minScore, radiusKm, locations: [{ lat: 40.74, lon: -74.17 + place / 50 }],
        criteria: age === undefined ? body.criteria : { field: 'age', op: 'atMost' as const, value: age },
        percentageLimit: percent === undefined ? body.percentageLimit : { percent, lookBack: 'day' as const },
      };
    }),
  }));

/** One step nearer to what it was: a lead, a minor unit, 100 m, a ten-thousandth of a percent. Undefined where there are no steps. */
function oneStepLess({ path, from, to }: Counterfactual): unknown {
  const key = path.slice(path.lastIndexOf('.') + 1);
  if (key === 'amount' || key === 'price' || key === 'creditLimit' || (typeof to === 'string' && /^\d+\.\d\d$/.test(to))) {
    return (Math.round(Number(to) * 100) - 1) / 100;
  }
  if (typeof to !== 'number' || (typeof from !== 'number' && from !== undefined)) return undefined;
  if (from === undefined && key !== 'qualityScore' && key !== 'weight' && key !== 'percentage') return undefined;
  if (key === 'percent') return Math.round(to * 10_000 - 1) / 10_000;
  if (key === 'radiusKm') return Math.round(to * 10 - 1) / 10;
  return from !== undefined && to < from ? to + 1 : to - 1;
}

describe('the smallest change that would have won', () => {
  const rows: [words: string, document: ConfigDocument, id: string, more?: Partial<Lead>, before?: number][] = [
    ['price ≥ 31.50', documentWith([{ price: 31.49 }, { price: 20, qualityScore: 1 }], price), 'k1'],
    ['price ≥ 31.49', documentWith([{ price: 31.49 }, { price: 20, qualityScore: 200 }], price), 'k1'],
    ['daily cap 1 → 2', documentWith([{ caps: { day: 1 } }], price), 'k0', {}, 1],
    ['monthly cap of client c0 10.00 → 20.00', documentWith([{}], price, [{ caps: { month: { amount: 10 } } }]), 'k0', {}, 1],
    ['contract open', documentWith([{ status: 'paused' }], price), 'k0'],
    ['client active', documentWith([{}], price, [{ status: 'paused' }]), 'k0'],
    ['open until 22:21', documentWith([{ schedule: { open: { 'mon-fri': ['09:00-18:00'] } } }], price), 'k0'],
    ['open from 22:20', documentWith([{ schedule: { open: { mon: ['08:00-09:00', '23:00-24:00'] } } }], price), 'k0'],
    ['open on 2026-03-02', documentWith([{ schedule: { open: { 'mon-sun': ['00:00-24:00'] }, closed: ['2026-03-02'] } }], price), 'k0'],
    ['minimum score 50 → 49', documentWith([{ minScore: 50 }], price), 'k0', { score: 49 }],
    ['state: NY too', documentWith([{ criteria: { all: [{ field: 'state', op: 'in', value: ['TX'] },
      { field: 'age', op: 'atLeast', value: 18 }] } }], price), 'k0'],
    ['age between 50 and 60 → 40 and 60', documentWith([{ criteria: { field: 'age', op: 'between', value: [50, 60] } }], price), 'k0'],
    ['priority 5 → 1', documentWith([{ priority: 2 }, { priority: 5 }], { rules: [{ method: 'priority', take: 1 }] }), 'k1'],
    ['quality score ≥ 101', documentWith([{}, { qualityScore: 90 }], { rules: [{ method: 'qualityScore', take: 1 }] }), 'k1'],
    ['weight ≥ 2', documentWith([{ weight: 1 }, {}], { rules: [{ method: 'weighted', base: 'qualityScore', take: 1 }] }), 'k1', {}, 1],
    ['priority unset → 0', documentWith([{ price: 20 }, { maxShareCount: 1 }],
      { maxMultiplication: 2, rules: [{ method: 'priority' }] }), 'k1'],
    ['share count 1 → 2', documentWith([{ price: 20 }, { maxShareCount: 1 }],
      { maxMultiplication: 2, rules: [{ method: 'random', take: 2 }] }), 'k1'],
    ['rule 1 takes 2', documentWith([{}, {}], { maxMultiplication: 2, rules: [{ method: 'roundRobin', take: 1 }] }), 'k1'],
    ['multiplication 1 → 2', documentWith([{}, {}], { rules: [{ method: 'roundRobin' }] }), 'k1'],
    ['radius 10 → 12.2 km', documentWith([{ locations: [{ lat: 40.74, lon: -74.17 }], radiusKm: 10 }], price), 'k0',
      { lat: 40.71, lon: -74.03 }],
  ];
  it.each(rows.map(([words, ...row]) => ({ words, row })))('$words', ({ words, row }) => {
    expect(wordsFor(...row)).toBe(words);
  });

  const pushed = (strategy: object): ConfigDocument => ({
    apiVersion: 'v1', timezone: 'UTC', clients: [], contracts: [], campaigns: [{ id: 'x' }],
    pushStrategies: [{ id: 'desk', from: 'corporate', campaigns: ['x'], recipients: [{ to: 'ann' }, { to: 'bob' }], ...strategy }],
  });
  const pushRows: [words: string, document: ConfigDocument, id: string, before?: number][] = [
    ['daily cap of ann 1 → 2', pushed({ recipients: [{ to: 'ann', caps: { day: 1 } }] }), 'ann', 1],
    ['hourly cap of ann 1 → 2', pushed({ recipients: [{ to: 'ann', caps: { hour: { count: 1 } } }] }), 'ann', 1],
    ['daily cap of strategy desk 1 → 2', pushed({ caps: { day: 1 }, recipients: [{ to: 'ann' }] }), 'ann', 1],
    ['weight of bob ≥ 2', pushed({ method: 'weighted', recipients: [{ to: 'ann', weight: 1 }, { to: 'bob' }] }), 'bob', 1],
    ['active within PT10M → PT25M', pushed({ onlyActiveWithin: 'PT10M', recipients: [{ to: 'ann' }] }), 'ann'],
  ];
  it.each(pushRows.map(([words, ...row]) => ({ words, row })))('of a recipient: $words', ({ words, row: [document, id, before = 0] }) => {
    const moment = { ...momentOf(document, leadOf(0)), request: { trigger: 'push' as const } };
    moment.state.seen('ann', NOW - 24 * 60_000 - 1);
    const decideFor = (lead: Lead) => decide(moment.market, moment.state, lead, newLife(), moment.request, NOW, moment.seed);
    for (let place = 1; place <= before; place++) {
      reserve(moment.market, moment.state, leadOf(place), newLife(), decideFor(leadOf(place)), NOW, () => `O${place}`);
    }
    const [told] = counterfactuals(moment, decideFor(moment.lead), [id]);
    expect(told?.words).toBe(words);
    const changed = itemsOf(document).map((item) => (item.kind === told!.kind && item.id === told!.id
      ? { ...item, body: withValue(item.body!, told!.path, told!.to) } as ConfigItem : item));
    const again = decide(Market.compile(changed), moment.state, moment.lead, newLife(), moment.request, NOW, moment.seed);
    expect(again.picks.map(({ contractId }) => contractId)).toContain(id);
  });

  it('of a recipient who was never seen, or whose turn it is not, is not told', () => {
    for (const strategy of [{ onlyActiveWithin: 'PT10M' }, {}]) {
      const moment = { ...momentOf(pushed(strategy), leadOf(0)), request: { trigger: 'push' as const } };
      const decision = decide(moment.market, moment.state, moment.lead, newLife(), moment.request, NOW, moment.seed);
      expect(counterfactuals(moment, decision)).toEqual([]);
    }
  });

  it('is not told where two gates are shut, or where nothing a person can change would help', () => {
    expect(wordsFor(documentWith([{ status: 'paused', minScore: 5 }], price), 'k0')).toBeUndefined();
    expect(wordsFor(documentWith([{}], price), 'k0', { consent: ['somebody'] })).toBeUndefined();
  });

  it('is the smallest of its kind: one step less does not win, wherever it goes in steps', () => {
    const stepped = new Map<string, number>();
    fc.assert(fc.property(wide, fc.array(fc.constantFrom('NY', 'TX'), { minLength: 1, maxLength: 5 }), (document, states) => {
      const items = itemsOf(document);
      const first = momentOf(document, leadOf(0, { lat: 40.71, lon: -74.03, score: 45, attributes: { state: states[0]!, age: 40 } }));
      const decideNow = ({ market, state, lead, life, request, now, seed }: Moment) =>
        decide(market, state, lead, life, request, now, seed);
      for (const [place, state] of states.entries()) {
        const before = { ...first, lead: leadOf(place + 1, { score: 70, lat: 40.71, lon: -74, attributes: { state, age: 40 } }) };
        reserve(first.market, first.state, before.lead, newLife(), decideNow(before), NOW, (_, index) => `O${place}/${index}`);
      }
      const decision = decideNow(first);
      for (const found of counterfactuals(first, decision)) {
        const { contractId, kind, id, path } = found;
        const less = oneStepLess(found);
        if (less === undefined) continue;
        const name = path.replace(/\d/g, '#');
        stepped.set(name, (stepped.get(name) ?? 0) + 1);
        const changed = items.map((item) => (item.kind === kind && item.id === id
          ? { ...item, body: withValue(item.body!, path, less) } as ConfigItem : item));
        const again = { ...first, market: Market.compile(changed, { deliversAlways: true }), state: State.load(first.state.entries()) };
        const wins = decideNow(again).picks.some((pick) => pick.contractId === contractId);
        expect({ ...found, less, wins }).toEqual({ ...found, less, wins: false });
      }
    }), { numRuns: 3000 });
    expect([...stepped.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(300);
    const kinds = ['price', 'caps.day', 'creditLimit', 'radiusKm', 'percentageLimit.percent'];
    expect([...stepped.keys()]).toEqual(expect.arrayContaining(kinds));
  });

  it('really wins: with the change applied to the whole document the contract is in the plan, in any run', () => {
    let told = 0;
    fc.assert(fc.property(world, fc.array(fc.constantFrom('NY', 'TX'), { minLength: 1, maxLength: 5 }), fc.nat({ max: 6 }),
      (document, states, which) => {
      const items = itemsOf(document);
      const first = momentOf(document, leadOf(0));
      const asked = states.map((state, place): Moment => ({ ...first, lead: leadOf(place, { attributes: { state } }) }));
      const decideNow = ({ market, state, lead, life, request, now, seed }: Moment) =>
        decide(market, state, lead, life, request, now, seed);
      for (const [place, moment] of asked.slice(1).entries()) reserve(first.market, first.state, moment.lead, newLife(),
        decideNow(moment), NOW, (_, index) => `O${place}/${index}`);
      const moment = asked[0]!;
      const decision = decideNow(moment);
      const losers = explain(moment.market, moment.lead, decision.verdicts, NOW, moment)
        .filter(({ code, gates }) => code !== 'picked' && gates.length < 2);
      const loser = losers[which % Math.max(1, losers.length)];
      for (const { contractId, kind, id, path, to } of counterfactuals(moment, decision, loser ? [loser.contractId] : [])) {
        told++;
        const changed = items.map((item) => (item.kind === kind && item.id === id
          ? { ...item, body: withValue(item.body!, path, to) } as ConfigItem : item));
        const again = { ...moment, market: Market.compile(changed, { deliversAlways: true }), state: State.load(moment.state.entries()) };
        expect(decideNow(again).picks.map((pick) => pick.contractId)).toContain(contractId);
      }
      // Looking for changes touched nothing.
      expect(JSON.stringify(decideNow(moment))).toBe(JSON.stringify(decision));
    }), { numRuns: 1000 });
    expect(told).toBeGreaterThan(100);
  });
});
