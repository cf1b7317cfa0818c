/** Between the rows of a window and the state that the one state machine knows. */
import type { WindowState } from '@sluice/distribution';
import { dueOf, type Timer } from './window-timer.js';
import type { WindowRow } from './windows.store.js';

export function newWindow(tenantId: string, leadId: string, campaignId: string): WindowRow {
  return {
    tenantId, leadId, campaignId, state: 'open', generation: 0, openedAt: 0, openedBy: '', expiresAt: 0, everyMs: 0, pausedAt: null,
    pauseExtends: false, extendedMs: 0, endedAt: null, waitsOn: [], reasons: [], isFull: false, standing: 0, decidedAt: null, nextAt: null,
    chanceAt: null, dueAt: null,
  };
}

export function stateOf(row: WindowRow): WindowState {
  const { state, openedAt, expiresAt, everyMs, pauseExtends, extendedMs, generation, pausedAt, nextAt } = row;
  return {
    state, openedAt, expiresAt, everyMs, pauseExtends, extendedMs, generation,
    // One that has ended has no beat any more.
    nextAt: nextAt ?? expiresAt, ...(pausedAt === null ? {} : { pausedAt }),
  };
}

export interface Done {
  readonly actor: string;
  readonly now: number;
  readonly opened: boolean;
  /** It is tried now, so that what it waited for is known anew with the outcome. */
  readonly requested: boolean;
}

/** The row after what was done to its window. */
export function rowAfter(before: WindowRow, state: WindowState, { actor, now, opened, requested }: Done): WindowRow {
  const live = state.state === 'open' || state.state === 'paused';
  const row: WindowRow = {
    ...before, state: state.state, generation: state.generation, openedAt: state.openedAt, expiresAt: state.expiresAt,
    everyMs: state.everyMs, pausedAt: state.pausedAt ?? null, pauseExtends: state.pauseExtends, extendedMs: state.extendedMs,
    openedBy: opened ? actor : before.openedBy,
    endedAt: live ? null : now, waitsOn: live && !opened ? before.waitsOn : [], reasons: opened ? [] : before.reasons,
    isFull: !opened && before.isFull, nextAt: live ? state.nextAt : null, chanceAt: live && !requested ? before.chanceAt : null,
    dueAt: null,
  };
  const timer = timerOf(row, undefined);
  // It was woken and waits for its turn: an edit must not put it off.
  const woken = state.state === 'open' && !requested && before.state === 'open' && before.dueAt !== null && before.dueAt <= now;
  return { ...row, dueAt: woken ? before.dueAt : timer?.dueAt ?? null };
}

/** The timer that a window has; undefined = it has ended. */
export function timerOf(row: WindowRow, traceparent: string | undefined): Timer | undefined {
  const { tenantId, leadId, campaignId, openedAt, generation, everyMs, nextAt, expiresAt, chanceAt, state, isFull, dueAt } = row;
  if (state !== 'open' && state !== 'paused') return undefined;
  const timer: Omit<Timer, 'dueAt'> = {
    tenantId, leadId, campaignId, kind: 'window', since: openedAt, generation, everyMs, nextAt, expiresAt, chanceAt,
    rests: state === 'paused' ? 'paused' : isFull ? 'full' : null, traceparent: traceparent ?? null,
  };
  return { ...timer, dueAt: dueAt ?? dueOf(timer, row.pauseExtends) };
}
