import { expect, it } from '@jest/globals';
import type { Decision, Verdict } from '@sluice/distribution';
import { parseReceipt, receiptText } from './receipt.js';

const verdicts: Verdict[] = [
  { contractId: 'a', clientId: 'x', code: 'picked', gates: [], rank: { rule: 'w/r0', method: 'price',
    keys: { price: 10, qualityScore: 100, entry: 1 } } },
  { contractId: 'b', clientId: 'y', code: 'outranked', gates: [], rank: { rule: 'w/r0', method: 'price',
    keys: { price: 5, qualityScore: 90, entry: 2 } } },
  { contractId: 'c', clientId: 'z', code: 'outranked', gates: [], rank: { rule: 'w/r1', method: 'roundRobin',
    keys: { turn: 7, entry: 3 } } },
  { contractId: 'd', clientId: 'z', code: 'cap_day', gates: ['cap_day', 'share_count'],
    limit: { scope: 'contract', id: 'd', window: 'day', metric: 'count', used: 3, limit: 3 } },
  { contractId: 'e', clientId: 'z', code: 'script', gates: ['script'], detail: 'no "roofs", please' },
];

const decision: Decision = {
  kind: 'distributed', trigger: 'manual', workflowId: 'w', verdicts, considered: { inScope: 9, notMatched: 4,
  reasons: { criteria: 4, outranked: 2 } },
  minimumsMet: true, full: false,
  picks: [{ contractId: 'a', clientId: 'x', rule: 'w/r0', priceMinor: 10n, trial: false, overridden: ['schedule_closed'] }],
};

it('a receipt is read back with every verdict, rank and pick as it was decided', () => {
  const text = receiptText(decision, 2, ['o1'], { request: { trigger: 'manual', actor: 'ann' }, requestId: 'r1' },
    { held: false });
  expect(parseReceipt(text)).toEqual({
    round: 2, workflowId: 'w', actor: 'ann', requestId: 'r1', full: false, minimumsMet: true, considered: decision.considered, verdicts,
    picks: [{ outboundLeadId: 'o1', contractId: 'a', clientId: 'x', rule: 'w/r0', priceMinor: '10', overridden: ['schedule_closed'] }],
  });
});

it('names the keys of a ranking once, however many contracts it ranked', () => {
  const many = Array.from({ length: 50 }, (_, place): Verdict => ({ ...verdicts[0]!, contractId: `c${place}` }));
  const text = receiptText({ ...decision, verdicts: many } as Decision, 1, ['o1'], { request: { trigger: 'arrival' } }, { held: false });
  expect(text.split('qualityScore')).toHaveLength(2);
});
