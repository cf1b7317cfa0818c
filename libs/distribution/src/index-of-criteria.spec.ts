import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { testOf } from './criteria.js';
import type { Condition, Contract, Criteria } from './document.js';
import { itemsOf, type ConfigItem } from './items.js';
import type { Lead } from './lead.js';
import { Market } from './market.js';
import { Found } from './partition.js';

const RUNS = { numRuns: 1000 };
const text = fc.constantFrom('NY', 'nj', ' Tx ', 'ca', '', 'NYC', '12', '7');
const number = fc.oneof(fc.integer({ min: -3, max: 30 }), fc.constantFrom(7, 12.5, 18));
const fieldValue = fc.oneof(text, number, fc.boolean(), fc.constant(null), fc.constant(undefined));

const setOf = (field: string): fc.Arbitrary<Condition> => fc.oneof(
  fc.record({ field: fc.constant(field), op: fc.constantFrom('equals' as const, 'notEquals' as const),
    value: fc.oneof(text, number, fc.boolean()) }),
  fc.record({ field: fc.constant(field), op: fc.constantFrom('in' as const, 'notIn' as const),
    value: fc.array(fc.oneof(text, number), { maxLength: 4 }) }),
  fc.record({ field: fc.constant(field), op: fc.constantFrom('exists' as const, 'missing' as const) }),
);
const rangeOf = (field: string): fc.Arbitrary<Condition> => fc.oneof(
  fc.record({ field: fc.constant(field),
    op: fc.constantFrom('lessThan' as const, 'atMost' as const, 'greaterThan' as const, 'atLeast' as const), value: number }),
  fc.tuple(number, number).map(([low, high]) => ({ field, op: 'between' as const, value: [Math.min(low, high), Math.max(low, high)] })),
);
const textOf = (field: string): fc.Arbitrary<Condition> => fc.record({
  field: fc.constant(field),
  op: fc.constantFrom('contains' as const, 'notContains' as const, 'startsWith' as const, 'endsWith' as const),
  value: fc.constantFrom('n', 'Y', '1'),
});
const leaf = fc.constantFrom('a', 'b').chain((field) => fc.oneof(setOf(field), rangeOf(field), textOf(field)));
const { tree } = fc.letrec<{ tree: Criteria }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true }, leaf as fc.Arbitrary<Criteria>,
    fc.record({ all: fc.array(tie('tree'), { maxLength: 3 }) }), fc.record({ any: fc.array(tie('tree'), { maxLength: 3 }) }),
    fc.record({ not: tie('tree') }),
  ),
}));

const leadWith = (attributes: Record<string, unknown>, campaignId = 'x'): Lead => ({
  leadId: 'L', tenantId: 't', campaignId, receivedAt: 0, attributes: attributes as Lead['attributes'],
});
const leadArbitrary = fc.record({ a: fieldValue, b: fieldValue }).map((attributes) => leadWith(attributes));

function marketOf(contracts: Contract[]): Market {
  return Market.compile(itemsOf({ apiVersion: 'v1', clients: [{ id: 'c' }], contracts, campaigns: [{ id: 'x' }, { id: 'y' }] }));
}

function matched(market: Market, lead: Lead): string[] {
  const found = new Found();
  market.match(lead, found);
  return [...found.owners.subarray(0, found.count)].map((index) => market.byIndex[index]!.id).sort();
}

function expected(contracts: Contract[], lead: Lead): string[] {
  return contracts.filter(({ campaigns, criteria }) => (!campaigns || campaigns.includes(lead.campaignId)) && testOf(criteria)(lead))
    .map(({ id }) => id).sort();
}

const contractsOf = (trees: Criteria[]): Contract[] => trees.map((criteria, place) => ({
  id: `c${place}`, client: 'c', criteria, campaigns: place % 3 === 0 ? undefined : place % 3 === 1 ? ['x'] : ['x', 'y'],
}));

describe('the index over criteria', () => {
  it('finds exactly the contracts whose criteria hold, whatever the tree', () => {
    fc.assert(fc.property(fc.array(tree, { minLength: 1, maxLength: 12 }), fc.array(leadArbitrary, { minLength: 1, maxLength: 8 }),
      (trees, leads) => {
      const contracts = contractsOf(trees);
      const market = marketOf(contracts);
      for (const lead of leads) for (const each of [lead, { ...lead, campaignId: 'y' }]) expect(matched(market, each))
        .toEqual(expected(contracts, each));
    }), RUNS);
  });

  it('finds the same after any changes as if it had been built anew', () => {
    const change = fc.record({ place: fc.nat({ max: 7 }), criteria: fc.option(tree, { nil: null }) });
    fc.assert(fc.property(fc.array(tree, { minLength: 1, maxLength: 6 }), fc.array(change, { maxLength: 12 }),
      fc.array(leadArbitrary, { minLength: 1, maxLength: 4 }), (trees, changes, leads) => {
      let contracts = contractsOf(trees);
      const market = marketOf(contracts);
      for (const { place, criteria } of changes) {
        const id = `c${place}`;
        const body: Contract | null = criteria && { id, client: 'c', criteria, campaigns: place % 2 === 0 ? ['x'] : undefined };
        contracts = [...contracts.filter((contract) => contract.id !== id), ...(body ? [body] : [])];
        market.change([{ kind: 'contract', id, entry: place, body } as ConfigItem]);
      }
      for (const lead of leads) expect(matched(market, lead)).toEqual(expected(contracts, lead));
    }), RUNS);
  });

  it('stays right when it grows far beyond its first size, with more bounds than it cuts', () => {
    const contracts = Array.from({ length: 3000 }, (_, place): Contract => ({
      id: `c${place}`, client: 'c', criteria: { all: [{ field: 'a', op: 'between', value: [place / 7, place / 3] },
        { field: 'b', op: 'in', value: [`v${place % 50}`, `w${place % 700}`] }] },
    }));
    const market = marketOf(contracts.slice(0, 10));
    for (const [entry, body] of contracts.slice(10).entries()) market.change([{ kind: 'contract', id: body.id, entry: entry + 100, body }]);
    for (const [a, b] of [[3, 'v3'], [100, 'W120'], [428.5, 'v7'], [0, 'v0'], [-1, 'v1'], [200, 'nobody']]) {
      const lead = leadWith({ a, b });
      expect(matched(market, lead)).toEqual(expected(contracts, lead));
    }
  });
});
