/** When to try again. Jitter only ever lengthens a delay: a client that asked for a pause gets at least that pause. */

/**
 * Either the delays one by one, or a first delay that grows by `factor` up to `delayMsMax`, `attempts` times in all (the first try
 * included).
 */
export type RetrySchedule =
  | { readonly delaysMs: readonly number[]; readonly jitter?: number }
  | {
    readonly firstDelayMs: number; readonly factor: number; readonly delayMsMax: number;
    readonly attempts: number; readonly jitter?: number;
  };

/** Up to a fifth longer, where the schedule says nothing: enough to pull a herd apart, too little to surprise. */
const JITTER = 0.2;

/**
 * Milliseconds to wait after `failed` failed attempts (1 = the first try failed); undefined when the schedule is used up.
 * `random` is a number in [0, 1); the delay is lengthened by at most `jitter` of itself. Throws RangeError for arguments out of range.
 */
export function retryDelayMs(schedule: RetrySchedule, failed: number, random: number): number | undefined {
  if (!Number.isInteger(failed) || failed < 1) throw new RangeError(`failed attempts count from 1, got ${failed}`);
  if (!(random >= 0 && random < 1)) throw new RangeError(`expected a random number in [0, 1), got ${random}`);
  const delayMs = plainDelayMs(schedule, failed);
  return delayMs === undefined ? undefined : Math.round(delayMs * (1 + random * (schedule.jitter ?? JITTER)));
}

function plainDelayMs(schedule: RetrySchedule, failed: number): number | undefined {
  if ('delaysMs' in schedule) return schedule.delaysMs[failed - 1];
  if (failed >= schedule.attempts) return undefined;
  return Math.min(schedule.delayMsMax, schedule.firstDelayMs * schedule.factor ** (failed - 1));
}
