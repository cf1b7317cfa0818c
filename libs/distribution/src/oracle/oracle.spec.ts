import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@sluice/kernel';
import type { ConfigDocument, Contract, Rule } from '../document.js';
import type { ScenarioStep } from '../scenario.js';
import { generateScenario } from './generate.js';
import { runOracle } from './run.js';

/** Clients and contracts A, B, C … of one each, one workflow of one rule. */
function world(rule: Rule, contracts: Partial<Contract>[], maxMultiplication = 1): ConfigDocument {
  const ids = contracts.map((_, place) => 'ABCDE'.charAt(place));
  return {
    apiVersion: 'v1', clients: ids.map((id) => ({ id: id.toLowerCase() })), campaigns: [{ id: 'solar', workflow: 'w' }],
    contracts: ids.map((id, place) => ({ price: '10.00', ...contracts[place], id, client: id.toLowerCase() })),
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication, rules: [rule] }],
  };
}

const leads = (count: number, more: object = {}): ScenarioStep[] => Array.from({ length: count }, (_, place) => ({
  at: `2026-03-02T09:0${place}:00Z`, lead: { id: `L${place}`, campaign: 'solar' }, ...more,
}));
const winners = (config: ConfigDocument, timeline: ScenarioStep[]) => runOracle({ config, timeline })
  .map(({ assigned }) => assigned.map(({ contract }) => contract).join(' '));

const minutes = (count: number): ScenarioStep[] => Array.from({ length: count }, (_, place) => ({
  at: new Date(Date.UTC(2026, 2, 2, 9, place)).toISOString(), lead: { id: `L${place}`, campaign: 'solar' },
}));

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}

describe('the oracle', () => {
  it('hands leads round in the order of entry, whatever they pay', () => {
    expect(winners(world({ method: 'roundRobin', take: 1 }, [{}, { price: '20.00' }, {}]), leads(4))).toEqual(['A', 'B', 'C', 'A']);
  });

  it('gives A, B, A for weights of two to one', () => {
    const config = world({ method: 'weighted', take: 1 }, [{ weight: 2 }, { weight: 1 }, {}]);
    expect(winners(config, leads(6))).toEqual(['A', 'B', 'A', 'A', 'B', 'A']);
  });

  it('holds a lead back rather than exceed a strict percentage', () => {
    const rule: Rule = { method: 'percentage', timeframe: 'day', strict: true, take: 1 };
    expect(winners(world(rule, [{ percentage: 40 }, { percentage: 60, status: 'paused' }]), leads(3))).toEqual(['A', '', 'A']);
  });

  it('gives a turned down lead to the next, its cap back and its turn too', () => {
    const config = world({ method: 'roundRobin', take: 1 }, [{ caps: { day: 1 } }, {}]);
    expect(winners(config, [...leads(1, { rejectedBy: ['A'] }), ...leads(4).slice(1)])).toEqual(['A', 'B', 'A', 'B', 'B']);
  });

  it('sells to three sharers where together they pay more than one alone', () => {
    const contracts = [{ price: '50.00', maxShareCount: 1 }, { price: '22.00' }, { price: '20.00' }, { price: '18.00' }];
    expect(winners(world({ method: 'turnover' }, contracts, 3), leads(1))).toEqual(['B C D']);
  });

  it('keeps every contract within one lead of its share after every lead, for any weights (W5)', () => {
    const random = seededRandom('W5');
    for (let round = 0; round < 12; round++) {
      const weights = Array.from({ length: random.int(2, 5) }, () => random.int(1, 30));
      const sum = weights.reduce((a, b) => a + b, 0);
      const received = weights.map(() => 0);
      const config = world({ method: 'weighted', take: 1 }, weights.map((weight) => ({ weight })));
      winners(config, minutes(60)).forEach((winner, place) => {
        received['ABCDE'.indexOf(winner)]! += 1;
        const off = weights.map((weight, each) => Math.abs((received[each] ?? 0) - (weight / sum) * (place + 1)));
        expect([weights, place, Math.max(...off) < 1]).toEqual([weights, place, true]);
      });
    }
  });

  it('takes the richest and the largest set that sharing allows, as trying every set shows', () => {
    const random = seededRandom('sets');
    for (let round = 0; round < 400; round++) {
      const contracts = Array.from({ length: random.int(1, 5) }, (): Partial<Contract> => ({
        price: String(random.int(0, 20)), maxShareCount: random.chance(0.7) ? random.int(1, 4) : undefined,
      }));
      const room = random.int(1, 4);
      const value = (config: ConfigDocument) => runOracle({ config, timeline: leads(1) })[0]?.assigned ?? [];
      const sets = subsets(contracts)
        .filter((set) => set.length <= room && set.every(({ maxShareCount = 9 }) => set.length <= maxShareCount));
      const sum = (set: readonly { price?: string | number }[]) => set.reduce((total, { price }) => total + Number(price), 0);
      expect(sum(value(world({ method: 'turnover' }, contracts, room)))).toBe(Math.max(...sets.map(sum)));
      expect(value(world({ method: 'leadCount' }, contracts, room)).length).toBe(Math.max(...sets.map((set) => set.length)));
    }
  });

  it('finds every reason in its random scenarios, and sells often enough to rank', () => {
    const reasons = new Set<string>();
    let sold = 0;
    for (let seed = 0; seed < 300; seed++) {
      for (const { assigned, refused } of runOracle(generateScenario(`reasons ${seed}`))) {
        sold += assigned.length;
        for (const reason of Object.values(refused)) reasons.add(reason);
      }
    }
    expect([...reasons].sort()).toEqual([
      'already_received', 'automation_off', 'cap_day', 'cap_hour', 'cap_month', 'cap_total', 'cap_week', 'client_not_active', 'consent',
      'contract_not_open', 'credit_limit', 'criteria', 'delivery_suspended', 'duplicate_person', 'held_back', 'lead_too_old', 'no_delivery_method', 'no_geo',
      'no_weight',
      'not_in_list', 'not_in_rule', 'order_exhausted', 'order_missing', 'order_past_due', 'out_of_range', 'outranked', 'percentage_limit',
      'rejected_before', 'rule_minimum', 'schedule_closed', 'schedule_missing', 'score_too_low', 'script', 'share_count', 'sibling', 'total_minimum',
    ]);
    expect(sold).toBeGreaterThan(1000);
  });
});
