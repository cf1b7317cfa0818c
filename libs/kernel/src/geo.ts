/**
 * Distances on the globe, in whole steps of 100 m rounded down, so that two places are equally far or they are not, never by a float's
 * last bit.
 */

/** A place in degrees; north and east are positive. */
export interface Place { readonly lat: number; readonly lon: number }

/** Mean radius of the earth (IUGG) in metres; the sphere errs by at most half a percent, which is less than a postal code's size. */
const RADIUS_M = 6_371_008.8;
/** One step of distance. */
export const STEP_M = 100;

/** Great-circle distance in whole steps of 100 m, rounded down. Inputs in degrees. */
export function distanceSteps(a: Place, b: Place): number {
  const lat1 = radians(a.lat);
  const lat2 = radians(b.lat);
  const haversine = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin(radians(b.lon - a.lon) / 2) ** 2;
  return Math.floor((2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(haversine)))) / STEP_M);
}

/** True for finite degrees within ±90 and ±180. */
export function isPlace(place: Place): boolean {
  return Math.abs(place.lat) <= 90 && Math.abs(place.lon) <= 180;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
