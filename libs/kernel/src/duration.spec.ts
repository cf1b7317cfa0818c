import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from './duration.js';

describe('durations', () => {
  it.each([
    ['P3D', 259_200_000], ['PT15M', 900_000], ['P1DT12H', 129_600_000], ['PT0.5S', 500], ['PT0S', 0],
    ['PT90M', 5_400_000], ['P2W', 1_209_600_000],
    ['PT1H1M1.001S', 3_661_001],
  ])('%s lasts %s ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(parseDuration(formatDuration(ms))).toBe(ms);
  });

  it.each(['P', 'PT', 'P1DT', 'P1Y', 'P1M', '15m', 'PT1.5H', 'PT-1S', '-P1D', 'p1d', 'P99999999999999D', '', 'P1D '])(
    '%j is refused', (text) => { expect(() => parseDuration(text)).toThrow(RangeError); });

  it('are written as short as they go', () => {
    expect([259_200_000, 900_000, 129_600_500].map(formatDuration)).toEqual(['P3D', 'PT15M', 'P1DT12H0.5S']);
    expect(() => formatDuration(-1)).toThrow(RangeError);
  });
});
