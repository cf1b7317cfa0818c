/** Caps and percentage limits, compiled: what they count, in which bucket, under which key. */
import { bucketEnd, bucketOf, bucketStart, type BucketWindow } from '@sluice/kernel';
import type { CapLimit, Caps, CapWindow, MoneyText, PercentageLimit, Timeframe, Weekday } from './document.js';
import { GATES } from './reasons.js';
import type { State } from './state.js';

export type Scope = 'contract' | 'client' | 'group' | 'campaign' | 'recipient';
export const ROLLING_MS = 3_600_000;

/** The bucket that a clock stands in: its name holds in [from, until). One for each zone and window, shared by all limits. */
export class BucketClock {
  name = '';
  from = Infinity;
  until = -Infinity;
  /** Which of its stands this is; a limit that remembers a slot asks no more than this. */
  version = 0;

  constructor(readonly zone: string, private readonly window: BucketWindow, private readonly weekStart: Weekday) {}

  at(now: number): this {
    if (now >= this.from && now < this.until) return this;
    this.version++;
    this.name = bucketOf(now, this.zone, this.window, this.weekStart);
    this.until = bucketEnd(now, this.zone, this.window, this.weekStart);
    // The bucket began earlier, but a clock that is set back within it is rare enough to be asked anew.
    this.from = now;
    return this;
  }

  /** Name of the bucket that another instant lies in: the clock stays where it stands, and with it what limits remember of it. */
  nameOf(instant: number): string {
    return instant >= this.from && instant < this.until ? this.name : bucketOf(instant, this.zone, this.window, this.weekStart);
  }

  /** The first instant of the bucket that `now` lies in; -Infinity where it has none. */
  start(now: number): number {
    return bucketStart(now, this.zone, this.window, this.weekStart);
  }
}

const clocks = new Map<string, BucketClock>();

export function clockOf(zone: string, window: BucketWindow, weekStart: Weekday = 'mon'): BucketClock {
  const key = `${zone}|${window}|${weekStart}`;
  let clock = clocks.get(key);
  if (!clock) clocks.set(key, (clock = new BucketClock(zone, window, weekStart)));
  return clock;
}

/**
 * One number that may not be passed. Where it stands is remembered per state, as a slot, and for which stand of the clock that is the right
 * one.
 */
export class Limit {
  readonly gate: number;
  owner: State | null = null;
  slot = -1;
  version = -1;
  /** Numbers of the contracts it may shut, where that is remembered. */
  members: Iterable<number> = [];

  constructor(
    readonly scope: Scope, readonly id: string, readonly window: CapWindow, readonly metric: 'count' | 'amount',
    /** Leads, or minor units. */
    readonly limit: number, readonly clock: BucketClock | null,
  ) {
    this.gate = GATES.indexOf(`cap_${window === 'rolling60m' ? 'hour' : window}`);
  }

  /** `cap|contract|acme-ny|day|count|`, to which the bucket's name comes. */
  get prefix(): string {
    return `cap|${this.scope}|${this.id}|${this.window}|${this.metric}|`;
  }

  /** What a sale at the price uses of it. */
  unitsAt(priceMinor: number): number {
    return this.metric === 'count' ? 1 : priceMinor;
  }

  /** Whether another limit of the same prefix counts in the same buckets, so that what one has counted holds for the other. */
  countsLike({ clock }: Limit): boolean {
    if (clock === this.clock || this.window === 'total') return true;
    return this.window !== 'week' && clock?.zone === this.clock?.zone;
  }
}

export type Minor = (amount: MoneyText) => number;

const WINDOWS: readonly CapWindow[] = ['hour', 'rolling60m', 'day', 'week', 'month', 'total'];

/** Caps → limits. Throws RangeError that names the window. */
export function limitsOf(scope: Scope, id: string, caps: Caps | undefined, zone: string, minor: Minor): Limit[] {
  if (!caps) return [];
  const limits: Limit[] = [];
  for (const window of WINDOWS) {
    const cap = caps[window];
    if (cap === undefined || cap === null) continue;
    const clock = window === 'rolling60m' ? null : clockOf(caps.timezone ?? zone, window, caps.weekStart);
    const { count, amount } = parts(cap, window);
    if (count !== undefined) limits.push(new Limit(scope, id, window, 'count', count, clock));
    if (amount !== undefined) limits.push(new Limit(scope, id, window, 'amount', minor(amount), clock));
  }
  return limits;
}

function parts(cap: CapLimit, window: string): { count?: number; amount?: MoneyText } {
  const both = typeof cap === 'object' ? cap : { count: cap };
  if (both.count !== undefined && (!Number.isInteger(both.count) || both.count < 0)) {
    throw new RangeError(`caps.${window}: expected an integer ≥ 0, got ${JSON.stringify(both.count)}`);
  }
  return both;
}

/** A share of the qualified leads of a calendar span (P3). */
export interface QualifiedShare { scope: 'contract' | 'client'; id: string; percent: number; clock: BucketClock; window: Timeframe }

export function qualifiedShareOf(
  scope: 'contract' | 'client', id: string, limit: PercentageLimit | undefined, zone: string,
): QualifiedShare | null {
  if (!limit) return null;
  return { scope, id, percent: limit.percent, clock: clockOf(zone, limit.lookBack), window: limit.lookBack };
}

/** Keys of its two counters in the bucket at `now`: qualified leads, and those delivered. */
export function qualifiedKey(share: QualifiedShare, now: number): string {
  return `pl|${share.scope}|${share.id}|q|${share.clock.at(now).name}`;
}
export function deliveredKey(share: QualifiedShare, now: number): string {
  return `pl|${share.scope}|${share.id}|d|${share.clock.at(now).name}`;
}

/** ⌈percent · total⌉, exact for percentages of up to four decimals: a float's last bit would give a lead away. */
export function ceilPercent(percent: number, total: number): number {
  return Math.ceil((Math.round(percent * 10_000) * total) / 1_000_000);
}
