/** The timer of a window or of a lead that is held: when it is due, and what a try makes of it. */
import { decideWindow, type WindowState } from '@sluice/distribution';
import { murmur3 } from '@sluice/kernel';

/** A row of `workflow.window_timers`. Times in epoch ms. */
export interface Timer {
  readonly tenantId: string;
  readonly leadId: string;
  readonly kind: 'window' | 'hold';
  readonly campaignId: string;
  /** The opening, or when the lead began to be held. */
  readonly since: number;
  /** 0 of a hold. */
  readonly generation: number;
  /** 0 of a hold. */
  readonly everyMs: number;
  /** The next try of its own beat; null of a hold. */
  readonly nextAt: number | null;
  /** When the window ends; of a hold: when it goes to whom the strategy names for what nobody took. null = never. */
  readonly expiresAt: number | null;
  /** When time alone may end the wait. */
  readonly chanceAt: number | null;
  /** null = it sleeps until something wakes it. */
  readonly dueAt: number | null;
  /** `full`: no further buyer fits while those that have it keep it. */
  readonly rests: 'paused' | 'full' | null;
  readonly traceparent: string | null;
}

export type Tried =
  | { readonly kind: 'requested'; readonly timer: Timer }
  | { readonly kind: 'expired' }
  | { readonly kind: 'nothing'; readonly timer: Timer };

/** A beat comes late by at most this part of the interval, and never by more than the limit. */
const JITTER_PART = 0.1;
const JITTER_MS_MAX = 30_000;

/**
 * How much later than its beat a window is due, in ms. Each lead has its own share for ever: a hundred thousand windows that were opened by
 * one import are spread, and the beat itself stays where it is.
 */
export function jitterOf(leadId: string, everyMs: number): number {
  return Math.floor((murmur3(leadId) / 2 ** 32) * Math.min(everyMs * JITTER_PART, JITTER_MS_MAX));
}

/** When the timer comes due by itself; null = never. A paused window ends in its time unless pausing stops its clock. */
export function dueOf(timer: Omit<Timer, 'dueAt'>, pauseExtends = false): number | null {
  const { rests, expiresAt, chanceAt, nextAt, leadId, everyMs } = timer;
  if (rests === 'paused') return pauseExtends ? null : expiresAt;
  if (rests === 'full') return expiresAt;
  const due = Math.min(nextAt === null ? Infinity : nextAt + jitterOf(leadId, everyMs), expiresAt ?? Infinity, chanceAt ?? Infinity);
  return due === Infinity ? null : due;
}

/** What becomes of a timer that is due: by the clock, or because it was woken. */
export function tryOf(timer: Timer, now: number): Tried {
  if (timer.kind === 'hold') {
    const expiresAt = timer.expiresAt !== null && timer.expiresAt > now ? timer.expiresAt : null;
    return { kind: 'requested', timer: due({ ...timer, chanceAt: null, expiresAt }) };
  }
  const window = windowOf(timer);
  const [event] = decideWindow(window, { kind: now >= window.expiresAt ? 'tick' : 'wake' }, now);
  if (event?.type === 'expired') return { kind: 'expired' };
  if (event?.type !== 'requested') return { kind: 'nothing', timer: due(timer) };
  // What it waited for is known again with the outcome.
  return { kind: 'requested', timer: due({ ...timer, nextAt: event.nextAt, chanceAt: null }) };
}

function due(timer: Timer): Timer {
  return { ...timer, dueAt: dueOf(timer) };
}

/** As much of a window as a try asks for. */
function windowOf({ since, everyMs, nextAt, expiresAt, generation, rests }: Timer): WindowState {
  return {
    state: rests === 'paused' ? 'paused' : 'open', openedAt: since, expiresAt: expiresAt ?? since, everyMs, nextAt: nextAt ?? since, generation,
    pauseExtends: false, extendedMs: 0,
  };
}
