/** The pool (A4): what of a lead a client may see, and which of its contracts could take it. */
import { decide, type Lead, type Life, type Market, type Seed, type State } from '@sluice/distribution';
import { csvLine } from './csv.js';

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

/** A lead of the pool as the API shows it: routing attributes alone, nothing personal. */
export interface ShownLead {
  readonly leadId: string;
  readonly campaignId: string | null;
  readonly receivedAt: string;
  readonly attributes: Lead['attributes'];
  readonly buyers: number;
  readonly offers: readonly (Offer & { readonly currency: string })[];
}

export function poolView({ lead, life, offers }: Offered, currency: string): ShownLead {
  const { leadId, campaignId, receivedAt, attributes } = lead;
  return {
    leadId, campaignId: campaignId || null, receivedAt: new Date(receivedAt).toISOString(), attributes, buyers: buyersOf(life),
    offers: offers.map((offer) => ({ ...offer, currency })),
  };
}

export const poolCsvHeader = csvLine(['leadId', 'campaignId', 'receivedAt', 'buyers', 'contracts', 'pricesMinor', 'attributes']);

/** Campaigns have attributes of their own: they stand in one column, as JSON. */
export function poolCsv({ leadId, campaignId, receivedAt, buyers, offers, attributes }: ShownLead): string {
  return csvLine([leadId, campaignId, receivedAt, buyers, offers.map(({ contractId }) => contractId).join(' '),
    offers.map(({ priceMinor }) => priceMinor).join(' '), JSON.stringify(attributes)]);
}

/** Buyers that hold it. */
function buyersOf({ picks }: Life): number {
  return picks.filter(({ state }) => state === 'reserved' || state === 'accepted' || state === 'cherryPicked').length;
}
