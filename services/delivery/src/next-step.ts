import { retryDelayMs } from '@sluice/kernel';
import type { Verdict } from './classify.js';
import type { DeliveryMethod } from './delivery-method.js';

/**
 * How much the client may know of a lead, at worst: no byte left · every answer was a clear "not now" or no · an answer came that says
 * nothing · an answer was lost. It only grows: what was sent once cannot be taken back.
 */
export type Exposure = 'none' | 'clear' | 'vague' | 'lost';

const RANK: Readonly<Record<Exposure, number>> = { none: 0, clear: 1, vague: 2, lost: 3 };

export interface Progress {
  /** Attempts that count, this one included. */
  readonly attempts: number;
  /** Attempts that an earlier run of the schedule used up, before somebody redrove the delivery. */
  readonly base: number;
  /** By the attempts before this one. */
  readonly exposure: Exposure;
  readonly reservedAt: number;
  /** The reservation is gone: an attempt more would sell what is no longer held. */
  readonly released: boolean;
}

export type Step =
  | { readonly kind: 'again'; readonly exposure: Exposure; readonly dueAt: number; readonly reason: string }
  | { readonly kind: 'ended'; readonly exposure: Exposure; readonly state: FinalState; readonly reason: string | undefined; readonly reference: string | undefined };

export type FinalState = 'accepted' | 'rejected' | 'failed' | 'unresolved';

/**
 * What an attempt makes of its delivery. No answer is never a no: after a lost one only a yes, or a no whose rule is final, ends the
 * matter; else it stays unresolved and the units stay held. Pure; `random` in [0, 1) lengthens the delay, never shortens it.
 */
export function nextStep(progress: Progress, verdict: Verdict, method: DeliveryMethod, now: number, random: number): Step {
  const exposure = worse(progress.exposure, exposureOf(verdict));
  const ended = (state: FinalState, reason: string | undefined, reference?: string): Step => ({ kind: 'ended', exposure, state, reason, reference });
  if (verdict.kind === 'accepted') return ended('accepted', undefined, verdict.reference);
  if (verdict.kind === 'rejected') {
    // A "duplicate" after a lost answer is a yes that sounds like a no.
    if (progress.exposure === 'lost' && !verdict.final) return ended('unresolved', `after_no_answer:${verdict.reason}`.slice(0, 200));
    return ended('rejected', verdict.reason);
  }
  const dueAt = nextDueAt(progress, verdict, method, now, random);
  return dueAt === undefined ? ended(endWithoutAnswer(exposure), verdict.reason) : { kind: 'again', exposure, dueAt, reason: verdict.reason };
}

/** How a delivery ends that brought neither yes nor no: a client that said "not now" to the end did not take the lead. */
export function endWithoutAnswer(exposure: Exposure): FinalState {
  if (exposure === 'none') return 'failed';
  return exposure === 'clear' ? 'rejected' : 'unresolved';
}

export function worse(one: Exposure, other: Exposure): Exposure {
  return RANK[one] >= RANK[other] ? one : other;
}

function exposureOf(verdict: Verdict): Exposure {
  if (verdict.kind === 'unsent') return 'none';
  if (verdict.kind !== 'unknown') return 'clear';
  return verdict.lost ? 'lost' : 'vague';
}

function nextDueAt(progress: Progress, verdict: Verdict, method: DeliveryMethod, now: number, random: number): number | undefined {
  if (progress.released || (verdict.kind === 'unsent' && verdict.hopeless)) return undefined;
  const delayMs = retryDelayMs(method.schedule, Math.max(1, progress.attempts - progress.base), random);
  if (delayMs === undefined) return undefined;
  const dueAt = now + withRetryAfter(delayMs, 'retryAfterMs' in verdict ? verdict.retryAfterMs : undefined);
  return method.withinMs !== undefined && dueAt > progress.reservedAt + method.withinMs ? undefined : dueAt;
}

/** The client may ask for more time, up to twice the step, never for less: an answer must not be able to park or to speed up the queue. */
function withRetryAfter(delayMs: number, retryAfterMs: number | undefined): number {
  return retryAfterMs === undefined ? delayMs : Math.min(Math.max(delayMs, retryAfterMs), 2 * delayMs);
}
