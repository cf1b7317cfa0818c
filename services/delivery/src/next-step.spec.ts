import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Verdict } from './classify.js';
import { DEFAULT_SCHEDULE, parseDeliveryMethod, type DeliveryMethod } from './delivery-method.js';
import { endWithoutAnswer, nextStep, worse, type Exposure, type Progress, type Step } from './next-step.js';

const methodOf = (retry?: object): DeliveryMethod => {
  const parsed = parseDeliveryMethod({ type: 'webhook', url: 'https://example.com/', ...(retry ? { retry } : {}) });
  if (parsed.kind !== 'ok') throw new Error(parsed.fault);
  return parsed.method;
};
const first: Progress = { attempts: 1, base: 0, exposure: 'none', reservedAt: 0, released: false };
const NOW = 1_000_000;
const yes: Verdict = { kind: 'accepted', reference: 'r' };
const no: Verdict = { kind: 'rejected', reason: 'full', final: false };
const finalNo: Verdict = { kind: 'rejected', reason: 'full', final: true };
const notNow: Verdict = { kind: 'retry', reason: 'http_503', retryAfterMs: undefined };
const vague: Verdict = { kind: 'unknown', reason: 'http_500', lost: false, retryAfterMs: undefined };
const lost: Verdict = { kind: 'unknown', reason: 'timed_out', lost: true, retryAfterMs: undefined };
const unsent: Verdict = { kind: 'unsent', reason: 'connection_refused', hopeless: false };
const hopeless: Verdict = { kind: 'unsent', reason: 'address_private', hopeless: true };

/** Plays a whole delivery: the state it ends in, or `again` where the answers ran out first. */
function play(verdicts: readonly Verdict[], method = methodOf()): Step & { made: number } {
  let exposure: Exposure = 'none';
  let step: Step | undefined;
  for (const [at, verdict] of verdicts.entries()) {
    step = nextStep({ ...first, attempts: at + 1, exposure }, verdict, method, NOW, 0);
    if (step.kind === 'ended') return { ...step, made: at + 1 };
    exposure = step.exposure;
  }
  return { ...step!, made: verdicts.length };
}

const twice = methodOf({ delays: ['PT1S'] });

describe('how a delivery goes on', () => {
  it.each<[string, Verdict[], string]>([
    ['a yes', [yes], 'accepted'], ['a no', [no], 'rejected'], ['a yes after lost answers', [lost, yes], 'accepted'], ['a no after a clear answer', [notNow, no], 'rejected'],
    ['a no after a vague answer: every attempt was answered', [vague, no], 'rejected'], ['a no after nothing was sent', [unsent, no], 'rejected'],
    ['a no after a lost answer', [lost, no], 'unresolved'], ['a final no after a lost answer', [lost, finalNo], 'rejected'],
    ['nothing sent to the end', [unsent, unsent], 'failed'], ['nothing sent, then lost', [unsent, lost], 'unresolved'], ['lost, then nothing sent', [lost, unsent], 'unresolved'],
    ['lost to the end', [lost, lost], 'unresolved'], ['vague to the end', [vague, vague], 'unresolved'], ['"not now" to the end', [notNow, notNow], 'rejected'],
    ['vague, then "not now"', [vague, notNow], 'unresolved'], ['"not now", then nothing sent', [notNow, unsent], 'rejected'],
    ['refused by the guard at once', [hopeless], 'failed'], ['refused by the guard after a lost answer', [lost, hopeless], 'unresolved'],
  ])('%s: it ends', (_, verdicts, state) => {
    expect(play(verdicts, twice)).toMatchObject({ kind: 'ended', state });
  });

  it('is tried eight times within 28 hours unless the method says otherwise', () => {
    const delays: number[] = [];
    for (let attempts = 1; ; attempts++) {
      const step = nextStep({ ...first, attempts }, unsent, methodOf(), NOW, 0);
      if (step.kind === 'ended') break;
      delays.push(step.dueAt - NOW);
    }
    expect(delays).toEqual([5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000]);
    expect('delaysMs' in DEFAULT_SCHEDULE && delays).toEqual('delaysMs' in DEFAULT_SCHEDULE && DEFAULT_SCHEDULE.delaysMs);
  });

  it('jitter only lengthens, by a fifth at most', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 7 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempts, random) => {
      const plain = nextStep({ ...first, attempts }, unsent, methodOf(), NOW, 0);
      const drawn = nextStep({ ...first, attempts }, unsent, methodOf(), NOW, random);
      if (plain.kind !== 'again' || drawn.kind !== 'again') throw new Error('the schedule is longer');
      expect(drawn.dueAt).toBeGreaterThanOrEqual(plain.dueAt);
      expect(drawn.dueAt - NOW).toBeLessThanOrEqual((plain.dueAt - NOW) * 1.2 + 1);
    }));
  });

  it.each([[0, 5_000], [1_000, 5_000], [7_000, 7_000], [10_000, 10_000], [86_400_000, 10_000]])('a client that asks for %i ms gets %i: never less than the step, never more than twice', (asked, given) => {
    expect(nextStep(first, { ...notNow, retryAfterMs: asked } as Verdict, methodOf(), NOW, 0)).toMatchObject({ kind: 'again', dueAt: NOW + given });
  });

  it('no attempt begins later than the method allows after the reservation', () => {
    const method = methodOf({ within: 'PT1M' });
    expect(nextStep({ ...first, reservedAt: NOW - 54_000 }, unsent, method, NOW, 0)).toMatchObject({ kind: 'again' });
    expect(nextStep({ ...first, reservedAt: NOW - 56_000 }, unsent, method, NOW, 0)).toMatchObject({ kind: 'ended', state: 'failed' });
  });

  it('a redriven delivery has the whole schedule before it again', () => {
    expect(nextStep({ ...first, attempts: 9, base: 8 }, unsent, methodOf(), NOW, 0)).toMatchObject({ kind: 'again', dueAt: NOW + 5_000 });
  });

  it('a released one is not tried again', () => {
    expect(nextStep({ ...first, released: true }, lost, methodOf(), NOW, 0)).toMatchObject({ kind: 'ended', state: 'unresolved' });
  });

  it('whatever happens, a lead that may be with the client is never failed, and one that no byte of left is never sold or held', () => {
    const verdict = fc.constantFrom(no, finalNo, notNow, vague, lost, unsent, hopeless, yes);
    fc.assert(fc.property(fc.array(verdict, { minLength: 1, maxLength: 10 }), (verdicts) => {
      const step = play(verdicts, twice);
      if (step.kind !== 'ended') return;
      const made = verdicts.slice(0, step.made);
      const anySent = made.some((one) => one.kind !== 'unsent');
      expect(step.state === 'failed').toBe(!anySent);
      if (step.state === 'rejected') expect(made.slice(0, -1).includes(lost) && made.at(-1) !== finalNo && made.length > 1).toBe(false);
    }));
  });

  it('exposure only grows', () => {
    const order: Exposure[] = ['none', 'clear', 'vague', 'lost'];
    for (const one of order) for (const other of order) expect(worse(one, other)).toBe(order[Math.max(order.indexOf(one),
      order.indexOf(other))]);
    expect(order.map(endWithoutAnswer)).toEqual(['failed', 'rejected', 'unresolved', 'unresolved']);
  });
});
