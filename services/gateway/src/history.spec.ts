import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attemptLine, attemptsOf, momentsOf, outboundLine } from './history.js';
import { momentLine, momentsIn } from './moments.js';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const at = fc.integer({ min: 0, max: 4_000_000_000_000 });
const some = fc.option(text.filter((value) => value !== ''), { nil: undefined });
const attempts = fc.record({
  attemptId: text, trigger: text, round: fc.nat(), at, reason: some,
  picks: fc.array(fc.record({ outboundLeadId: text, contractId: text })), traceId: fc.option(fc.constant('0af7651916cd43dd8448eb211c80319c'), { nil: undefined }),
  actor: some, requestId: some, held: fc.boolean(),
});
const others = fc.record({
  type: fc.constantFrom('DistributionRequested', 'LeadReturned'), at, actor: some, reason: some, ids: fc.dictionary(text, fc.oneof(text, fc.array(text))),
});
const word = text.filter((value) => value !== '');
const windows = fc.record({
  type: fc.constantFrom('WindowOpened', 'WindowExpired'), at, actor: some, generation: fc.nat(), expiresAt: at, every: fc.constantFrom('PT15M', ''),
  reasons: fc.array(word, { maxLength: 3 }),
}).map(({ type, at: instant, actor, generation, expiresAt, every, reasons }) => ({
  type, at: instant, actor, reason: reasons[0], ids: {
    generation, expiresAt: new Date(expiresAt).toISOString(), ...(every ? { every } : {}), ...(reasons.length > 0 ? { reasons } : {}) },
}));
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

  it('tells what happened besides apart from the attempts, whatever stands between', () => {
    const lines = fc.oneof(attempts.map((attempt) => ({ attempt })), fc.oneof(others, windows).map((other) => ({ other })));
    fc.assert(fc.property(fc.array(lines), (given) => {
      const history = given.map((one) => ('attempt' in one ? attemptLine(one.attempt) : momentLine(one.other))).join('');
      expect(attemptsOf(history)).toEqual(given.flatMap((one) => ('attempt' in one ? [one.attempt] : [])));
      expect(momentsIn(history)).toEqual(given.flatMap((one) => ('other' in one ? [one.other] : [])));
    }), { numRuns: 1000 });
  });

  it('reads lines of attempts that an older version wrote', () => {
    expect(attemptsOf('a1|arrival|1|kf12oi|cap_day||;')).toEqual([{
      attemptId: 'a1', trigger: 'arrival', round: 1, at: parseInt('kf12oi', 36), reason: 'cap_day', picks: [], traceId: undefined, actor: undefined,
      requestId: undefined, held: false,
    }]);
  });

  it('holds nothing that an array literal would have to escape', () => {
    fc.assert(fc.property(attempts, moments, fc.oneof(others, windows), (attempt, moment, other) => {
      expect(attemptLine(attempt) + outboundLine(moment) + momentLine(other)).not.toMatch(/["\\{},\s]/);
    }), { numRuns: 1000 });
  });
});
