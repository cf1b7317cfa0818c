import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Due } from './due.js';

describe('what is due next', () => {
  it('comes by instant, at the same instant by rank, however it went in and out', () => {
    const step = fc.oneof(fc.record({ at: fc.integer({ min: 0, max: 20 }), rank: fc.integer({ min: 0, max: 5 }) }), fc.constant('pop' as const));
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const due = new Due<number>();
      const plain: { at: number; rank: number }[] = [];
      for (const each of steps) {
        if (each !== 'pop') { due.push(each.at, each.rank, 0); plain.push(each); continue; }
        plain.sort((a, b) => a.at - b.at || a.rank - b.rank);
        const expected = plain.shift();
        const got = due.pop();
        expect(got && [got.at, got.rank]).toEqual(expected && [expected.at, expected.rank]);
        expect(due.size).toBe(plain.length);
      }
    }), { numRuns: 1_000 });
  });
});
