/** Random set-ups for properties: few contracts with many kinds of terms, so that every rule meets every other. */
import fc from 'fast-check';
import type { ConfigDocument, Contract, Method, Rule, Workflow } from './document.js';

export const ZONE = 'America/New_York';

const methods: Method[] = [
  'price', 'priority', 'roundRobin', 'weighted', 'percentage', 'distance', 'qualityScore', 'random', 'freeTrial',
  'turnover', 'leadCount',
];
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined, freq: 2 });

const contract = fc.record({
  client: fc.constantFrom('c0', 'c1', 'c2', 'c3'), price: fc.constantFrom(0, 5, 10, 20, 40),
  maxShareCount: maybe(fc.integer({ min: 1, max: 4 })),
  prices: maybe(fc.constantFrom({ 1: 40, 2: 25, 3: 10 }, { 2: 12 })), qualityScore: maybe(fc.integer({ min: 1, max: 4 })),
  priority: maybe(fc.integer({ min: -2, max: 2 })),
  weight: maybe(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(0.1, 0.2, 0.7, 33.3))),
  percentage: maybe(fc.constantFrom(10, 25, 33.3)), trial: maybe(fc.constant({ leads: 2 })),
  caps: maybe(fc.constantFrom({ day: 2 }, { day: { amount: 30 } }, { hour: 1, total: 4 }, { rolling60m: 1 },
    { day: 3, week: { count: 4, amount: 70 } })),
  percentageLimit: maybe(fc.constant({ percent: 50, lookBack: 'day' as const })), group: maybe(fc.constantFrom('g', 'h')),
  order: maybe(fc.constantFrom('required' as const, 'optional' as const)),
  criteria: maybe(fc.constantFrom({ field: 'state', op: 'in' as const, value: ['NY'] },
    { field: 'state', op: 'notIn' as const, value: ['NY'] })),
});
const rule = fc.record({
  method: fc.constantFrom(...methods), secondary: maybe(fc.constantFrom(...methods)), base: maybe(fc.constantFrom(...methods)),
  by: fc.constantFrom('contract' as const, 'client' as const),
  take: maybe(fc.integer({ min: 1, max: 3 })), minTurnover: maybe(fc.constantFrom(10, 25)),
  reset: fc.constantFrom('never' as const, 'daily' as const, '7days' as const),
  strict: fc.boolean(), contracts: maybe(fc.constantFrom({ groups: ['g'] }, { ids: ['k0', 'k1'] })),
});
const workflow = fc.record({
  maxMultiplication: maybe(fc.integer({ min: 1, max: 4 })), priceOptimization: fc.constantFrom('pooled' as const, 'separate' as const),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
  groups: maybe(fc.constant([{ group: 'g', method: 'price' as const, take: 1, onSold: 'continue' as const }])),
  minimums: maybe(fc.constantFrom({ contracts: 2 }, { turnover: 15 })),
});
export const world = fc.record({ contracts: fc.array(contract, { minLength: 1, maxLength: 7 }), workflow,
  clientCap: maybe(fc.integer({ min: 1, max: 3 })) })
  .map(({ contracts, workflow: flow, clientCap }): ConfigDocument => ({
    apiVersion: 'v1', timezone: ZONE, groups: [{ id: 'g', caps: { day: 3 } }],
    clients: [{ id: 'c0', caps: clientCap === undefined ? undefined : { day: clientCap } }, { id: 'c1', weight: 2, percentage: 40 },
      { id: 'c2', tierDelivery: true }, { id: 'c3' }],
    contracts: contracts.map((body, place) => ({ id: `k${place}`, ...body }) as Contract),
    campaigns: [{ id: 'x', workflow: 'w', caps: { day: 12 } }],
    workflows: [{ id: 'w', mode: 'onArrival', ...flow, rules: flow.rules as Rule[] } as Workflow],
    orders: contracts.flatMap(({ order }, place) =>
      (order ? [{ id: `o${place}`, contract: `k${place}`, quantity: 3, start: '2026-03-01' }] : [])),
  }));
