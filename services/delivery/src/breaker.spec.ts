import { describe, expect, it } from '@jest/globals';
import { afterAttempt, CLOSED, probing, type Breaker } from './breaker.js';

const limits = { suspendMs: 60_000, suspendMsMax: 3_600_000 };
const T = 1_000_000_000_000;

/** Attempts at one instant each, `x` failed and `.` good; `|` lets a minute pass. */
function play(attempts: string, from: Breaker = CLOSED, start = T): { breaker: Breaker; now: number } {
  let breaker = from;
  let now = start;
  for (const attempt of attempts) {
    if (attempt === '|') now += 60_000;
    else breaker = afterAttempt(breaker, attempt === 'x', now, limits);
  }
  return { breaker, now };
}

describe('an endpoint', () => {
  it.each([
    ['x'.repeat(9), 'closed'], ['x'.repeat(10), 'open'], ['...xxxxxxx', 'open'], ['....xxxxxx', 'closed'], ['....xxxxxxx', 'closed'], ['xxxxxxx...', 'closed'], ['xxxxxxx...x', 'open'],
    ['xxxxx|||||xxxxx', 'closed'], ['xxxxx||||xxxxx', 'open'], [`${'.'.repeat(100)}|||||${'x'.repeat(10)}`, 'open'], [`${'.'.repeat(100)}${'x'.repeat(100)}`, 'closed'],
  ])('after %s is %s', (attempts, state) => {
    expect(play(attempts).breaker.state).toBe(state);
  });

  it('is left alone for longer each time in a row, up to a bound, and from the start once it was well', () => {
    const pauses: number[] = [];
    let { breaker, now } = play('x'.repeat(10));
    for (let n = 0; n < 9; n++) {
      pauses.push(breaker.until - now);
      now = breaker.until;
      breaker = afterAttempt(breaker, true, now, limits);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((minutes) => minutes * 60_000));
    expect(breaker.since).toBe(T);
    expect(afterAttempt(breaker, false, now, limits)).toEqual(CLOSED);
  });

  it('is not suspended for longer by answers to what was sent before it was suspended', () => {
    const { breaker, now } = play('x'.repeat(10));
    expect(afterAttempt(breaker, true, now + 1_000, limits)).toBe(breaker);
  });

  it('on trial is suspended by its first failure and well by its first answer', () => {
    const { breaker, now } = play('x'.repeat(10));
    const trial = probing(breaker);
    expect(afterAttempt(trial, true, now + 61_000, limits)).toMatchObject({ state: 'open', opens: 2, until: now + 61_000 + 120_000 });
    expect(afterAttempt(trial, false, now + 61_000, limits)).toEqual(CLOSED);
  });
});
