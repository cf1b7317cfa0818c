import { describe, expect, it } from '@jest/globals';
import type { Said } from '@sluice/events';
import { seededRandom } from '@sluice/kernel';
import { recordsOf, runOf } from './log-record.js';

describe('a run', () => {
  it('gives its events back as they were said, from wherever it is read', () => {
    const random = seededRandom('runs');
    const one = (id: number): Said => ({
      id: `e${id}`, type: random.pick(['A', 'B']), topic: 't', key: random.pick(['', 'a', 'k']), subject: random.pick(['', '0', 's']),
      tenantId: random.pick(['', 'a', 'b']), time: random.pick([0, 1, 1_700_000_000_000]), traceparent: random.pick([undefined, '', '00-1', '00-2']),
      value: random.pick(['', '{}', '{"ü":"\u2028"}']),
    });
    for (let tries = 0; tries < 300; tries++) {
      const events = Array.from({ length: random.int(1, 20) }, (_, id) => one(id));
      const told = events.map(({ topic: _topic, ...event }, place) => ({ seq: 7 + place, ...event }));
      const run = runOf('t', 3, events);
      expect(recordsOf(7, run, 0, Infinity)).toEqual(told);
      const from = random.int(7, 6 + events.length);
      expect(recordsOf(7, run, from, from + 2)).toEqual(told.slice(from - 7, from - 4));
    }
  });

  it('says once what its events have in common', () => {
    const said: Said = {
      id: 'e', type: 'A', topic: 't', key: 'a', subject: 's', tenantId: 'a', time: 1, traceparent: undefined, value: '{}',
    };
    expect(JSON.parse(runOf('t', 3, [said, said, { ...said, subject: 'r', traceparent: '00-1' }]).heads.slice(1))).toEqual([
      ['e', 0, 's', 'a', 1, null, 2], ['e', 0, 0, 0, null, 0, 2], ['e', 0, 'r', 0, null, '00-1', 2],
    ]);
  });

  it('is refused, not read amiss, by whom it is too new for', () => {
    const said: Said = {
      id: 'e', type: 'A', topic: 't', key: 'a', subject: 's', tenantId: 'a', time: 1, traceparent: undefined, value: '{}',
    };
    const { heads, ...run } = runOf('t', 3, [said, said]);
    // What every version before did with it.
    expect(() => JSON.parse(heads)).toThrow(SyntaxError);
    expect(() => recordsOf(1, { ...run, heads: `#${heads}` }, 1, 2)).toThrow(SyntaxError);
  });

  it('is read as it was written before that', () => {
    const heads = JSON.stringify([['e1', 0, 's', 'a', 1, null, 2], ['e2', 0, 's', 'a', 1, '00-1', 2, 'k']]);
    expect(recordsOf(1, { types: ['A'], heads, bodies: '{}[]' }, 1, 2)).toEqual([
      { seq: 1, id: 'e1', type: 'A', subject: 's', tenantId: 'a', key: 'a', time: 1, traceparent: undefined, value: '{}' },
      { seq: 2, id: 'e2', type: 'A', subject: 's', tenantId: 'a', key: 'k', time: 1, traceparent: '00-1', value: '[]' },
    ]);
  });
});
