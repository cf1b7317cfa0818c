/**
 * Opening hours: weekly half-open intervals [from, to) of local wall-clock time, less closed dates. At 17:00 a contract open "09:00-17:00"
 * is shut; a time that the clock skips opens nothing, one that it repeats is open twice. One that ends before it begins goes on into the
 * next day; a closed date shuts what lies on that date.
 */
import { dayNumber, DAY_MS, localMs, timeOfDayMs, WEEKDAYS, weekdayOfDay, type Instant, type Weekday } from './calendar.js';
import { isKnownZone, offsetRangeAt } from './zone-offsets.js';

/** A schedule as the configuration writes it: days 'mon', 'mon-fri' or 'fri-mon' → intervals 'HH:MM-HH:MM', '24:00' allowed as an end. */
export interface ScheduleDef {
  readonly timezone: string;
  readonly open: Readonly<Record<string, readonly string[]>>;
  readonly closed?: readonly string[];
}

/** A compiled schedule. nextChange is the first instant after the given one at which isOpen turns; undefined where it never does. */
export interface Schedule {
  isOpen(instant: Instant): boolean;
  nextChange(instant: Instant): Instant | undefined;
}

/** Interval of a day in milliseconds since midnight. */
type Interval = readonly [from: number, to: number];

interface Week { readonly zone: string; readonly days: readonly (readonly Interval[])[]; readonly closed: ReadonlySet<number> }

/** Compiles opening hours. Throws RangeError that names the fault: unknown zone or day, bad time, interval that is empty. */
export function compileSchedule(def: ScheduleDef): Schedule {
  if (!isKnownZone(def.timezone)) throw new RangeError(`unknown time zone ${JSON.stringify(def.timezone)}`);
  const days: Interval[][] = WEEKDAYS.map(() => []);
  for (const [names, intervals] of Object.entries(def.open)) {
    for (const day of daysNamed(names)) for (const text of intervals) {
      const [from, to] = parseInterval(text);
      days[day]?.push([from, to > from ? to : DAY_MS]);
      if (to < from && to > 0) days[(day + 1) % 7]?.push([0, to]);
    }
  }
  const week: Week = { zone: def.timezone, days: days.map(merge), closed: new Set((def.closed ?? []).map(dayNumber)) };
  return { isOpen: (instant) => openAt(week, instant), nextChange: (instant) => nextChange(week, instant) };
}

/** 'mon' → [0], 'mon-fri' → [0…4], 'fri-mon' → [4,5,6,0]; also 'mon,wed'. Throws RangeError for another word. */
function daysNamed(names: string): number[] {
  return names.split(',').flatMap((name) => {
    const [first = '', last = first, ...rest] = name.trim().toLowerCase().split('-');
    const from = WEEKDAYS.indexOf(first as Weekday);
    const to = WEEKDAYS.indexOf(last as Weekday);
    if (from < 0 || to < 0 || rest.length > 0) throw new RangeError(`expected days such as mon or mon-fri, got ${JSON.stringify(names)}`);
    return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, step) => (from + step) % 7);
  });
}

/** The end lies before the beginning where the interval goes on past midnight. */
function parseInterval(text: string): Interval {
  const [from = '', to = '', ...rest] = text.split('-').map((part) => part.trim());
  const interval: Interval = [timeOfDayMs(from), timeOfDayMs(to)];
  if (rest.length > 0 || interval[0] === interval[1] || interval[0] === DAY_MS) {
    throw new RangeError(`expected an interval such as 09:00-17:00, or 00:00-24:00 for all day, got ${JSON.stringify(text)}`);
  }
  return interval;
}

function merge(intervals: readonly Interval[]): readonly Interval[] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = merged[merged.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to); else merged.push([from, to]);
  }
  return merged;
}

function openAt(week: Week, instant: Instant): boolean {
  const local = localMs(instant, week.zone);
  const day = Math.floor(local / DAY_MS);
  if (week.closed.has(day)) return false;
  const time = local - day * DAY_MS;
  for (const [from, to] of week.days[weekdayOfDay(day)] ?? []) if (time >= from && time < to) return true;
  return false;
}

/** How many days ahead are looked through first: nearly every schedule turns by then, and looking is not free. */
const NEAR_DAYS = 4;

function nextChange(week: Week, instant: Instant): Instant | undefined {
  const now = openAt(week, instant);
  const today = Math.floor(localMs(instant, week.zone) / DAY_MS);
  const closed = [...week.closed].filter((day) => day > today).sort((a, b) => a - b);
  // An ordinary week turns within eight days, and each closed date can put that off by one; the rest is room for changes of the clock.
  const farDays = 12 + closed.length;
  for (const ahead of [NEAR_DAYS, farDays]) {
    const days = Array.from({ length: ahead + 2 }, (_, step) => today - 1 + step);
    // Beyond this instant edges of later days could be missing, and the first one found need not be the first there is.
    const known = instant + (ahead - 2) * DAY_MS;
    const turn = firstTurn(week, edgesOf(week, days).filter((at) => at > instant && at <= known), now);
    if (turn !== undefined) return turn;
  }
  // What did not turn in a whole week is open for good, but for the closed dates.
  return firstTurn(week, closed.flatMap((day) => edgesOf(week, [day])).filter((at) => at > instant), now);
}

function firstTurn(week: Week, edges: readonly Instant[], now: boolean): Instant | undefined {
  return edges.find((at) => openAt(week, at) !== now);
}

/** In order: every instant at which something can turn on those local days, their midnights and the changes of the clock included. */
function edgesOf(week: Week, days: readonly number[]): Instant[] {
  const edges: Instant[] = [];
  const first = days[0] ?? 0;
  const last = days[days.length - 1] ?? 0;
  let range = offsetRangeAt((first - 1.5) * DAY_MS, week.zone);
  for (; range.from < (last + 2.5) * DAY_MS; range = offsetRangeAt(range.until, week.zone)) {
    edges.push(range.from);
    for (const day of days) {
      for (const time of [0, DAY_MS, ...(week.days[weekdayOfDay(day)] ?? []).flat()]) edges.push(day * DAY_MS + time - range.offsetMs);
    }
  }
  return edges.sort((a, b) => a - b);
}
