/**
 * What routing may know of a personal field: the state and the first three digits of a postal code, a rounded place, the age and its band.
 * The engine and the log see these, never the field.
 */
import { localDate, placeOf, stateOfPostalCode, type Place } from '@sluice/kernel';
import type { Value } from './compile-field.js';

/** A given place is rounded to about a kilometre, one from a personal postal code to about ten: neither leads to a door. */
const GIVEN_PLACE_DIGITS = 2;
const PERSONAL_PLACE_DIGITS = 1;
const BANDS: readonly (readonly [from: number, band: string])[] = [[65, '65+'], [55, '55-64'], [45, '45-54'], [35, '35-44'], [25, '25-34'], [18, '18-24']];

export function derivePostalCode(attributes: Record<string, Value>, name: string, code: string, country: string): void {
  const state = stateOfPostalCode(code, country);
  if (state !== undefined) attributes[`${name}.state`] = state;
  attributes[`${name}.prefix`] = code.replace(/[ -]/g, '').slice(0, 3);
}

/** Age in whole years on the tenant's calendar day of `now`; nothing for a date that can be no birthday. */
export function deriveAge(attributes: Record<string, Value>, name: string, date: string, now: number, timezone: string): void {
  const today = localDate(now, timezone);
  const age = Number(today.slice(0, 4)) - Number(date.slice(0, 4)) - (today.slice(5) < date.slice(5) ? 1 : 0);
  if (age < 0 || age > 130) return;
  attributes[`${name}.age`] = age;
  attributes[`${name}.ageBand`] = BANDS.find(([from]) => age >= from)?.[1] ?? 'under 18';
}

export function placeOfCode(code: string, country: string, personal: boolean): Place | undefined {
  const place = placeOf(code, country);
  return place && personal ? round(place, PERSONAL_PLACE_DIGITS) : place;
}

export function roundPlace(place: Place): Place {
  return round(place, GIVEN_PLACE_DIGITS);
}

function round(place: Place, digits: number): Place {
  const factor = 10 ** digits;
  return { lat: Math.round(place.lat * factor) / factor, lon: Math.round(place.lon * factor) / factor };
}
