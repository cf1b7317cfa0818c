import { describe, expect, it } from '@jest/globals';
import { bucketEnd, bucketOf, bucketStart, DAY_MS, fromLocal, isKnownZone, localDate, zoneOffsetMinutes } from './calendar.js';

const HOUR_MS = 3_600_000;
const at = (iso: string) => Date.parse(iso);

/** The offset as the platform says it, by another way than the code's: the zone's long offset name. */
function platformOffset(instant: number, timeZone: string): number {
  const format = slow.get(timeZone) ?? new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  slow.set(timeZone, format);
  const name = format.formatToParts(instant).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const match = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name);
  if (!match) throw new Error(`cannot read ${name}`);
  return (match[1] === '-' ? -1 : 1) * (Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0));
}
const slow = new Map<string, Intl.DateTimeFormat>();

/**
 * Changes of the clock 2024–2030 in twelve zones: first instant of the new offset, and that offset in minutes,
 * as zdump prints them from the tz database (2025b).
 */
const CHANGES: Readonly<Record<string, string>> = {
  'America/New_York': `
    2024-03-10T07:00Z -240, 2024-11-03T06:00Z -300, 2025-03-09T07:00Z -240, 2025-11-02T06:00Z -300, 2026-03-08T07:00Z -240,
    2026-11-01T06:00Z -300, 2027-03-14T07:00Z -240, 2027-11-07T06:00Z -300, 2028-03-12T07:00Z -240, 2028-11-05T06:00Z -300,
    2029-03-11T07:00Z -240, 2029-11-04T06:00Z -300, 2030-03-10T07:00Z -240, 2030-11-03T06:00Z -300`,
  'America/Los_Angeles': `
    2024-03-10T10:00Z -420, 2024-11-03T09:00Z -480, 2025-03-09T10:00Z -420, 2025-11-02T09:00Z -480, 2026-03-08T10:00Z -420,
    2026-11-01T09:00Z -480, 2027-03-14T10:00Z -420, 2027-11-07T09:00Z -480, 2028-03-12T10:00Z -420, 2028-11-05T09:00Z -480,
    2029-03-11T10:00Z -420, 2029-11-04T09:00Z -480, 2030-03-10T10:00Z -420, 2030-11-03T09:00Z -480`,
  'Europe/Berlin': `
    2024-03-31T01:00Z 120, 2024-10-27T01:00Z 60, 2025-03-30T01:00Z 120, 2025-10-26T01:00Z 60, 2026-03-29T01:00Z 120,
    2026-10-25T01:00Z 60, 2027-03-28T01:00Z 120, 2027-10-31T01:00Z 60, 2028-03-26T01:00Z 120, 2028-10-29T01:00Z 60,
    2029-03-25T01:00Z 120, 2029-10-28T01:00Z 60, 2030-03-31T01:00Z 120, 2030-10-27T01:00Z 60`,
  'Europe/Dublin': `
    2024-03-31T01:00Z 60, 2024-10-27T01:00Z 0, 2025-03-30T01:00Z 60, 2025-10-26T01:00Z 0, 2026-03-29T01:00Z 60, 2026-10-25T01:00Z 0,
    2027-03-28T01:00Z 60, 2027-10-31T01:00Z 0, 2028-03-26T01:00Z 60, 2028-10-29T01:00Z 0, 2029-03-25T01:00Z 60, 2029-10-28T01:00Z 0,
    2030-03-31T01:00Z 60, 2030-10-27T01:00Z 0`,
  'Australia/Lord_Howe': `
    2024-04-06T15:00Z 630, 2024-10-05T15:30Z 660, 2025-04-05T15:00Z 630, 2025-10-04T15:30Z 660, 2026-04-04T15:00Z 630,
    2026-10-03T15:30Z 660, 2027-04-03T15:00Z 630, 2027-10-02T15:30Z 660, 2028-04-01T15:00Z 630, 2028-09-30T15:30Z 660,
    2029-03-31T15:00Z 630, 2029-10-06T15:30Z 660, 2030-04-06T15:00Z 630, 2030-10-05T15:30Z 660`,
  'Australia/Sydney': `
    2024-04-06T16:00Z 600, 2024-10-05T16:00Z 660, 2025-04-05T16:00Z 600, 2025-10-04T16:00Z 660, 2026-04-04T16:00Z 600,
    2026-10-03T16:00Z 660, 2027-04-03T16:00Z 600, 2027-10-02T16:00Z 660, 2028-04-01T16:00Z 600, 2028-09-30T16:00Z 660,
    2029-03-31T16:00Z 600, 2029-10-06T16:00Z 660, 2030-04-06T16:00Z 600, 2030-10-05T16:00Z 660`,
  'Pacific/Chatham': `
    2024-04-06T14:00Z 765, 2024-09-28T14:00Z 825, 2025-04-05T14:00Z 765, 2025-09-27T14:00Z 825, 2026-04-04T14:00Z 765,
    2026-09-26T14:00Z 825, 2027-04-03T14:00Z 765, 2027-09-25T14:00Z 825, 2028-04-01T14:00Z 765, 2028-09-23T14:00Z 825,
    2029-03-31T14:00Z 765, 2029-09-29T14:00Z 825, 2030-04-06T14:00Z 765, 2030-09-28T14:00Z 825`,
  'America/Havana': `
    2024-03-10T05:00Z -240, 2024-11-03T05:00Z -300, 2025-03-09T05:00Z -240, 2025-11-02T05:00Z -300, 2026-03-08T05:00Z -240,
    2026-11-01T05:00Z -300, 2027-03-14T05:00Z -240, 2027-11-07T05:00Z -300, 2028-03-12T05:00Z -240, 2028-11-05T05:00Z -300,
    2029-03-11T05:00Z -240, 2029-11-04T05:00Z -300, 2030-03-10T05:00Z -240, 2030-11-03T05:00Z -300`,
  'America/Santiago': `
    2024-04-07T03:00Z -240, 2024-09-08T04:00Z -180, 2025-04-06T03:00Z -240, 2025-09-07T04:00Z -180, 2026-04-05T03:00Z -240,
    2026-09-06T04:00Z -180, 2027-04-04T03:00Z -240, 2027-09-05T04:00Z -180, 2028-04-02T03:00Z -240, 2028-09-03T04:00Z -180,
    2029-04-08T03:00Z -240, 2029-09-02T04:00Z -180, 2030-04-07T03:00Z -240, 2030-09-08T04:00Z -180`,
  'America/Asuncion': `
    2024-03-24T03:00Z -240, 2024-10-06T04:00Z -180`,
  'Africa/Cairo': `
    2024-04-25T22:00Z 180, 2024-10-31T21:00Z 120, 2025-04-24T22:00Z 180, 2025-10-30T21:00Z 120, 2026-04-23T22:00Z 180,
    2026-10-29T21:00Z 120, 2027-04-29T22:00Z 180, 2027-10-28T21:00Z 120, 2028-04-27T22:00Z 180, 2028-10-26T21:00Z 120,
    2029-04-26T22:00Z 180, 2029-10-25T21:00Z 120, 2030-04-25T22:00Z 180, 2030-10-31T21:00Z 120`,
  'Africa/Casablanca': `
    2024-03-10T02:00Z 0, 2024-04-14T02:00Z 60, 2025-02-23T02:00Z 0, 2025-04-06T02:00Z 60, 2026-02-15T02:00Z 0, 2026-03-22T02:00Z 60,
    2027-02-07T02:00Z 0, 2027-03-14T02:00Z 60, 2028-01-23T02:00Z 0, 2028-03-05T02:00Z 60, 2029-01-14T02:00Z 0, 2029-02-18T02:00Z 60,
    2029-12-30T02:00Z 0, 2030-02-10T02:00Z 60, 2030-12-22T02:00Z 0`,
};

describe('zone offsets', () => {
  it.each(Object.entries(CHANGES))('turn in %s at the second the tz database says, 2024 to 2030', (zone, changes) => {
    const expected = changes.trim().split(/,\s+/);
    const found: string[] = [];
    for (let turn = nextTurn(at('2024-01-01T00:00Z'), zone); turn < at('2031-01-01T00:00Z'); turn = nextTurn(turn, zone)) {
      found.push(`${new Date(turn).toISOString().slice(0, 16)}Z ${zoneOffsetMinutes(turn, zone)}`);
    }
    expect(found).toEqual(expected);
  });

  it('equal the platform in every zone, every 77 hours of 2026', () => {
    const zones = Intl.supportedValuesOf('timeZone');
    expect(zones.length).toBeGreaterThan(400);
    const wrong: string[] = [];
    for (const zone of zones) {
      for (let day = at('2026-01-01T00:00Z'); day < at('2027-01-01T00:00Z'); day += 3 * DAY_MS + 5 * HOUR_MS) {
        if (zoneOffsetMinutes(day, zone) !== platformOffset(day, zone)) wrong.push(`${zone} ${day}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('change at the very same second as the platform, in every zone, 2026', () => {
    const wrong: string[] = [];
    let changes = 0;
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      for (let hour = at('2026-01-01T00:00Z'); hour < at('2027-01-01T00:00Z'); hour = nextTurn(hour, zone)) {
        if (hour === at('2026-01-01T00:00Z')) continue;
        changes++;
        const seen = [platformOffset(hour - 1000, zone), platformOffset(hour, zone)];
        const ours = [zoneOffsetMinutes(hour - 1000, zone), zoneOffsetMinutes(hour, zone)];
        if (seen.join() !== ours.join() || seen[0] === seen[1]) wrong.push(`${zone} ${hour}: ${ours.join()} is ${seen.join()}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(changes).toBeGreaterThan(250);
  });

  it('know a history that repeats an offset within weeks, and years far away', () => {
    expect(zoneOffsetMinutes(at('2010-08-20T00:00Z'), 'Africa/Cairo')).toBe(120);
    expect(zoneOffsetMinutes(at('2010-09-20T00:00Z'), 'Africa/Cairo')).toBe(180);
    expect(zoneOffsetMinutes(at('1900-01-01T00:00Z'), 'UTC')).toBe(0);
    expect(zoneOffsetMinutes(at('2090-07-01T00:00Z'), 'America/New_York')).toBe(-240);
  });

  it('refuse what is no zone', () => {
    for (const zone of ['', 'Mars/Olympus', '+05:00', '__proto__']) {
      expect(isKnownZone(zone)).toBe(false);
      expect(() => zoneOffsetMinutes(0, zone)).toThrow(RangeError);
    }
    expect(() => zoneOffsetMinutes(NaN, 'UTC')).toThrow(RangeError);
    expect(isKnownZone('America/New_York')).toBe(true);
  });

  it('cost far less than the platform asks for', () => {
    const start = at('2026-03-02T09:00Z');
    const began = process.hrtime.bigint();
    let sum = 0;
    for (let i = 0; i < 1_000_000; i++) sum += zoneOffsetMinutes(start + i, 'America/New_York');
    expect(sum).toBe(-300 * 1_000_000);
    // Measured at some 10 ns; the limit leaves room for a busy machine.
    expect(Number(process.hrtime.bigint() - began) / 1_000_000).toBeLessThan(300);
  });
});

/** The next change of the clock the code knows after an instant, by its hour and month buckets alone. */
function nextTurn(instant: number, zone: string): number {
  const offset = zoneOffsetMinutes(instant, zone);
  for (let probe = instant + DAY_MS; probe < instant + 400 * DAY_MS; probe += DAY_MS) {
    if (zoneOffsetMinutes(probe, zone) === offset) continue;
    let [low, high] = [probe - DAY_MS, probe];
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (zoneOffsetMinutes(middle, zone) === offset) low = middle; else high = middle;
    }
    return high;
  }
  return Infinity;
}

describe('buckets', () => {
  it('are named by local date, hours also by offset', () => {
    const now = at('2026-03-02T04:30Z');
    expect(bucketOf(now, 'America/New_York', 'hour')).toBe('2026-03-01T23-05:00');
    expect(bucketOf(now, 'America/New_York', 'day')).toBe('2026-03-01');
    expect(bucketOf(now, 'America/New_York', 'week')).toBe('w2026-02-23');
    expect(bucketOf(now, 'America/New_York', 'week', 'sun')).toBe('w2026-03-01');
    expect(bucketOf(now, 'America/New_York', 'month')).toBe('2026-03');
    expect(bucketOf(now, 'Asia/Tokyo', 'day')).toBe('2026-03-02');
    expect(bucketOf(now, 'Asia/Tokyo', 'total')).toBe('total');
    expect(bucketOf(at('1969-12-31T23:30Z'), 'UTC', 'hour')).toBe('1969-12-31T23+00:00');
  });

  it('end where the next one begins, on days of 23 and of 25 hours too', () => {
    expect(bucketEnd(at('2026-03-08T05:30Z'), 'America/New_York', 'day')).toBe(at('2026-03-09T04:00Z'));
    expect(bucketEnd(at('2026-11-01T12:00Z'), 'America/New_York', 'day')).toBe(at('2026-11-02T05:00Z'));
    expect(bucketEnd(at('2026-12-31T12:00Z'), 'Asia/Tokyo', 'month')).toBe(at('2026-12-31T15:00Z'));
    expect(bucketEnd(at('2026-03-02T04:30Z'), 'UTC', 'week')).toBe(at('2026-03-09T00:00Z'));
    expect(bucketEnd(0, 'UTC', 'total')).toBe(Infinity);
  });

  it('begin where the one before ends', () => {
    expect(bucketStart(at('2026-03-09T03:59Z'), 'America/New_York', 'day')).toBe(at('2026-03-08T05:00Z'));
    expect(bucketStart(at('2026-12-31T12:00Z'), 'Asia/Tokyo', 'month')).toBe(at('2026-11-30T15:00Z'));
    expect(bucketStart(at('2026-03-02T04:30Z'), 'UTC', 'week', 'sun')).toBe(at('2026-03-01T00:00Z'));
    expect(bucketStart(0, 'UTC', 'total')).toBe(-Infinity);
  });

  it('make two of the repeated hour and one of the long day', () => {
    const first = at('2026-11-01T05:30Z');
    const second = at('2026-11-01T06:30Z');
    expect(bucketOf(first, 'America/New_York', 'hour')).toBe('2026-11-01T01-04:00');
    expect(bucketOf(second, 'America/New_York', 'hour')).toBe('2026-11-01T01-05:00');
    expect(bucketEnd(first, 'America/New_York', 'hour')).toBe(at('2026-11-01T06:00Z'));
    expect(bucketOf(first, 'America/New_York', 'day')).toBe(bucketOf(second, 'America/New_York', 'day'));
    expect(bucketOf(at('2026-04-04T15:10Z'), 'Australia/Lord_Howe', 'hour')).toBe('2026-04-05T01+10:30');
  });

  it('cover, in every zone, both changes of the clock of 2026 without a hole or an overlap', () => {
    const wrong: string[] = [];
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      for (let turn = nextTurn(at('2026-01-01T00:00Z'), zone); turn < at('2027-01-01T00:00Z'); turn = nextTurn(turn, zone)) {
        for (const window of ['hour', 'day'] as const) {
          for (let now = turn - 26 * HOUR_MS; now < turn + 26 * HOUR_MS; now += 10 * 60_000) {
            const [start, end] = [bucketStart(now, zone, window), bucketEnd(now, zone, window)];
            const key = bucketOf(now, zone, window);
            const holds = end > now && bucketOf(end - 1, zone, window) === key && bucketOf(end, zone, window) !== key
              && start <= now && bucketOf(start, zone, window) === key && bucketOf(start - 1, zone, window) !== key;
            if (!holds || (window === 'day' && key !== platformDate(now, zone))) wrong.push(`${zone} ${window} ${now}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

const dates = new Map<string, Intl.DateTimeFormat>();
function platformDate(instant: number, timeZone: string): string {
  const format = dates.get(timeZone) ?? new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  dates.set(timeZone, format);
  return format.format(instant);
}

describe('local time to instant', () => {
  it.each([
    ['2026-03-08', '02:30', 'America/New_York', '2026-03-08T07:00Z', 'a time in the gap is the first instant after it'],
    ['2026-11-01', '01:30', 'America/New_York', '2026-11-01T05:30Z', 'a time that comes twice is the first'],
    ['2026-11-01', '02:00', 'America/New_York', '2026-11-01T07:00Z', 'the first time after the repetition'],
    ['2026-04-24', '00:00', 'Africa/Cairo', '2026-04-23T22:00Z', 'midnight in the gap'],
    ['2026-03-08', '00:30', 'America/Havana', '2026-03-08T05:00Z', 'half past midnight in the gap'],
    ['2024-10-06', '00:00', 'America/Asuncion', '2024-10-06T04:00Z', 'midnight in the gap, south'],
    ['2026-10-04', '02:15', 'Australia/Lord_Howe', '2026-10-03T15:30Z', 'a gap of half an hour'],
    ['2026-03-02', '24:00', 'UTC', '2026-03-03T00:00Z', 'the end of the day'],
    ['2011-12-30', '12:00', 'Pacific/Apia', '2011-12-30T10:00Z', 'a day that never was'],
    ['2026-03-02', '09:15:30', 'Asia/Kolkata', '2026-03-02T03:45:30Z', 'an offset of half an hour'],
  ])('%s %s in %s is %s: %s', (date, time, zone, iso) => {
    expect(fromLocal(date, time, zone)).toBe(at(iso));
  });

  it('comes back from an instant in every zone, but for the second pass of a repeated hour', () => {
    const wrong: string[] = [];
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      for (let now = at('2026-01-01T00:00Z'); now < at('2027-01-01T00:00Z'); now += 41 * HOUR_MS) {
        const offset = zoneOffsetMinutes(now, zone);
        const text = new Date(now + offset * 60_000).toISOString();
        const back = fromLocal(text.slice(0, 10), text.slice(11, 19), zone);
        if (back !== now && zoneOffsetMinutes(back, zone) <= offset) wrong.push(`${zone} ${now}`);
        if (localDate(now, zone) !== text.slice(0, 10)) wrong.push(`${zone} ${now} date`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['2026-02-29', '00:00'], ['2026-13-01', '00:00'], ['26-01-01', '00:00'], ['2026-01-01', '24:01'], ['2026-01-01', '9:00'],
    ['2026-01-01', '12:60'],
  ])(
    'refuses %s %s', (date, time) => { expect(() => fromLocal(date, time, 'UTC')).toThrow(RangeError); });
});
