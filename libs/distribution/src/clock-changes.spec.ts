/** Both changes of the clock in a year, in every zone: caps, schedules, resets and timeframes go by the local clock (C1, C4, RR4). */
import { describe, expect, it } from '@jest/globals';
import type { Contract, Rule, Schedule, Workflow } from './document.js';
import { Table } from './table.suite.js';

const HOUR = 3_600_000;
const STEP = HOUR / 2;
const ZONES = Intl.supportedValuesOf('timeZone');
/** Where no clock is changed in the year, ordinary days are looked at. */
const ORDINARY = [Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 9, 25, 1)];

/** Wall clock by the platform: date, time of day in minutes, offset as it writes it. */
interface Wall { date: string; minutes: number; offset: string }

class Clock {
  private readonly format: Intl.DateTimeFormat;

  constructor(readonly zone: string) {
    this.format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
      timeZoneName: 'longOffset',
    });
  }

  at(instant: number): Wall {
    const part = Object.fromEntries(this.format.formatToParts(instant).map(({ type, value }) => [type, value]));
    return { date: `${part['year']}-${part['month']}-${part['day']}`, minutes: Number(part['hour']) * 60 + Number(part['minute']),
      offset: part['timeZoneName']! };
  }

  /** Instants at which the clock is changed in 2026: found by ten days, then by halves. */
  changes(): number[] {
    const found: number[] = [];
    for (let day = Date.UTC(2026, 0, 1); day < Date.UTC(2027, 0, 1); day += 240 * HOUR) {
      if (this.at(day).offset === this.at(day + 240 * HOUR).offset) continue;
      let [before, after] = [day, day + 240 * HOUR];
      while (after - before > 60_000) {
        const middle = before + Math.floor((after - before) / 120_000) * 60_000;
        if (this.at(middle).offset === this.at(day).offset) before = middle; else after = middle;
      }
      found.push(after);
    }
    return found.length > 0 ? found : ORDINARY;
  }
}

interface Change { zone: string; clock: Clock; change: number; moments: readonly { at: number; wall: Wall }[] }

/** From more than a day before each change to as long after it, half an hour by half an hour. */
const CHANGES = ZONES.map((zone) => new Clock(zone)).flatMap((clock) => clock.changes().map((change): Change => {
  const start = Math.floor(change / STEP) * STEP - 27 * HOUR;
  const moments = Array.from({ length: 108 }, (_, place) => ({ at: start + place * STEP, wall: clock.at(start + place * STEP) }));
  return { zone: clock.zone, clock, change, moments };
}));

/** Deals a lead every half hour; who got each, by what of the wall clock the lead belongs to. */
function deal(
  contracts: Partial<Contract>[], workflow: Partial<Workflow>, name: (wall: Wall) => string,
  check: (winners: string[][]) => [unknown, unknown],
): void {
  for (const { zone, change, moments } of CHANGES) {
    const table = new Table(contracts, { timezone: zone, ...workflow }, { document: { timezone: zone } });
    const byName = new Map<string, string[]>();
    for (const { at, wall } of moments) {
      table.now = at;
      const of = name(wall);
      if (!byName.has(of)) byName.set(of, []);
      byName.get(of)!.push(table.deal().join(' '));
    }
    const [got, expected] = check([...byName.values()]);
    expect([zone, change, got]).toEqual([zone, change, expected]);
  }
}

const first = (winners: readonly string[]) => winners.filter((winner) => winner !== '').length;
const byDate = ({ date }: Wall) => date;

describe(`over both changes of the clock in each of ${ZONES.length} zones`, () => {
  it('a day of 23 or 25 hours is one day of a cap', () => {
    // Days at either end of the span may be cut short.
    deal([{ caps: { day: 3 } }], { rules: [{ method: 'price' }] }, byDate, (days) => (
      [days.filter((winners) => winners.length >= 3).map(first), days.filter((winners) => winners.length >= 3).map(() => 3)]));
  });

  it('the hour that comes twice is two hours of a cap, the one that is left out none', () => {
    deal([{ caps: { hour: 1 } }], { rules: [{ method: 'price' }] }, ({ date, minutes, offset }) => `${date} ${Math.floor(minutes / 60)} ${offset}`,
      (hours) => [hours.map(first), hours.map(() => 1)]);
  });

  it('a schedule is open by the local clock, from its first minute to before its last', () => {
    const schedule: Schedule = { open: { 'mon-sun': ['00:30-02:30', '03:00-03:30', '23:00-24:00'] } };
    const isOpen = ({ minutes }: Wall) => (minutes >= 30 && minutes < 150) || (minutes >= 180 && minutes < 210) || minutes >= 1380;
    for (const { zone, moments } of CHANGES) {
      const table = new Table([{ schedule }], { rules: [{ method: 'price' }] }, { document: { timezone: zone } });
      const dealt = moments.map(({ at, wall }) => {
        table.now = at;
        return { wall, open: table.deal().length === 1 };
      });
      expect([zone, dealt]).toEqual([zone, moments.map(({ wall }) => ({ wall, open: isOpen(wall) }))]);
    }
  });

  it.each(['roundRobin', 'weighted'] as const)('%s with a daily reset starts again at local midnight, and at no other time', (method) => {
    // Three take turns; after the reset, and only then, the first comes although it was not its turn.
    const contracts = [{ weight: 1 }, { weight: 1 }, { weight: 1 }];
    deal(contracts, { maxMultiplication: 1, rules: [{ method, take: 1, reset: 'daily' }] }, byDate, (days) => (
      [days, days.map((winners) => winners.map((_, place) => `k${place % 3}`))]));
  });

  it('a strict percentage of a day holds within each local day', () => {
    deal([{ percentage: 20 }], { rules: [{ method: 'percentage', timeframe: 'day' }] }, byDate, (days) => (
      [days.map(first), days.map((winners) => Math.ceil(winners.length / 5))]));
  });

  it('seven days begin at the local midnight of the day on which the rule came, whatever the hour', () => {
    const rules: Rule[] = [{ method: 'roundRobin', take: 1, reset: '7days' }];
    for (const { zone, clock, change } of CHANGES) {
      const start = change - 3 * 24 * HOUR;
      const table = new Table([{}, {}], { timezone: zone, maxMultiplication: 1, rules }, { document: { timezone: zone }, now: start });
      const began = clock.at(start).date;
      const dates: string[] = [];
      const winners: string[] = [];
      for (table.now = start; table.now < change + 5 * 24 * HOUR; table.now += 7 * HOUR) {
        dates.push(clock.at(table.now).date);
        winners.push(table.deal().join(' '));
      }
      // Two take turns, and the first of the next seven local dates begins anew.
      const next = dates.findIndex((date) => daysBetween(began, date) >= 7);
      expect([zone, winners]).toEqual([zone, dates.map((_, place) => `k${(place < next ? place : place - next) % 2}`)]);
    }
  });
});

function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / (24 * HOUR);
}
