import { describe, expect, it } from '@jest/globals';
import { retryDelayMs } from './retry.js';

describe('retry schedule', () => {
  const growing = { firstDelayMs: 1000, factor: 3, delayMsMax: 20_000, attempts: 6 };

  it('grows to its maximum and ends after the attempts it has', () => {
    const delays = [1, 2, 3, 4, 5, 6].map((failed) => retryDelayMs(growing, failed, 0));
    expect(delays).toEqual([1000, 3000, 9000, 20_000, 20_000, undefined]);
  });

  it('takes its delays one by one where they are listed', () => {
    expect([1, 2, 3].map((failed) => retryDelayMs({ delaysMs: [5000, 60_000] }, failed, 0))).toEqual([5000, 60_000, undefined]);
  });

  it('is never shorter than it says, and longer by at most its jitter', () => {
    for (const random of [0, 0.25, 0.999_999]) {
      const delay = retryDelayMs({ ...growing, jitter: 0.5 }, 2, random) ?? 0;
      expect(delay).toBeGreaterThanOrEqual(3000);
      expect(delay).toBeLessThanOrEqual(4500);
    }
    expect(retryDelayMs({ ...growing, jitter: 0.5 }, 2, 0.5)).toBe(3750);
  });

  it('refuses a number of failures below one and a random number outside [0, 1)', () => {
    expect(() => retryDelayMs(growing, 0, 0)).toThrow(RangeError);
    expect(() => retryDelayMs(growing, 1, 1)).toThrow(RangeError);
  });
});
