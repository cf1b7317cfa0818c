/**
 * The leads of a tenant that nobody could take (D4, D5), the oldest first. That they are held stands in the table of leads, which they are
 * loaded from.
 */
import type { Lead } from '@sluice/distribution';
import type { StoredLead } from './changes.js';

export interface HeldLead {
  readonly lead: Lead;
  readonly leadId: string;
  readonly campaignId: string;
  /** Epoch ms. */
  readonly heldSince: number;
  readonly receivedAt: number;
}

export class HeldLeads implements Iterable<HeldLead> {
  private readonly ordered: HeldLead[];
  private readonly byId = new Map<string, HeldLead>();

  constructor(leads: Iterable<HeldLead> = []) {
    for (const lead of leads) this.byId.set(lead.leadId, lead);
    this.ordered = [...this.byId.values()].sort(byAge);
  }

  get size(): number {
    return this.ordered.length;
  }

  [Symbol.iterator](): Iterator<HeldLead> {
    return this.ordered[Symbol.iterator]();
  }

  has({ leadId, heldSince }: HeldLead): boolean {
    return this.byId.get(leadId)?.heldSince === heldSince;
  }

  /** Holds a lead; one that is held already keeps its place where it is held since the same instant. */
  put(lead: HeldLead): void {
    const known = this.byId.get(lead.leadId);
    if (known?.heldSince === lead.heldSince) return;
    this.remove(lead.leadId);
    this.byId.set(lead.leadId, lead);
    this.ordered.splice(this.placeOf(lead), 0, lead);
  }

  remove(leadId: string): void {
    const known = this.byId.get(leadId);
    if (!known) return;
    this.byId.delete(leadId);
    this.ordered.splice(this.placeOf(known), 1);
  }

  /** Where it stands, or would. Newcomers mostly come last. */
  private placeOf(lead: HeldLead): number {
    let low = 0;
    let high = this.ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byAge(this.ordered[middle]!, lead) < 0) low = middle + 1; else high = middle;
    }
    return low;
  }
}

/** A stored lead as the list has it; undefined where it is not held. */
export function heldLead({ lead, heldSince }: StoredLead): HeldLead | undefined {
  if (heldSince === undefined) return undefined;
  return { lead, leadId: lead.leadId, campaignId: lead.campaignId, heldSince, receivedAt: lead.receivedAt };
}

/** The oldest first. Total, so that a loaded list stands as the one did that was lost. */
export function byAge(a: HeldLead, b: HeldLead): number {
  return a.heldSince - b.heldSince || a.receivedAt - b.receivedAt || (a.leadId < b.leadId ? -1 : a.leadId > b.leadId ? 1 : 0);
}
