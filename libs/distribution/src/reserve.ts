import type { Decision, Pick } from './decision.js';
import type { Holding, Lead, Life } from './lead.js';
import type { Market } from './market.js';
import type { State } from './state.js';

export interface Reserved { life: Life; holdings: Holding[] }

/**
 * Moves the state by a decision: reserves a unit of every limit of every pick (F4), moves rotations and credits, counts what the lead
 * reached. Call it for every decision that stands, the unsold ones too. `idOf` names the outbound lead of a pick.
 */
export function reserve(
  _market: Market, _state: State, _lead: Lead, _life: Life, _decision: Decision, _now: number, _idOf: (pick: Pick, index: number) => string,
): Reserved {
  throw new Error('not built yet');
}

/** The client took it: reserved → accepted. Moves no counter. Unknown or settled already: the life as it was. */
export function accept(_life: Life, _outboundLeadId: string): Life {
  throw new Error('not built yet');
}

/**
 * The client turned it down (`rejected`, also a bounce after the fact), nothing was sent (`failed`), or a person let it go (`released`):
 * gives back all units in their own buckets, the turn (RR2) and the weights' payment (W2). Call `decide` with trigger `fallback` next.
 */
export function release(_market: Market, _state: State, _life: Life, _outboundLeadId: string, _outcome: 'rejected' | 'failed' | 'released'): Life {
  throw new Error('not built yet');
}

/** An approved return: gives units back whose bucket is still open, and the order's while that is open (C3, O1). The share slot stays used. */
export function returned(_market: Market, _state: State, _life: Life, _outboundLeadId: string, _now: number): Life {
  throw new Error('not built yet');
}
