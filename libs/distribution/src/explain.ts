import type { Verdict } from './decision.js';
import type { Lead } from './lead.js';
import type { Market } from './market.js';

/** The verdict of every contract in scope: the stored ones, and those that the index left out, with the condition that failed and the lead's value. */
export function explain(_market: Market, _lead: Lead, _verdicts: readonly Verdict[], _now: number): Verdict[] {
  throw new Error('not built yet');
}
