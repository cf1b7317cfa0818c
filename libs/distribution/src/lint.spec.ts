import { describe, expect, it } from '@jest/globals';
import type { ConfigDocument, Contract, Rule, Script } from './document.js';
import { lint } from './lint.js';

function documentWith(
  contracts: Partial<Contract>[], rules: Rule[], more: Partial<ConfigDocument> = {}, workflow: object = {},
): ConfigDocument {
  return {
    apiVersion: 'v1', clients: contracts.map((_, place) => ({ id: `c${place}` })), campaigns: [{ id: 'solar', workflow: 'w' }],
    contracts: contracts.map((contract, place) => ({ id: `k${place}`, client: `c${place}`, price: 10 - place, ...contract })),
    workflows: [{ id: 'w', rules, ...workflow }], ...more,
  };
}
const codes = (document: ConfigDocument, volumes?: Record<string, number>) => lint(document, { volumes })
  .map(({ code, path }) => `${code} at ${path}`);
const state = (value: string) => ({ field: 'state', op: 'equals' as const, value });
const price: Rule = { method: 'price' };
const scripted = (script: Partial<Script>) => documentWith([{}, { status: 'closed' }, { campaigns: ['x'] }], [price], {
  campaigns: [{ id: 'solar', workflow: 'w' }, { id: 'x', workflow: 'v' }], workflows: [{ id: 'w', rules: [price] }, { id: 'v', mode: 'off', rules: [price] }],
  scripts: [{ id: 's', status: 'active', code: 'const filter = () => true', tests: [{ name: 't', hook: 'filter', lead: {}, expect: true }], ...script }],
});

describe('lint', () => {
  it('finds nothing in a set-up that is as meant', () => {
    expect(lint(documentWith([{ weight: 1 }, { weight: 2 }], [{ method: 'weighted', secondary: 'price' }]))).toEqual([]);
  });

  it.each<[string, ConfigDocument, string[]]>([
    ['criteria that contradict themselves', documentWith([{ criteria: { all: [state('NY'), state('NJ')] } }], [price]),
      ['criteria_never_hold at contracts[0].criteria']],
    ['a range that is empty', documentWith([{ criteria: { all: [{ field: 'age', op: 'lessThan', value: 20 },
      { field: 'age', op: 'atLeast', value: 20 }] } }], [price]), ['criteria_never_hold at contracts[0].criteria']],
    ['nothing in criteria of which one alternative can hold',
      documentWith([{ criteria: { any: [{ all: [state('NY'), state('NJ')] }, state('TX')] } }], [price]), []],
    ['a schedule that never opens', documentWith([{ schedule: { open: {} } }], [price]), ['schedule_never_opens at contracts[0].schedule']],
    ['a contract that no rule lets in', documentWith([{}, {}], [{ ...price, contracts: { ids: ['k0'] } }]),
      ['contract_unreachable at contracts[1]']],
    ['a contract of a campaign that has no workflow',
      documentWith([{ campaigns: ['x'] }, {}], [price], { campaigns: [{ id: 'solar', workflow: 'w' }, { id: 'x' }] }),
      ['contract_unreachable at contracts[0]', 'campaign_without_workflow at campaigns[1]']],
    ['caps that hide each other', documentWith([{ caps: { hour: 9, day: 5 } }], [price]), ['cap_never_reached at contracts[0].caps.hour']],
    ['a cap smaller than the order', documentWith([{ caps: { total: 5 } }], [price],
      { orders: [{ id: 'o', contract: 'k0', quantity: 6, start: '2026-03-01' }] }), ['cap_below_order at orders[0].quantity']],
    ['a daily cap that cannot fill the order in its time',
      documentWith([{ caps: { day: 2 } }], [price],
      { orders: [{ id: 'o', contract: 'k0', quantity: 7, start: '2026-03-01', end: '2026-03-04' }] }),
      ['cap_below_order at orders[0].quantity']],
    ['a contract that needs an order and has none', documentWith([{ order: 'required' }], [price]),
      ['order_missing at contracts[0].order']],
    ['weights that are all absent', documentWith([{}, {}], [{ method: 'weighted' }]), ['weights_absent at workflows[0].rules[0].method']],
    ['a weight that is missing', documentWith([{ weight: 1 }, {}], [{ method: 'weighted' }]),
      ['weight_missing at workflows[0].rules[0].method']],
    ['percentages above 100', documentWith([{ percentage: 60 }, { percentage: 40.5 }], [{ method: 'percentage' }]),
      ['percentages_above_100 at workflows[0].rules[0].method']],
    ['percentages that hold leads back', documentWith([{ percentage: 60 }, { percentage: 30 }], [{ method: 'percentage' }]),
      ['percentages_below_100 at workflows[0].rules[0].method']],
    ['equal priorities without a secondary method', documentWith([{ priority: 1 }, { priority: 1 }], [{ method: 'priority' }]),
      ['ties_likely at workflows[0].rules[0].secondary']],
    ['a rule that an earlier one starves', documentWith([{ maxShareCount: 1 }, { maxShareCount: 1 }],
      [price, { ...price, contracts: { ids: ['k1'] } }]), ['rule_starved at workflows[0].rules[1]']],
    ['no starvation where a rule reaches others too',
      documentWith([{ maxShareCount: 1, caps: { day: 9 } }, {}], [{ ...price, contracts: { ids: ['k0'] } }, price]), []],
    ['a rule behind a contract that takes every lead for itself',
      documentWith([{ maxShareCount: 1 }, {}], [{ ...price, contracts: { ids: ['k0'] } }, price]), ['rule_starved at workflows[0].rules[1]']],
    ['a rule behind a group that sold all of its contracts and stops',
      documentWith([{ group: 'gold' }, { group: 'gold' }], [price], {}, { groups: [{ group: 'gold', method: 'price', onSold: 'stop' }] }),
      ['rule_starved at workflows[0].rules[0]']],
    ['no starvation behind a group that goes on',
      documentWith([{ group: 'gold' }, { group: 'gold' }], [price], {},
        { groups: [{ group: 'gold', method: 'price', take: 1, onSold: 'continue' }] }), []],
    ['no starvation behind weights that leave some out',
      documentWith([{ maxShareCount: 1, weight: 1 }, { maxShareCount: 1 }], [{ method: 'weighted', take: 1 }, price]),
      ['weight_missing at workflows[0].rules[0].method']],
    ['a minimum of buyers above the multiplication',
      documentWith([{}, {}], [price], {}, { maxMultiplication: 1, minimums: { contracts: 2 } }),
      ['minimum_never_reached at workflows[0].minimums.contracts']],
    ['a minimum of buyers that nobody shares', documentWith([{ maxShareCount: 1 }, {}], [price], {}, { minimums: { contracts: 2 } }),
      ['minimum_never_reached at workflows[0].minimums.contracts']],
    ['a minimum turnover above all prices', documentWith([{}, {}], [{ ...price, take: 1, minTurnover: 10.01 }]),
      ['minimum_never_reached at workflows[0].rules[0].minTurnover']],
    ['a contract\'s priority that its client\'s turns round',
      documentWith([{ priority: 1 }, { priority: 2 }], [{ method: 'priority' }],
      { clients: [{ id: 'c0', priority: 9 }, { id: 'c1', priority: 0 }] }), ['priorities_contradict at campaigns[0].workflow']],
    ['a list that leaves nobody', documentWith([{}], [price],
      { campaigns: [{ id: 'solar', workflow: 'w', list: 'l' }], lists: [{ id: 'l', clients: ['other'] }] }),
      ['contract_unreachable at contracts[0]', 'list_leaves_nobody at campaigns[0].list']],
    ['a list and rules that leave nobody together', documentWith([{}, {}], [{ ...price, contracts: { ids: ['k1'] } }],
      { campaigns: [{ id: 'solar', workflow: 'w', list: 'l' }], lists: [{ id: 'l', clients: ['c0'] }] }),
      ['contract_unreachable at contracts[0]', 'contract_unreachable at contracts[1]', 'list_against_rules at campaigns[0].list']],
    ['a forced client outside the list', documentWith([{}, {}], [price],
      { campaigns: [{ id: 'solar', workflow: 'w', list: 'l', forceClient: 'buyer' }], lists: [{ id: 'l', clients: ['c0'] }] }),
      ['contract_unreachable at contracts[1]', 'force_against_list at campaigns[0].forceClient']],
    ['a word on forced clients that no field forces', documentWith([{}], [price],
      { campaigns: [{ id: 'solar', workflow: 'w', forceElse: 'hold' }] }), ['force_without_field at campaigns[0].forceElse']],
    ['equal prices and scores of which the first always wins', documentWith([{ price: 5 }, { price: 5 }], [{ ...price, take: 1 }]),
      ['ties_likely at workflows[0].rules[0].secondary']],
    ['nothing in equal prices of contracts that no lead can go to both of',
      documentWith([{ price: 5, campaigns: ['solar'] }, { price: 5, campaigns: ['roof'] }], [{ ...price, take: 1 }],
        { campaigns: [{ id: 'solar', workflow: 'w' }, { id: 'roof', workflow: 'w' }] }), []],
    ['nothing in equal prices that are all taken', documentWith([{ price: 5 }, { price: 5 }], [price]), []],
    ['nothing in equal prices with a secondary method',
      documentWith([{ price: 5 }, { price: 5 }], [{ ...price, take: 1, secondary: 'roundRobin' }]), []],
    ['weights of a group that are all absent', documentWith([{ group: 'g' }, { group: 'g' }], [], {},
      { groups: [{ group: 'g', method: 'weighted', take: 1 }] }), ['weights_absent at workflows[0].groups[0].method']],
    ['a minimum turnover that exclusives cannot reach together',
      documentWith([{ maxShareCount: 1 }, { maxShareCount: 1 }], [price], {}, { minimums: { turnover: 10.01 } }),
      ['minimum_never_reached at workflows[0].minimums.turnover']],
    ['a minimum of buyers that the takes do not reach',
      documentWith([{}, {}], [{ ...price, take: 1 }], {}, { minimums: { contracts: 2 } }),
      ['minimum_never_reached at workflows[0].minimums.contracts']],
    ['a contract too exclusive for the minimum of buyers',
      documentWith([{ maxShareCount: 1 }, {}, {}], [price], {}, { minimums: { contracts: 2 } }),
      ['contract_below_minimum at workflows[0].minimums.contracts']],
    ['a cap of a client below the order', documentWith([{}], [price],
      { clients: [{ id: 'c0', caps: { total: 5 } }], orders: [{ id: 'o', contract: 'k0', quantity: 6, start: '2026-03-01' }] }),
      ['cap_below_order at orders[0].quantity']],
    ['a cap of money below the order', documentWith([{ caps: { total: { amount: 99 } } }], [price],
      { orders: [{ id: 'o', contract: 'k0', amount: 100, start: '2026-03-01' }] }), ['cap_below_order at orders[0].amount']],
    ['nothing in caps that let an order through', documentWith([{ caps: { total: { amount: 100 }, day: 2 } }], [price],
      { orders: [{ id: 'o', contract: 'k0', amount: 100, start: '2026-03-01' },
        { id: 'p', contract: 'k0', quantity: 10, start: '2026-03-01' }] }), []],
    ['a price beside prices', documentWith([{ price: 5, prices: { 1: 9 } }], [price]), ['price_beside_prices at contracts[0].price']],
    ['a field of push that no campaign names', { apiVersion: 'v1', campaigns: [{ id: 's', fields: { age: { type: 'integer' } } }],
      pushStrategies: [{ id: 'p', campaigns: ['s'], from: 'corporate', criteria: state('NY'), recipients: [{ to: 'u' }] },
        { id: 'q', campaigns: ['s'], from: 'corporate', recipients: [{ to: 'u', criteria: { field: 'age', op: 'atLeast', value: 3 } }] }] },
    ['field_unknown at pushStrategies[0].criteria']],
    ['a cap of nothing', documentWith([{ caps: { day: 0 } }], [price]), ['cap_of_nothing at contracts[0].caps.day']],
    ['a schedule that is required and missing', documentWith([{}], [price], { requireSchedule: true }),
      ['schedule_missing at contracts[0].schedule']],
    ['nothing in a contract that only a fallback reaches', documentWith([{}, { tags: ['last'] }], [{ ...price, contracts: { ids: ['k0'] } }],
      { workflows: [{ id: 'w', rules: [{ ...price, contracts: { ids: ['k0'] } }], fallback: 'v' },
        { id: 'v', rules: [{ ...price, contracts: { tags: ['last'] } }] }] }), []],
    ['push without weights, for nobody, from nowhere and beside a workflow', { apiVersion: 'v1',
      campaigns: [{ id: 's' }, { id: 'solar', workflow: 'w' }], workflows: [{ id: 'w', mode: 'off' }], pushStrategies: [
        { id: 'p', campaigns: ['s'], from: 'corporate', method: 'weighted', recipients: [{ to: 'u1' }, { to: 'u2', weight: 1 }] },
        { id: 'q', campaigns: ['solar'], from: 'ny', method: 'weighted', recipients: [{ to: 'u1' }] },
        { id: 'r', campaigns: ['s'], from: 'corporate', reset: 'daily', criteria: { all: [state('NY'), state('NJ')] },
          recipients: [{ to: 'u1' }, { to: 'u2' }] },
      ] }, ['weight_missing at pushStrategies[0].method', 'weights_absent at pushStrategies[1].method',
      'strategy_unreachable at pushStrategies[1].from', 'strategy_unreachable at pushStrategies[1].campaigns[0]',
      'criteria_never_hold at pushStrategies[2].criteria', 'reset_starves_tail at pushStrategies[2].reset']],
    ['a script whose criteria never hold', scripted({ when: { all: [state('NY'), state('NJ')] } }), ['script_never_asked at scripts[0].when']],
    ['a script of closed contracts', scripted({ contracts: ['k1'] }), ['script_never_asked at scripts[0].contracts']],
    ['a script of contracts that its campaigns do not reach',
      scripted({ contracts: ['k2'], campaigns: ['solar'] }), ['script_never_asked at scripts[0].contracts']],
    ['a script of a campaign that is distributed by hand', scripted({ campaigns: ['x'] }), ['script_never_asked at scripts[0].campaigns']],
    ['a script that nothing shows to work', scripted({ tests: [] }), ['script_without_tests at scripts[0].tests']],
    ['a filter whose tests are all refused', scripted({ tests: [{ name: 't', hook: 'filter', lead: {}, expect: 'no' }] }),
      ['script_refuses_all at scripts[0].tests']],
    ['nothing in a script that is off', scripted({ status: 'off', tests: [], campaigns: ['x'] }), []],
    ['nothing in a script as it is meant', scripted({ campaigns: ['solar', 'x'], contracts: ['k0', 'k1'], when: state('NY') }), []],
  ])('names %s', (_, document, expected) => {
    expect(codes(document)).toEqual(expected);
  });

  it('says that a reset starves the tail unless the volume is known to reach it', () => {
    const document = documentWith([{}, {}, {}], [{ method: 'roundRobin', take: 1, reset: 'daily' }]);
    expect(codes(document)).toEqual(['reset_starves_tail at workflows[0].rules[0].reset']);
    expect(codes(document, { solar: 2 })).toEqual(['reset_starves_tail at workflows[0].rules[0].reset']);
    expect(codes(document, { solar: 3 })).toEqual([]);
  });
});
