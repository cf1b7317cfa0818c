/**
 * When an endpoint is left alone. Counted in buckets of a minute over five minutes: with at least ten attempts of which seven in ten
 * failed it is suspended; after that one attempt decides whether it resumes or is suspended for longer.
 */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'probing';
  /** Of `open`: when the next attempt may be made. */
  readonly until: number;
  /** How often it was suspended in a row. */
  readonly opens: number;
  /** Since when it has not been well; 0 while closed. */
  readonly since: number;
  readonly buckets: readonly Bucket[];
}

interface Bucket {
  readonly minute: number;
  readonly good: number;
  readonly bad: number;
}

export interface BreakerLimits {
  readonly suspendMs: number;
  readonly suspendMsMax: number;
}

export const CLOSED: Breaker = { state: 'closed', until: 0, opens: 0, since: 0, buckets: [] };

const MINUTE_MS = 60_000;
const WINDOW_MINUTES = 5;
const ATTEMPTS_MIN = 10;
const FAILED_SHARE = 0.7;

/**
 * The breaker after one attempt that ended at `now`. Of an open one only what is new counts: late answers of before change nothing
 * unless good.
 */
export function afterAttempt(breaker: Breaker, failed: boolean, now: number, limits: BreakerLimits): Breaker {
  if (breaker.state !== 'closed') {
    if (!failed) return CLOSED;
    // An attempt begun before the suspension is no probe.
    return breaker.state === 'open' && now < breaker.until ? breaker : opened(breaker, now, limits);
  }
  const minute = Math.floor(now / MINUTE_MS);
  const recent = breaker.buckets.filter((bucket) => bucket.minute > minute - WINDOW_MINUTES);
  const last = recent.at(-1)?.minute === minute ? recent.pop() : undefined;
  const buckets = [...recent, { minute, good: (last?.good ?? 0) + (failed ? 0 : 1), bad: (last?.bad ?? 0) + (failed ? 1 : 0) }];
  const bad = buckets.reduce((sum, bucket) => sum + bucket.bad, 0);
  const all = buckets.reduce((sum, bucket) => sum + bucket.bad + bucket.good, 0);
  const next: Breaker = { ...breaker, buckets };
  return failed && all >= ATTEMPTS_MIN && bad >= FAILED_SHARE * all ? opened(next, now, limits) : next;
}

/** Of one whose time is up: nothing waits for it that could serve as a probe, so that the next lead is. */
export function probing(breaker: Breaker): Breaker {
  return { ...breaker, state: 'probing', until: 0 };
}

function opened(breaker: Breaker, now: number, limits: BreakerLimits): Breaker {
  const pauseMs = Math.min(limits.suspendMsMax, limits.suspendMs * 2 ** breaker.opens);
  return { state: 'open', until: now + pauseMs, opens: breaker.opens + 1, since: breaker.since || now, buckets: [] };
}
