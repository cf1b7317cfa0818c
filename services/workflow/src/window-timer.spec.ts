import { describe, expect, it } from '@jest/globals';
import { decideWindow, dueAt, evolveWindow, type WindowState } from '@sluice/distribution';
import fc from 'fast-check';
import { dueOf, jitterOf, tryOf, type Timer } from './window-timer.js';

const MINUTE = 60_000;
const minutes = (min: number, max: number) => fc.integer({ min, max }).map((count) => count * MINUTE);

const timer: fc.Arbitrary<Timer> = fc.record({
  leadId: fc.uuid(), everyMs: minutes(1, 120), expiresAt: minutes(1, 600), nextAt: minutes(0, 700), rests: fc.constantFrom('paused' as const, 'full' as const, null),
  chanceAt: fc.option(minutes(0, 700)), generation: fc.integer({ min: 1, max: 9 }),
}).map((some) => ({ ...some, tenantId: 'a', kind: 'window', campaignId: 'solar', since: 0, dueAt: 0, traceparent: null }));

const windowOf = ({ rests, expiresAt, everyMs, nextAt, generation }: Timer): WindowState => ({
  state: rests === 'paused' ? 'paused' : 'open', openedAt: 0, expiresAt: expiresAt!, everyMs, nextAt: nextAt!, generation, pauseExtends: false, extendedMs: 0,
});

describe('a timer that is claimed', () => {
  it('does what the window itself would, by the clock or woken, and stays on its beat', () => {
    fc.assert(fc.property(timer, minutes(0, 700), (one, now) => {
      const window = windowOf(one);
      const isDue = now >= (dueAt(window) ?? Infinity);
      const [event] = decideWindow(window, { kind: isDue ? 'tick' : 'wake' }, now);
      const tried = tryOf(one, now);
      expect(tried.kind).toBe(event?.type ?? 'nothing');
      if (tried.kind !== 'requested') return;
      const after = evolveWindow(window, event!)!;
      expect(tried.timer).toMatchObject({ nextAt: after.nextAt, generation: after.generation, chanceAt: null });
      expect(after.nextAt).toBeGreaterThan(now);
      expect((after.nextAt - one.nextAt!) % one.everyMs).toBe(0);
    }), { numRuns: 2_000 });
  });

  it('is due no sooner than its beat, and later by a tenth of the interval or half a minute at most; at its end to the millisecond', () => {
    fc.assert(fc.property(timer, (one) => {
      const due = dueOf({ ...one, rests: null, chanceAt: null })!;
      const exact = Math.min(one.nextAt!, one.expiresAt!);
      expect(due).toBeGreaterThanOrEqual(exact);
      expect(due - exact).toBeLessThanOrEqual(Math.min(one.everyMs / 10, 30_000));
      expect(due).toBeLessThanOrEqual(one.expiresAt!);
      expect(dueOf({ ...one, rests: null })).toBe(Math.min(due, one.chanceAt ?? Infinity));
      expect(dueOf({ ...one, rests: 'full' })).toBe(one.expiresAt);
      expect(dueOf({ ...one, rests: 'paused' }, true)).toBeNull();
    }), { numRuns: 2_000 });
  });

  it('is spread over the whole of what may be late', () => {
    const shares = Array.from({ length: 10_000 }, (_, place) => jitterOf(`lead-${place}`, 300_000) / 30_000);
    for (let tenth = 0; tenth < 10; tenth++) {
      const there = shares.filter((share) => Math.floor(share * 10) === tenth).length;
      expect(there).toBeGreaterThan(800);
      expect(there).toBeLessThan(1_200);
    }
  });
});

describe('a hold', () => {
  const hold: Timer = {
    tenantId: 'a', leadId: 'L1', kind: 'hold', campaignId: 'solar', since: 0, generation: 0, everyMs: 0, nextAt: null, expiresAt: 60 * MINUTE,
    chanceAt: 10 * MINUTE, dueAt: 10 * MINUTE, rests: null, traceparent: null,
  };

  it('is tried when time may end it, then at its time-out, and then sleeps', () => {
    expect(dueOf(hold)).toBe(10 * MINUTE);
    const first = tryOf(hold, 10 * MINUTE);
    expect(first).toMatchObject({ kind: 'requested', timer: { chanceAt: null, dueAt: 60 * MINUTE } });
    expect(tryOf((first as { timer: Timer }).timer, 60 * MINUTE)).toMatchObject({ kind: 'requested', timer: { expiresAt: null, dueAt: null } });
  });
});
