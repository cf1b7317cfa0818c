/** What a postal code says about a place: the centroid of its area, and its state. So far of the United States. */
import type { Place } from './geo.js';
import { PACKED } from './gen/postal-codes.us.js';

/** Digits of the packed text: five bits of a number each, and a sixth that says "more follows". tools/pack-postal-codes.mjs writes them. */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Packed places are whole ten-thousandths of a degree, some ten metres. */
const UNITS_PER_DEGREE = 10_000;
const NOWHERE = 0x7fffffff;

interface Centroids { readonly lat: Int32Array; readonly lon: Int32Array }

let unpacked: Centroids | undefined;

/**
 * Centroid of a postal code ('10001', '10001-2345'), country as ISO 3166 alpha-2; undefined where unknown. The first call unpacks the
 * table, some milliseconds.
 */
export function placeOf(postalCode: string, country = 'US'): Place | undefined {
  const code = fiveDigits(postalCode, country);
  if (code === undefined) return undefined;
  unpacked ??= unpack();
  const lat = unpacked.lat[code] ?? NOWHERE;
  return lat === NOWHERE ? undefined : { lat: lat / UNITS_PER_DEGREE, lon: (unpacked.lon[code] ?? 0) / UNITS_PER_DEGREE };
}

/**
 * State (or DC, territory, AA AE AP of the forces) of a ZIP code by its first three digits; undefined where none is assigned. Three
 * digits alone are enough.
 */
export function stateOfPostalCode(postalCode: string, country = 'US'): string | undefined {
  if (country.toUpperCase() !== 'US' || !/^\d{3}(\d{2}(-?\d{4})?)?$/.test(postalCode.trim())) return undefined;
  const prefix = Number(postalCode.trim().slice(0, 3));
  let low = 0;
  let high = STATES.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to, state] = STATES[middle] as (typeof STATES)[number];
    if (prefix < from) high = middle - 1; else if (prefix > to) low = middle + 1; else return state;
  }
  return undefined;
}

function fiveDigits(postalCode: string, country: string): number | undefined {
  const match = country.toUpperCase() === 'US' ? /^\s*(\d{5})(?:-?\d{4})?\s*$/.exec(postalCode) : null;
  return match ? Number(match[1]) : undefined;
}

/** Packed: for each code in ascending order its distance from the one before, then those of latitude and longitude, zigzag. */
function unpack(): Centroids {
  const value = new Uint8Array(128);
  for (let digit = 0; digit < 64; digit++) value[DIGITS.charCodeAt(digit)] = digit;
  const lat = new Int32Array(100_000).fill(NOWHERE);
  const lon = new Int32Array(100_000);
  let at = 0;
  const number = () => {
    let result = 0;
    for (let shift = 0; ; ) {
      const char = PACKED.charCodeAt(at++);
      if (char === 10) continue;
      const digit = value[char] ?? 0;
      result |= (digit & 31) << shift;
      if (digit < 32) return result;
      shift += 5;
    }
  };
  const signed = () => { const zigzag = number(); return (zigzag >>> 1) ^ -(zigzag & 1); };
  for (let code = 0, y = 0, x = 0, left = number(); left > 0; left--) {
    code += number();
    lat[code] = y += signed();
    lon[code] = x += signed();
  }
  return { lat, lon };
}

/** First three digits of ZIP codes, ranges with both ends included, as the postal service assigns them. */
const STATES: readonly (readonly [from: number, to: number, state: string])[] = [
  [5, 5, 'NY'], [6, 7, 'PR'], [8, 8, 'VI'], [9, 9, 'PR'], [10, 27, 'MA'], [28, 29, 'RI'], [30, 38, 'NH'], [39, 49, 'ME'], [50, 54, 'VT'],
  [55, 55, 'MA'], [56, 59, 'VT'], [60, 69, 'CT'], [70, 89, 'NJ'], [90, 99, 'AE'], [100, 149, 'NY'], [150, 196, 'PA'], [197, 199, 'DE'],
  [200, 200, 'DC'], [201, 201, 'VA'], [202, 205, 'DC'], [206, 212, 'MD'], [214, 219, 'MD'], [220, 246, 'VA'], [247, 268, 'WV'],
  [270, 289, 'NC'], [290, 299, 'SC'], [300, 319, 'GA'], [320, 339, 'FL'], [340, 340, 'AA'], [341, 342, 'FL'], [344, 344, 'FL'],
  [346, 347, 'FL'], [349, 349, 'FL'], [350, 352, 'AL'], [354, 369, 'AL'], [370, 385, 'TN'], [386, 397, 'MS'], [398, 399, 'GA'],
  [400, 427, 'KY'], [430, 459, 'OH'], [460, 479, 'IN'], [480, 499, 'MI'], [500, 516, 'IA'], [520, 528, 'IA'], [530, 532, 'WI'],
  [534, 535, 'WI'], [537, 549, 'WI'], [550, 551, 'MN'], [553, 567, 'MN'], [569, 569, 'DC'], [570, 577, 'SD'], [580, 588, 'ND'],
  [590, 599, 'MT'], [600, 620, 'IL'], [622, 629, 'IL'], [630, 631, 'MO'], [633, 641, 'MO'], [644, 658, 'MO'], [660, 662, 'KS'],
  [664, 679, 'KS'], [680, 681, 'NE'], [683, 693, 'NE'], [700, 701, 'LA'], [703, 708, 'LA'], [710, 714, 'LA'], [716, 729, 'AR'],
  [730, 731, 'OK'], [733, 733, 'TX'], [734, 741, 'OK'], [743, 749, 'OK'], [750, 770, 'TX'], [772, 799, 'TX'], [800, 816, 'CO'],
  [820, 831, 'WY'], [832, 838, 'ID'], [840, 847, 'UT'], [850, 853, 'AZ'], [855, 857, 'AZ'], [859, 860, 'AZ'], [863, 865, 'AZ'],
  [870, 871, 'NM'], [873, 875, 'NM'], [877, 884, 'NM'], [885, 885, 'TX'], [889, 891, 'NV'], [893, 895, 'NV'], [897, 898, 'NV'],
  [900, 908, 'CA'], [910, 928, 'CA'], [930, 961, 'CA'], [962, 966, 'AP'], [967, 968, 'HI'], [969, 969, 'GU'], [970, 979, 'OR'],
  [980, 986, 'WA'], [988, 994, 'WA'], [995, 999, 'AK'],
];
