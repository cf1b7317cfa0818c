/**
 * The offset of a time zone at an instant, fast. Intl answers in microseconds; a decision asks dozens of times. So the changes of a
 * zone's clock are found once per span of about a year, by probing and bisection, and kept for the life of the process.
 */

/** Epoch milliseconds. */
export type Instant = number;

/** A stretch of time [from, until) in which a zone's offset stays the same. */
export interface OffsetRange { readonly from: Instant; readonly until: Instant; readonly offsetMs: number }

const DAY_MS = 86_400_000;
const CHUNK_MS = 400 * DAY_MS;
/** Two changes nearer to each other than this would be missed; the shortest in the tz database since 1970 are weeks apart (Ramadan). */
const PROBE_MS = 4 * DAY_MS;

interface Zone { readonly format: Intl.DateTimeFormat; readonly chunks: Map<number, readonly OffsetRange[]>; last: OffsetRange }

const zones = new Map<string, Zone | undefined>();
const NEVER: OffsetRange = { from: Infinity, until: -Infinity, offsetMs: 0 };
let lastName = '';
let lastZone: Zone | undefined;

/** True for an IANA zone name this runtime knows ('America/New_York', 'UTC'); plain offsets such as '+05:00' are not zones. */
export function isKnownZone(zone: string): boolean {
  return zoneNamed(zone) !== undefined;
}

/** The range of constant offset that holds `instant`. Throws RangeError for an unknown zone or an instant no calendar has. */
export function offsetRangeAt(instant: Instant, zone: string): OffsetRange {
  const known = zone === lastName ? lastZone : zoneNamed(zone);
  if (!known) throw new RangeError(`unknown time zone ${JSON.stringify(zone)}`);
  lastName = zone;
  lastZone = known;
  const { last } = known;
  if (instant >= last.from && instant < last.until) return last;
  known.last = find(known, instant);
  return known.last;
}

function zoneNamed(name: string): Zone | undefined {
  if (zones.has(name)) return zones.get(name);
  let zone: Zone | undefined;
  try {
    zone = /^[A-Za-z]/.test(name) ? { format: formatFor(name), chunks: new Map(), last: NEVER } : undefined;
  } catch {
    zone = undefined;
  }
  // Unknown names come from outside and could be many; only what exists is remembered.
  if (zone) zones.set(name, zone);
  return zone;
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric',
    hour: 'numeric', minute: 'numeric', second: 'numeric',
  });
}

function find(zone: Zone, instant: Instant): OffsetRange {
  const index = Math.floor(instant / CHUNK_MS);
  let chunk = zone.chunks.get(index);
  if (!chunk) {
    chunk = survey(zone.format, index * CHUNK_MS);
    zone.chunks.set(index, chunk);
  }
  for (const range of chunk) if (instant >= range.from && instant < range.until) return range;
  throw new RangeError(`no such instant: ${instant}`);
}

function survey(format: Intl.DateTimeFormat, start: Instant): OffsetRange[] {
  const ranges: OffsetRange[] = [];
  const end = start + CHUNK_MS;
  let from = start;
  let offsetMs = askOffset(format, start);
  for (let at = start; at < end; at += PROBE_MS) {
    const probe = Math.min(at + PROBE_MS, end);
    const next = askOffset(format, probe);
    if (next === offsetMs) continue;
    const change = bisect(format, at, probe, offsetMs);
    ranges.push({ from, until: change, offsetMs });
    from = change;
    offsetMs = next;
  }
  if (from < end) ranges.push({ from, until: end, offsetMs });
  return ranges;
}

/** First whole second in (low, high] at which the offset is no longer `offsetMs`. Changes of the clock fall on whole seconds. */
function bisect(format: Intl.DateTimeFormat, low: Instant, high: Instant, offsetMs: number): Instant {
  let before = low / 1000;
  let after = high / 1000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (askOffset(format, middle * 1000) === offsetMs) before = middle; else after = middle;
  }
  return after * 1000;
}

function askOffset(format: Intl.DateTimeFormat, instant: Instant): number {
  const at = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
  let era = 'AD';
  for (const { type, value } of format.formatToParts(instant)) {
    if (type === 'era') era = value;
    else if (type in at) at[type as keyof typeof at] = Number(value);
  }
  const year = era === 'BC' || era === 'B' ? 1 - at.year : at.year;
  const local = utcMs(year, at.month, at.day) + ((at.hour * 60 + at.minute) * 60 + at.second) * 1000;
  return local - Math.floor(instant / 1000) * 1000;
}

/** Midnight UTC of a proleptic Gregorian date; Date.UTC reads the years 0–99 as 1900–1999, hence the detour. */
export function utcMs(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month - 1, day);
  return Date.UTC(year + 400, month - 1, day) - 146_097 * DAY_MS;
}
