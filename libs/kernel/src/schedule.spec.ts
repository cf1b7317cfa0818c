import { describe, expect, it } from '@jest/globals';
import { compileSchedule, type ScheduleDef } from './schedule.js';
import { seededRandom } from './random.js';

const at = (iso: string) => Date.parse(iso);
const NEW_YORK: ScheduleDef = {
  timezone: 'America/New_York', open: { 'mon-fri': ['09:00-17:00'], sat: ['10:00-12:00', '13:00-14:00'] }, closed: ['2026-12-25'],
};

describe('opening hours', () => {
  it.each([
    ['2026-03-02T13:59:59.999Z', false, 'a moment before nine'],
    ['2026-03-02T14:00Z', true, 'nine is open'],
    ['2026-03-02T21:59:59.999Z', true, 'a moment before five'],
    ['2026-03-02T22:00Z', false, 'five is closed: the interval is half open'],
    ['2026-03-07T17:30Z', false, 'between the two intervals of Saturday'],
    ['2026-03-07T18:30Z', true, 'the second interval of Saturday'],
    ['2026-03-08T15:00Z', false, 'Sunday is not named'],
    ['2026-03-09T13:00Z', true, 'nine in summer time is an hour earlier'],
    ['2026-12-25T15:00Z', false, 'a closed date'],
    ['2026-12-24T15:00Z', true, 'the day before it'],
  ])('%s → %s: %s', (iso, open) => {
    expect(compileSchedule(NEW_YORK).isOpen(at(iso))).toBe(open);
  });

  it.each([
    ['2026-03-02T12:00Z', '2026-03-02T14:00Z', 'opens at nine'],
    ['2026-03-02T14:00Z', '2026-03-02T22:00Z', 'closes at five'],
    ['2026-03-07T19:00Z', '2026-03-09T13:00Z', 'over the week-end and the change of the clock'],
    ['2026-12-24T22:00Z', '2026-12-26T15:00Z', 'over a closed date'],
  ])('after %s the next change is %s: %s', (iso, next) => {
    expect(compileSchedule(NEW_YORK).nextChange(at(iso))).toBe(at(next));
  });

  it('are all day with 24:00, without a seam at midnight', () => {
    const always = compileSchedule({ timezone: 'America/New_York', open: { 'mon-sun': ['00:00-24:00'] } });
    expect(always.isOpen(at('2026-03-03T05:00Z'))).toBe(true);
    expect(always.isOpen(at('2026-03-03T04:59:59.999Z'))).toBe(true);
    expect(always.nextChange(at('2026-03-02T00:00Z'))).toBeUndefined();
    const twoDays = compileSchedule({ timezone: 'UTC', open: { mon: ['12:00-24:00'], tue: ['00:00-03:00'] } });
    expect(twoDays.nextChange(at('2026-03-02T13:00Z'))).toBe(at('2026-03-03T03:00Z'));
  });

  it('that are always open but for a far holiday turn on that day', () => {
    const always = compileSchedule({ timezone: 'UTC', open: { 'mon-sun': ['00:00-24:00'] }, closed: ['2027-01-01', '2027-01-02'] });
    expect(always.nextChange(at('2026-03-02T00:00Z'))).toBe(at('2027-01-01T00:00Z'));
    expect(always.nextChange(at('2027-01-01T00:00Z'))).toBe(at('2027-01-03T00:00Z'));
    expect(always.nextChange(at('2027-01-03T00:00Z'))).toBeUndefined();
  });

  it('that never open have no next change', () => {
    expect(compileSchedule({ timezone: 'UTC', open: {} }).nextChange(at('2026-03-02T00:00Z'))).toBeUndefined();
  });

  it('read day ranges over the week-end, lists and any case', () => {
    const schedule = compileSchedule({ timezone: 'UTC', open: { 'FRI-mon': ['00:00-24:00'], 'tue, thu': ['10:00-11:00'] } });
    const open = ['02', '03', '04', '05', '06', '07', '08'].map((day) => schedule.isOpen(at(`2026-03-${day}T10:30Z`)));
    expect(open).toEqual([true, true, false, true, true, true, true]);
  });

  it('go on past midnight where an interval ends before it begins, but not into a closed date', () => {
    const night = compileSchedule({ timezone: 'America/New_York', open: { fri: ['22:00-02:00'], 'sun': ['20:00-00:00'] }, closed: ['2026-03-14'] });
    const open = (instants: string[]) => instants.map((iso) => night.isOpen(at(iso)));
    expect(open(['2026-03-06T07:00Z', '2026-03-07T02:59Z', '2026-03-07T03:00Z', '2026-03-07T06:59Z', '2026-03-07T07:00Z', '2026-03-08T03:00Z']))
      .toEqual([false, false, true, true, false, false]);
    expect(open(['2026-03-09T03:59Z', '2026-03-09T04:00Z'])).toEqual([true, false]);
    expect(night.nextChange(at('2026-03-07T03:00Z'))).toBe(at('2026-03-07T07:00Z'));
    expect(night.nextChange(at('2026-03-14T02:00Z'))).toBe(at('2026-03-14T04:00Z'));
  });

  it.each([
    [{ timezone: 'Nowhere', open: {} }], [{ timezone: 'UTC', open: { someday: ['09:00-10:00'] } }],
    [{ timezone: 'UTC', open: { mon: ['09:00'] } }], [{ timezone: 'UTC', open: { mon: ['24:00-06:00'] } }],
    [{ timezone: 'UTC', open: { mon: ['09:00-09:00'] } }], [{ timezone: 'UTC', open: { mon: ['09:00-25:00'] } }],
    [{ timezone: 'UTC', open: {}, closed: ['2026-02-30'] }],
  ])('%j is refused', (def) => { expect(() => compileSchedule(def)).toThrow(RangeError); });

  it('tell the next change as a walk minute by minute finds it, in zones with every kind of change', () => {
    const random = seededRandom('schedule');
    for (const zone of ['America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo', 'America/Havana', 'America/Santiago']) {
      for (let round = 0; round < 6; round++) {
        const def = randomSchedule(random, zone);
        const schedule = compileSchedule(def);
        const day = random.pick(['2026-03-07T00:00Z', '2026-04-22T00:00Z', '2026-04-03T00:00Z', '2026-09-04T20:00Z', '2026-10-29T00:00Z']);
        const now = at(day);
        let walk = now + 60_000;
        while (schedule.isOpen(walk) === schedule.isOpen(now) && walk < now + 9 * 86_400_000) walk += 60_000;
        expect({ def, now, next: schedule.nextChange(now) ?? now + 9 * 86_400_000 }).toEqual({ def, now, next: walk });
      }
    }
  });
});

function randomSchedule(random: ReturnType<typeof seededRandom>, timezone: string): ScheduleDef {
  const times = ['00:00', '00:30', '01:00', '02:00', '02:30', '09:15', '17:00', '23:30', '24:00'];
  const open: Record<string, string[]> = {};
  for (const day of ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']) {
    const [from, to] = random.shuffle(times.slice(0, -1)).concat(random.chance(0.1) ? '24:00' : []).slice(-2);
    if (random.chance(0.6)) open[day] = [`${from}-${to}`];
  }
  return { timezone, open, closed: random.chance(0.3) ? ['2026-03-08', '2026-04-24'] : [] };
}
