import type { Decision, Request, Seed } from './decision.js';
import type { Lead, Life } from './lead.js';
import type { Market } from './market.js';
import type { State } from './state.js';

/** Who gets the lead. Moves nothing; the same arguments give the same answer to the byte. `now` in epoch milliseconds. */
export function decide(_market: Market, _state: State, _lead: Lead, _life: Life, _request: Request, _now: number, _seed: Seed): Decision {
  throw new Error('not built yet');
}
