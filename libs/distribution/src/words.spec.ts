import { describe, expect, it } from '@jest/globals';
import type { Counterfactual } from './counterfactual.js';
import type { Verdict } from './decision.js';
import { AFTER_GATES, GATES } from './reasons.js';
import { wordsFor } from './words.js';

const verdict = (over: Partial<Verdict>): Verdict => ({ contractId: 'acme-ny', clientId: 'acme', code: 'outranked', gates: [], ...over });
const change = (over: Partial<Counterfactual>): Counterfactual =>
  ({ contractId: 'acme-ny', kind: 'contract', id: 'acme-ny', path: 'price', from: undefined, to: undefined, words: '', ...over });
const cap: Partial<Verdict> = {
  code: 'cap_day', gates: ['cap_day'], limit: { scope: 'contract', id: 'acme-ny', window: 'day', metric: 'count', used: 20, limit: 20 },
};

describe('a verdict in words', () => {
  const rows: [sentence: string, verdict: Verdict, change?: Counterfactual | null][] = [
    ['acme-ny was given this lead.', verdict({ code: 'picked' })],
    ['acme-ny was not given this lead: its daily cap of 20 was used up (20 of 20). It would have won with a daily cap of 21.',
      verdict(cap), change({ path: 'caps.day', from: 20, to: 21 })],
    ['acme-ny was not given this lead: the monthly cap of client acme of 100.00 USD left no room (95.00 of 100.00 USD). '
      + 'It would have won with a monthly cap of 120.00 USD for client acme.',
      verdict({ code: 'cap_month', gates: ['cap_month'],
        limit: { scope: 'client', id: 'acme', window: 'month', metric: 'amount', used: 9500, limit: 10_000 } }),
      change({ kind: 'client', id: 'acme', path: 'caps.month.amount', to: '120.00' })],
    ['acme-ny was not given this lead: others ranked before it took the places there were. It would have won at a price of 31.50 USD or more.',
      verdict({}), change({ to: '31.50', words: 'price ≥ 31.50' })],
    ['acme-ny was not given this lead: it was outside of its schedule. It would have won had it been open until 18:01.',
      verdict({ code: 'schedule_closed', gates: ['schedule_closed'] }),
      change({ path: 'schedule.open.mon.0', to: '09:00-18:01', words: 'open until 18:01' })],
    ['acme-ny was not given this lead: its criteria do not let the lead in (state in TX, got "NY"). '
      + 'It would have won with other criteria (state: NY too).',
      verdict({ code: 'criteria', gates: ['criteria'], detail: 'state in TX, got "NY"' }),
      change({ path: 'criteria.value', to: ['TX', 'NY'], words: 'state: NY too' })],
    ['acme-ny was not given this lead: the contract was not open; besides, its daily cap was used up. '
      + 'No single change would have let it win, because more than one thing kept it out.',
      verdict({ code: 'contract_not_open', gates: ['contract_not_open', 'cap_day'] }), null],
    ['acme-ny was not given this lead: the person\'s consent does not name acme. No single change of the configuration would have let it win.',
      verdict({ code: 'consent', gates: ['consent'] }), null],
    ['acme-ny was not given this lead: the contract was not open.', verdict({ code: 'contract_not_open', gates: ['contract_not_open'] })],
    ['acme-ny was not given this lead: no rule of the workflow lets it in. It would have won with this change: in the filter of rule 2.',
      verdict({ code: 'not_in_rule' }), change({ kind: 'workflow', id: 'w', path: 'rules.1.contracts.ids', words: 'in the filter of rule 2' })],
    ['ann was not given this lead: the hourly cap of recipient desk/ann of 1 was used up (1 of 1). It would have won with an hourly cap of 2.',
      verdict({ contractId: 'ann', clientId: 'desk', code: 'cap_hour', gates: ['cap_hour'],
        limit: { scope: 'recipient', id: 'desk/ann', window: 'hour', metric: 'count', used: 1, limit: 1 } }),
      change({ kind: 'pushStrategy', id: 'desk', path: 'recipients.0.caps.hour', to: 2, words: 'hourly cap of ann 1 → 2' })],
    ['ann was not given this lead: the daily cap of recipient desk/ann of 1 was used up (1 of 1). It would have won with a daily cap of 2.',
      verdict({ contractId: 'ann', clientId: 'desk', code: 'cap_day', gates: ['cap_day'],
        limit: { scope: 'recipient', id: 'desk/ann', window: 'day', metric: 'count', used: 1, limit: 1 } }),
      change({ kind: 'pushStrategy', id: 'desk', path: 'recipients.0.caps.day', to: 2, words: 'daily cap of ann 1 → 2' })],
    ['bob was not given this lead: others ranked before it took the places there were. It would have won with a weight of 2 or more.',
      verdict({ contractId: 'bob', clientId: 'desk' }),
      change({ kind: 'pushStrategy', id: 'desk', path: 'recipients.1.weight', to: 2, words: 'weight of bob ≥ 2' })],
  ];
  it.each(rows.map(([sentence, ...row]) => ({ sentence, row })))('$sentence', ({ sentence, row: [of, with_] }) => {
    expect(wordsFor(of, with_, 'USD')).toBe(sentence);
  });

  it('has a sentence for every reason code', () => {
    for (const code of [...GATES, ...AFTER_GATES]) expect(wordsFor(verdict({ code }), undefined, 'USD')).not.toContain(`: of ${code}`);
  });
});
