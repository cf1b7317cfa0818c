/**
 * Who is new gets its place in the rotations: a contract that never had a lead counts from its creation (RR1), as a number of the same
 * sequence that turns are counted by. And a rule that starts again every seven days counts them from the day it was first seen (RR4).
 */
import { dateText, dayNumber, localDate } from '@sluice/kernel';
import type { Reset } from './document.js';
import type { Market } from './market.js';
import type { State } from './state.js';

/** Something that came with a change of the market, in order of entry. */
export type Arrival = { kind: 'contract' | 'client' | 'recipient'; id: string } | { kind: 'rule'; key: string; zone: string };

export function welcome(market: Market, state: State, now: number, from: number): void {
  const { arrivals } = market;
  for (let place = from; place < arrivals.length; place++) {
    const arrival = arrivals[place]!;
    if (arrival.kind === 'rule') {
      // Day numbers start at 1970, so 0 still means "never seen".
      if (state.get(`act|${arrival.key}`) === 0) state.set(`act|${arrival.key}`, dayNumber(localDate(now, arrival.zone)));
    } else if (state.get(`rr|${arrival.kind}|${arrival.id}`) === 0) {
      const turn = state.nextTurn();
      state.set(`rr|${arrival.kind}|${arrival.id}`, turn);
      state.set(`born|${arrival.kind}|${arrival.id}`, turn);
    }
  }
}

/** Name of the stretch between two resets that `now` lies in; null without a reset. Days are local; seven of them tumble. */
export function resetBucket(state: State, key: string, reset: Reset, zone: string, now: number): string | null {
  if (reset === 'never') return null;
  const date = localDate(now, zone);
  if (reset === 'daily') return date;
  const today = dayNumber(date);
  const first = state.get(`act|${key}`) || today;
  return `7d${dateText(today - ((((today - first) % 7) + 7) % 7))}`;
}
