/**
 * Calendar arithmetic: instants (epoch milliseconds) against local dates of an IANA zone. A cap's bucket is named by its local date, and an
 * hour by date, hour and UTC offset: a day of 23 or 25 hours is one day, the repeated hour is two.
 */
import { isKnownZone, offsetRangeAt, utcMs, type Instant } from './zone-offsets.js';

export { isKnownZone, type Instant };

/** Calendar span a limit counts in. */
export type BucketWindow = DatedWindow | 'total';
type DatedWindow = 'hour' | 'day' | 'week' | 'month';
/** Day of the week, as schedules write it. */
export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

export const WEEKDAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * Minutes that the zone is ahead of UTC at the instant (New York in winter: −300). Fractions occur only before 1972. Throws RangeError
 * for an unknown zone.
 */
export function zoneOffsetMinutes(instant: Instant, zone: string): number {
  return offsetRangeAt(instant, zone).offsetMs / MINUTE_MS;
}

/** Local wall-clock milliseconds: what Date.UTC would give for the local date and time. Throws RangeError for an unknown zone. */
export function localMs(instant: Instant, zone: string): number {
  return instant + offsetRangeAt(instant, zone).offsetMs;
}

/** Local date 'YYYY-MM-DD' of the instant in the zone. Throws RangeError for an unknown zone. */
export function localDate(instant: Instant, zone: string): string {
  return dateText(Math.floor(localMs(instant, zone) / DAY_MS));
}

/** Weekday of the instant in the zone, 0 = Monday … 6 = Sunday. */
export function localWeekday(instant: Instant, zone: string): number {
  return weekdayOfDay(Math.floor(localMs(instant, zone) / DAY_MS));
}

/** Weekday of a day number (days since 1970-01-01, a Thursday), 0 = Monday. */
export function weekdayOfDay(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

interface NamedBucket { from: number; until: number; key: string }

/** The last bucket named by window and zone: neighbours in time are asked one after the other. Bounded by the zones in use. */
const named = new Map<string, Map<string, NamedBucket>>();

/**
 * Name of the bucket that holds the instant: hour '2026-03-02T09-05:00', day '2026-03-02', week 'w2026-03-02' (its first day),
 * month '2026-03', total 'total'. `weekStart` counts for weeks only; default Monday. Throws RangeError for an unknown zone.
 */
export function bucketOf(instant: Instant, zone: string, window: BucketWindow, weekStart: Weekday = 'mon'): string {
  if (window === 'total') return 'total';
  const slot = window === 'week' ? weekStart : window;
  let byZone = named.get(slot);
  if (!byZone) named.set(slot, (byZone = new Map()));
  let bucket = byZone.get(zone);
  if (bucket && instant >= bucket.from && instant < bucket.until) return bucket.key;
  bucket = nameBucket(instant, zone, window, weekStart);
  byZone.set(zone, bucket);
  return bucket.key;
}

/**
 * The first instant after `instant` that lies in another bucket; Infinity for 'total'. Over a change of the clock it is where the local
 * date
 * (for hours: date, hour or offset) really changes. Throws RangeError for an unknown zone.
 */
export function bucketEnd(instant: Instant, zone: string, window: BucketWindow, weekStart: Weekday = 'mon'): Instant {
  if (window === 'total') return Infinity;
  let bucket = nameBucket(instant, zone, window, weekStart);
  const { key } = bucket;
  // A change of the clock ends the stretch, not the bucket: go on while the name stays.
  while (bucket.key === key) bucket = nameBucket(bucket.until, zone, window, weekStart);
  return bucket.from;
}

/** The first instant of the bucket that holds `instant`; -Infinity for 'total'. Throws RangeError for an unknown zone. */
export function bucketStart(instant: Instant, zone: string, window: BucketWindow, weekStart: Weekday = 'mon'): Instant {
  if (window === 'total') return -Infinity;
  let bucket = nameBucket(instant, zone, window, weekStart);
  const { key } = bucket;
  for (;;) {
    const { from } = bucket;
    bucket = nameBucket(from - 1, zone, window, weekStart);
    if (bucket.key !== key) return from;
  }
}

/** The bucket's name, and the instants around `instant`, within one stretch of constant offset, for which it holds. */
function nameBucket(instant: Instant, zone: string, window: DatedWindow, weekStart: Weekday): NamedBucket {
  const { offsetMs, from, until } = offsetRangeAt(instant, zone);
  const local = instant + offsetMs;
  const [start, end, key] = localBucket(local, offsetMs, window, weekStart);
  return { from: Math.max(from, start - offsetMs), until: Math.min(until, end - offsetMs), key };
}

/** Start and end of the bucket in wall-clock milliseconds, and its name. */
function localBucket(local: number, offsetMs: number, window: DatedWindow, weekStart: Weekday): [number, number, string] {
  const day = Math.floor(local / DAY_MS);
  if (window === 'day') return [day * DAY_MS, (day + 1) * DAY_MS, dateText(day)];
  if (window === 'hour') {
    const hour = Math.floor(local / HOUR_MS);
    const key = `${dateText(day)}T${two(hour - day * 24)}${offsetText(offsetMs)}`;
    return [hour * HOUR_MS, (hour + 1) * HOUR_MS, key];
  }
  if (window === 'week') {
    const first = day - ((weekdayOfDay(day) - WEEKDAYS.indexOf(weekStart) + 7) % 7);
    return [first * DAY_MS, (first + 7) * DAY_MS, `w${dateText(first)}`];
  }
  const { year, month } = civilDate(day);
  const next = month === 12 ? utcMs(year + 1, 1, 1) : utcMs(year, month + 1, 1);
  return [utcMs(year, month, 1), next, dateText(day).slice(0, -3)];
}

/**
 * Instant of a local date 'YYYY-MM-DD' and time 'HH:MM', 'HH:MM:SS' or '24:00' (the next day's midnight). A time that the clock skipped
 * gives
 * the first instant after the gap; one that comes twice gives the first. Throws RangeError for what is no date, time or zone.
 */
export function fromLocal(date: string, time: string, zone: string): Instant {
  return fromLocalMs(dayNumber(date) * DAY_MS + timeOfDayMs(time), zone);
}

/** As fromLocal, of wall-clock milliseconds as localMs gives them. */
export function fromLocalMs(local: number, zone: string): Instant {
  // No zone is a day and a half away from UTC, so the instant lies within this span.
  let range = offsetRangeAt(local - 1.5 * DAY_MS, zone);
  for (;;) {
    const instant = local - range.offsetMs;
    // Before the range's end: either inside, or before its start, which then is the end of the gap that swallowed the time.
    if (instant < range.until) return Math.max(instant, range.from);
    range = offsetRangeAt(range.until, zone);
  }
}

/** Days since 1970-01-01 of 'YYYY-MM-DD'. Throws RangeError for a date the calendar does not have. */
export function dayNumber(date: string): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  const day = match ? utcMs(Number(match[1]), Number(match[2]), Number(match[3])) / DAY_MS : NaN;
  if (Number.isNaN(day) || dateText(day) !== date) throw new RangeError(`expected a date such as 2026-03-01, got ${JSON.stringify(date)}`);
  return day;
}

/** Milliseconds since local midnight of 'HH:MM' or 'HH:MM:SS', up to and including '24:00'. Throws RangeError otherwise. */
export function timeOfDayMs(time: string): number {
  const match = /^(\d{2}):([0-5]\d)(?::([0-5]\d))?$/.exec(time);
  const ms = match ? Number(match[1]) * HOUR_MS + Number(match[2]) * MINUTE_MS + Number(match[3] ?? 0) * 1000 : NaN;
  if (!(ms <= DAY_MS)) throw new RangeError(`expected a time such as 09:00, at most 24:00, got ${JSON.stringify(time)}`);
  return ms;
}

/** 'YYYY-MM-DD' of days since 1970-01-01. */
export function dateText(day: number): string {
  const { year, month, day: dayOfMonth } = civilDate(day);
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(dayOfMonth)}`;
}

/** Proleptic Gregorian date of days since 1970-01-01 (Howard Hinnant's civil_from_days); no Date object on the hot path. */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1 };
}

function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / MINUTE_MS);
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
