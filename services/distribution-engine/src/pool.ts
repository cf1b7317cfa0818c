/** The pool (A4): what of a lead a client may see, and which of its contracts could take it. */
import { decide, type Lead, type Life, type Market, type Seed, type State } from '@sluice/distribution';

export interface Offer {
  readonly contractId: string;
  readonly clientId: string;
  /** Minor units as text: what it pays. */
  readonly priceMinor: string;
}

export interface PoolLead {
  readonly lead: Lead;
  readonly life: Life;
}

export interface Offered extends PoolLead {
  readonly offers: readonly Offer[];
}

/** The leads that at least one of the contracts could take now, by the gates that taking one asks. */
export function offeredOf(
  leads: readonly PoolLead[], contracts: readonly string[], market: Market, state: State, now: number, seed: Seed,
): Offered[] {
  return leads.flatMap(({ lead, life }) => {
    const offers = contracts.flatMap((contract): Offer[] => decide(market, state, lead, life, { trigger: 'cherryPick', contracts: [contract] },
      now, seed).picks.map(({ contractId, clientId, priceMinor }) => ({ contractId, clientId, priceMinor: String(priceMinor) })));
    return offers.length > 0 ? [{ lead, life, offers }] : [];
  });
}

/** Buyers that hold it. */
export function buyersOf({ picks }: Life): number {
  return picks.filter(({ state }) => state === 'reserved' || state === 'accepted' || state === 'cherryPicked').length;
}
