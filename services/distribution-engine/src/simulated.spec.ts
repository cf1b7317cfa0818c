import { describe, expect, it } from '@jest/globals';
import { simulate, type Scenario, type ScenarioStep, type SummaryLine } from '@sluice/distribution';
import { linearRegex } from '@sluice/scripts';
import fc from 'fast-check';
import { World } from './world.suite.js';

const START = Date.parse('2026-03-02T08:00:00Z');
const CONTRACTS = ['a1', 'a2', 'b1', 'c1', 'd1'];
const USERS = ['u1', 'u2', 'u3'];

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
const some = (ids: readonly string[]) => fc.subarray([...ids], { maxLength: 3 });
const minutes = (low: number, high: number) => fc.integer({ min: low, max: high }).map((count) => `PT${count}M`);

const contract = (id: string) => fc.record({
  id: fc.constant(id),
  client: fc.constant(id[0]!),
  price: fc.integer({ min: 1, max: 9 }).map((euros) => `${euros}.00`),
  maxShareCount: fc.integer({ min: 1, max: 3 }),
  qualityScore: maybe(fc.integer({ min: 1, max: 5 })),
  weight: fc.integer({ min: 1, max: 3 }),
  status: fc.constantFrom('open' as const, 'open' as const, 'paused' as const),
  caps: maybe(fc.record({ day: fc.integer({ min: 0, max: 2 }) })),
  schedule: maybe(fc.constantFrom({ open: { 'mon-sun': ['09:00-10:30'] } }, { open: { 'mon-sun': ['08:00-09:15', '11:00-23:00'] } })),
  criteria: maybe(fc.constantFrom('NY', 'NJ').map((value) => ({ field: 'state', op: 'equals' as const, value }))),
}, { requiredKeys: ['id', 'client', 'price', 'maxShareCount', 'weight', 'status'] });

const rule = fc.record({
  method: fc.constantFrom('price' as const, 'roundRobin' as const, 'weighted' as const, 'qualityScore' as const, 'turnover' as const),
  take: maybe(fc.integer({ min: 1, max: 2 })),
  by: fc.constantFrom('contract' as const, 'client' as const),
});

const workflow = (id: string, fallback: string | undefined) => fc.record({
  id: fc.constant(id),
  mode: fc.constantFrom('onArrival' as const, 'window' as const, 'window' as const),
  window: fc.record({ length: minutes(60, 240), every: minutes(20, 70) }),
  maxMultiplication: fc.integer({ min: 1, max: 3 }),
  minimums: maybe(fc.record({ contracts: fc.constant(2) })),
  pauseExtends: fc.boolean(),
  rules: fc.array(rule, { minLength: 1, maxLength: 2 }),
  fallback: maybe(fc.constant(fallback)),
});

const config = fc.record({
  apiVersion: fc.constant('v1' as const),
  timezone: fc.constant('UTC'),
  clients: fc.tuple(...['a', 'b', 'c', 'd'].map((id) => fc.record({ id: fc.constant(id), tierDelivery: fc.boolean(),
    caps: maybe(fc.record({ day: fc.integer({ min: 1, max: 3 }) })) }))),
  contracts: fc.tuple(...CONTRACTS.map(contract)),
  campaigns: fc.record({ deadline: maybe(minutes(30, 90)), forceElse: fc.constantFrom('normal' as const, 'hold' as const, 'refuse' as const) })
    .map((over) => [{ id: 'solar', workflow: 'w', ...over, forceClient: 'wants' }, { id: 'calls' }]),
  workflows: fc.tuple(workflow('w', 'v'), workflow('v', undefined)),
  pushStrategies: fc.record({
    onlyActiveWithin: minutes(20, 60), method: fc.constantFrom('roundRobin' as const, 'weighted' as const),
    recipients: fc.tuple(...USERS.map((to) => fc.record({ to: fc.constant(to), weight: fc.integer({ min: 1, max: 2 }),
      caps: maybe(fc.record({ hour: fc.integer({ min: 0, max: 2 }) })),
      criteria: maybe(fc.constant({ field: 'state', op: 'equals' as const, value: 'NY' })) }))),
    timeout: maybe(fc.record({ after: minutes(30, 120), to: fc.constantFrom(...USERS) })),
  }).map((over) => [{ id: 'reps', campaigns: ['calls'], from: 'corporate', ...over }]),
});

const patch = fc.oneof(
  fc.record({ status: fc.constantFrom('open', 'paused') }), fc.record({ price: fc.constantFrom('3.00', '12.00') }),
  fc.record({ caps: fc.record({ day: fc.integer({ min: 0, max: 3 }) }) }),
);

const LEADS = ['L0', 'L1', 'L2', 'L3', 'L4', 'L5'];
const known = fc.constantFrom(...LEADS);
const action: fc.Arbitrary<object> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ user: fc.constantFrom(...USERS) }).map((seen) => ({ seen })) },
  { weight: 3, arbitrary: fc.record({ id: fc.constantFrom(...CONTRACTS), patch }).map(({ id, patch: to }) =>
    ({ set: { contracts: { [id]: to } } })) },
  { weight: 4, arbitrary: fc.record({ lead: known, action: fc.constantFrom('open' as const, 'pause' as const, 'resume' as const,
    'stop' as const), length: maybe(minutes(20, 100)) }).map((window) => ({ window })) },
  { weight: 1, arbitrary: fc.record({ lead: known, action: fc.constant('edit' as const), length: minutes(20, 100) })
    .map((window) => ({ window })) },
  { weight: 2, arbitrary: fc.record({ lead: known, contracts: maybe(some(CONTRACTS)), overrides: fc.constant(['cap_day']) })
    .map((distribute) => ({ distribute })) },
  { weight: 2, arbitrary: fc.record({ lead: known, rules: fc.constantFrom('w', 'v') }).map((distribute) => ({ distribute })) },
  { weight: 1, arbitrary: fc.record({ lead: known, contract: fc.constantFrom(...CONTRACTS) }).map((cherryPick) => ({ cherryPick })) },
  { weight: 1, arbitrary: fc.record({ lead: known, contract: fc.constantFrom(...CONTRACTS) }).map((back) => ({ return: back })) },
);
const arrival = fc.record({
  campaign: fc.constantFrom('solar', 'solar', 'solar', 'calls'), state: fc.constantFrom('NY', 'NJ'),
  wants: fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 5 }), rejectedBy: some([...CONTRACTS, ...USERS]),
  failedBy: fc.subarray(['b1', 'c1'], { maxLength: 1 }), unansweredBy: fc.subarray(['d1'], { maxLength: 1 }),
}).map(({ campaign, state, wants, ...answers }) => ({ lead: { campaign, fields: { state, ...(wants ? { wants } : {}) } }, ...answers }));

/** Leads and what is done to them, at instants of their own. */
const scenario: fc.Arbitrary<Scenario> = fc.record({
  config, leads: fc.array(arrival, { minLength: 1, maxLength: LEADS.length }),
  actions: fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), action), { maxLength: 12 }),
}).map(({ config: document, leads, actions }) => ({
  config: document as unknown as Scenario['config'],
  timeline: [
    ...leads.map(({ lead, ...answers }, place) => ({ minute: place * 17 + 0.5,
      step: { lead: { id: LEADS[place]!, ...lead }, ...answers } as object })),
    ...actions.map(([minute, step], place) => ({ minute: minute + place / 100, step })),
  ].sort((a, b) => a.minute - b.minute).map(({ minute, step }) => ({ at: new Date(START + Math.round(minute * 60_000)).toISOString(),
    ...step }) as ScenarioStep),
  until: new Date(START + 24 * 3_600_000).toISOString(),
}));

/** Without the steps that a simulation refuses, such as one that pauses a window which is none. */
function possible(drawn: Scenario): Scenario {
  let { timeline = [] } = drawn;
  for (;;) {
    try {
      const refused = simulate({ ...drawn, timeline }, { regex: linearRegex, lines: false }).refusedSteps.map(({ step }) => step);
      return { ...drawn, timeline: timeline.filter((_, index) => !refused.includes(index)) };
    } catch (error) {
      const place = /^timeline\[(\d+)\]/.exec((error as Error).message)?.[1];
      if (place === undefined) throw error;
      timeline = timeline.filter((_, index) => index !== Number(place));
    }
  }
}

function simulated(drawn: Scenario) {
  const { lines, summary } = simulate(drawn, { regex: linearRegex });
  return {
    sold: lines.filter(({ assigned }) => assigned.length > 0).map(({ at, lead, trigger, assigned }) => ({ at, lead, trigger, assigned })),
    ...sumsOf(summary),
  };
}

function addedUp(drawn: Scenario) {
  return sumsOf(simulate(drawn, { regex: linearRegex, lines: false }).summary);
}

function sumsOf({ summary: { counts, windows } }: SummaryLine) {
  return { counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)), windows };
}

function lived(drawn: Scenario) {
  const world = new World(drawn).run();
  return { sold: world.sold, counts: world.counts(), windows: world.windows() };
}

describe('what the engine does', () => {
  it('is what a simulation says, with windows, refusals, presence, and people in between', () => {
    fc.assert(fc.property(scenario, (drawn) => {
      const run = possible(drawn);
      fc.pre(run.timeline!.length > 0);
      const said = simulated(run);
      expect(lived(run)).toEqual(said);
      // One that only adds up leaves out tries in vain.
      expect(addedUp(run)).toEqual({ counts: said.counts, windows: said.windows });
    }), { numRuns: 1_000 });
  });
});
