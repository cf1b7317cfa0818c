import { describe, expect, it } from '@jest/globals';
import type { ConfigDocument, Contract, Rule, Script } from './document.js';
import { lint } from './lint.js';

function documentWith(
  contracts: Partial<Contract>[], rules: Rule[], more: Partial<ConfigDocument> = {}, workflow: object = {},
): ConfigDocument {
  return {
    apiVersion: 'v1', clients: contracts.map((_, place) => ({ id: `c${place}` })), campaigns: [{ id: 'solar', workflow: 'w' }],
    contracts: contracts.map((contract, place) => ({ id: `k${place}`, client: `c${place}`, price: 10, ...contract })),
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
      documentWith([{ maxShareCount: 1 }, {}], [{ ...price, contracts: { ids: ['k0'] } }, price]), []],
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
      ['list_leaves_nobody at campaigns[0].list']],
    ['a forced client outside the list', documentWith([{}, {}], [price],
      { campaigns: [{ id: 'solar', workflow: 'w', list: 'l', forceClient: 'buyer' }], lists: [{ id: 'l', clients: ['c0'] }] }),
      ['force_against_list at campaigns[0].forceClient']],
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
