import { describe, expect, it } from '@jest/globals';
import { attemptLines, contractLines, rankLines, type Receipt, type ShownAttempt } from './explain-view.js';

function attempt(second: number, more: Partial<ShownAttempt>): ShownAttempt {
  const at = new Date(Date.UTC(2026, 2, 2, 9, 0, second)).toISOString();
  return { attemptId: `a${second}`, at, trigger: 'window', actor: null, outcome: 'unsold', reason: 'cap_day', givenReason: null, picks: [], ...more };
}

function receipt(places: readonly [id: string, code: string, keys: Record<string, number>][]): Receipt {
  return { verdicts: places.map(([contractId, code, keys]) => ({ contractId, code, rank: { rule: 'w/r0', method: 'price', keys } })) };
}

describe('an explanation for people', () => {
  it('tells equal attempts as one, who asked, what was passed over and why; the one that is explained has an arrow', () => {
    const byHand = { trigger: 'manual', actor: 'user:ann', outcome: 'distributed', reason: null, givenReason: 'promised' };
    const attempts = [
      attempt(0, { trigger: 'arrival' }), attempt(1, {}), attempt(2, {}), attempt(3, {}),
      attempt(4, { ...byHand, picks: [{ contractId: 'acme', overridden: ['cap_day'] }] }),
    ];
    expect(attemptLines(attempts, attempts[4]!)).toEqual([
      '  2026-03-02 09:00:00  arrival: nobody (cap_day)', '  2026-03-02 09:00:01  window: nobody (cap_day)  ×3, the last 2026-03-02 09:00:03',
      '→ 2026-03-02 09:00:04  manual by user:ann: acme, past cap_day; "promised"',
    ]);
  });

  it('gives the figures to the gate that they are of, amounts in the currency', () => {
    const limit = { scope: 'client', id: 'acme', window: 'credit', metric: 'amount', used: 99_000, limit: 100_000 };
    const lost = { contractId: 'a', code: 'criteria', gates: ['criteria', 'credit_limit'], limit, detail: 'state in [NY], got "CA"', words: 'a lost.', change: null };
    expect(contractLines(lost, 'USD', true)).toEqual([
      '✗ a lost.', '  shut: criteria  state in [NY], got "CA"', '  shut: credit_limit  990.00 USD of 1000.00 USD used, of client acme',
    ]);
  });

  it('ranks high prices and low turns first, and leaves out who is far from the best and from itself', () => {
    const many = receipt(Array.from({ length: 20 }, (_, place) => [`c${place}`, 'outranked', { price: 1_000 + place, turn: place }]));
    const lines = rankLines(many, 'c5', 'JPY');
    expect(lines[1]).toBe('  By price in w/r0, 15 of 20:');
    expect(lines.slice(3).map((line) => line.replace('→', ' ').trim().split(/\s+/).slice(0, 3))).toEqual([
      ['1', 'c19', '1019'], ['2', 'c18', '1018'], ['3', 'c17', '1017'], ['4', 'c16', '1016'], ['14', 'c6', '1006'], ['15', 'c5', '1005'], ['16', 'c4', '1004'],
    ]);
    expect(rankLines(many, 'nobody', 'USD')).toEqual([]);
    const turns = receipt([['late', 'outranked', { turn: 9 }], ['early', 'picked', { turn: 2 }]]);
    expect(rankLines(turns, 'late', 'USD').at(-2)).toMatch(/1 +early +2 +got it/);
  });
});
