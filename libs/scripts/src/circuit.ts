/**
 * A script that ends each time only because it is stopped would cost every lead what it may take at most. After some such failures in a row
 * it is left alone for a while. The count is part of the tenant's state and moved by what decisions say, so that a replay does the same.
 */
import type { ScriptNote, State } from '@sluice/distribution';

/** Failures in a row after which it is left alone; one where it had to be ended by the clock. */
const FAILURES_MAX = 20;
const SUSPENDED_MS = 300_000;
const COSTLY: ReadonlySet<string> = new Set(['steps', 'memory', 'time']);

const keyOf = (id: string, version: number) => `script|${id}|${version}`;

/** Until when a script is left alone, in epoch ms; 0 = it is not. */
export function suspendedUntil(state: State, id: string, version: number, now: number): number {
  const until = state.get(keyOf(id, version));
  return until > now && until > FAILURES_MAX ? until : 0;
}

/** Moves the counts behind a decision. */
export function countFailures(state: State, notes: readonly ScriptNote[] | undefined, now: number): void {
  for (const { id, version, status, reason = '' } of notes ?? []) {
    if (status === 'notTriggered') continue;
    const key = keyOf(id, version);
    if (status !== 'failed' || !COSTLY.has(reason)) { state.set(key, 0); continue; }
    const was = state.get(key);
    // Left alone before, and failing again: for another while.
    const failures = was > FAILURES_MAX ? FAILURES_MAX : was + 1;
    state.set(key, reason === 'time' || failures >= FAILURES_MAX ? now + SUSPENDED_MS : failures);
  }
}
