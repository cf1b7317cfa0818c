import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attemptLine, attemptsOf, momentsOf, outboundLine } from './history.js';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const at = fc.integer({ min: 0, max: 4_000_000_000_000 });
const attempts = fc.record({
  attemptId: text, trigger: text, round: fc.nat(), at, reason: fc.option(text.filter((value) => value !== ''), { nil: undefined }),
  picks: fc.array(fc.record({ outboundLeadId: text, contractId: text })), traceId: fc.option(fc.constant('0af7651916cd43dd8448eb211c80319c'), { nil: undefined }),
});
const moments = fc.record({ what: fc.constantFrom('released' as const, 'unresolved' as const), at, reason: text, attempts: fc.nat() });

describe('the history of a row', () => {
  it('gives back what was put into it, whatever the words, line after line', () => {
    fc.assert(fc.property(fc.array(attempts), (given) => {
      expect(attemptsOf(given.map(attemptLine).join(''))).toEqual(given);
    }), { numRuns: 1000 });
    fc.assert(fc.property(fc.array(moments), (given) => {
      expect(momentsOf(given.map(outboundLine).join(''))).toEqual(given);
    }), { numRuns: 1000 });
  });

  it('holds nothing that an array literal would have to escape', () => {
    fc.assert(fc.property(attempts, moments, (attempt, moment) => {
      expect(attemptLine(attempt) + outboundLine(moment)).not.toMatch(/["\\{},\s]/);
    }), { numRuns: 1000 });
  });
});
