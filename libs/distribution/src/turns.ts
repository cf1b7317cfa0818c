/**
 * Turns that are given back (RR2). A rotation holds the number of the last turn; a rejected turn puts back the number before it. Where a
 * later turn stands already, the rejected one is only a gap behind it: the gaps of a rotation are kept, a few of them, so that the later
 * turn, should it be rejected too, falls back past them.
 */
import type { Turn } from './lead.js';
import type { State } from './state.js';

export function takeTurn(state: State, key: string, now: number): Turn {
  const was = state.get(key);
  state.set(key, now);
  return { key, was, now };
}

/** As takeTurn, where the rotation's slot is known. */
export function takeTurnAt(state: State, slot: number, now: number): Turn {
  const was = state.at(slot);
  state.putUnlimited(slot, now);
  return { key: state.keyAt(slot), was, now };
}

export function giveBackTurns(state: State, turns: readonly Turn[]): void {
  for (const { key, was, now } of turns) {
    if (state.get(key) === now) state.set(key, past(state, key, was));
    else state.set(gapKey(key, now), was === 0 ? -1 : was);
  }
}

/** The number before, past all turns that were given back in the meantime. */
function past(state: State, key: string, was: number): number {
  let turn = was;
  for (;;) {
    const gap = state.get(gapKey(key, turn));
    if (gap === 0) return turn;
    state.set(gapKey(key, turn), 0);
    turn = gap === -1 ? 0 : gap;
  }
}

function gapKey(key: string, turn: number): string {
  return `gap|${key}|${turn}`;
}
