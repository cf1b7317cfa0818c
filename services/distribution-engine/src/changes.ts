/** What a batch changes: plain rows, collected while it is decided and written in one transaction. */
import type { Lead, Life, StateEntry, Trigger } from '@sluice/distribution';
import type { Said } from '@sluice/events';
import { noScriptUses, type ScriptUses } from './script-uses.js';

/** A lead as the engine keeps it for later fallbacks and windows. Never changed in place: batches that have not committed are read over. */
export interface StoredLead {
  readonly lead: Lead;
  readonly life: Life;
  /** Its distribution attempts in order: the one of round n is the nth. */
  readonly attempts: readonly Attempted[];
  /** The highest generation of its window that was heard; a request of an older one does nothing. */
  readonly windowGeneration: number;
  /** Unset where it never had one and its workflow opens none. */
  readonly window?: LeadWindow;
  /** Nobody could take it since then (D4, D5), and it is tried again; epoch ms. Unset: it is not kept so. */
  readonly heldSince?: number;
}

/** What the engine knows of a lead's window. */
export interface LeadWindow {
  /** Unset: its workflow opens one, and it was not heard of yet. */
  readonly state?: 'open' | 'paused' | 'fulfilled' | 'stopped' | 'expired';
  readonly expiresAt?: number;
  /** Its last attempt left no room for a further buyer, and nobody turned the lead down since. */
  readonly full?: boolean;
  /** LeadFulfilled was said. */
  readonly fulfilled?: boolean;
}

export interface Attempted {
  readonly id: string;
  readonly trigger: Trigger;
  /** The workflow whose rules were asked for by name. */
  readonly workflow?: string;
  /** The request that it answers. One that comes again does nothing. */
  readonly requestId?: string;
}

export interface AttemptRow {
  readonly tenantId: string;
  readonly attemptId: string;
  readonly leadId: string;
  readonly at: number;
  readonly trigger: string;
  readonly version: number;
  /** `distributed`, or the reason why not. */
  readonly outcome: string;
  readonly receipt: string;
  /** Beside the receipt, because history is filtered by them. Unset: asked for by the system; no campaign; by no workflow. */
  readonly actor?: string;
  readonly campaignId?: string;
  readonly workflowId?: string;
}

export interface OutboundLeadRow {
  readonly tenantId: string;
  readonly outboundLeadId: string;
  readonly leadId: string;
  readonly attemptId: string;
  readonly contractId: string;
  readonly clientId: string;
  readonly priceMinor: bigint;
  readonly currency: string;
  readonly reservedAt: number;
  /** Whose caps count it besides its contract's and its client's, one a line; unset: it counts in no cap. */
  readonly also?: string;
}

export type OutboundLeadState = 'accepted' | 'rejected' | 'failed' | 'unresolved' | 'returned';

export interface SettledRow {
  readonly tenantId: string;
  readonly outboundLeadId: string;
  readonly state: OutboundLeadState;
  readonly at: number;
}

export interface ItemRow {
  readonly tenantId: string;
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly entry: number;
  readonly body: string | null;
}

/** What the limits that came with a version counted. */
export interface CountedRow {
  readonly tenantId: string;
  readonly version: number;
  readonly entries: readonly StateEntry[];
}

export interface PartRow {
  readonly tenantId: string;
  readonly version: number;
  readonly part: number;
  readonly parts: number;
  readonly items: string;
}

/** A record that rests on a configuration version or a lead which the engine has not. */
export interface WaitingRow {
  readonly tenantId: string;
  readonly topic: string;
  readonly seq: number;
  readonly kind: 'version' | 'lead';
  readonly restsOn: string;
  /** The record as heard, as JSON. */
  readonly event: string;
}

export interface Changes {
  /** Tenants that the batch was about: the transaction may see and write their rows. */
  readonly touched: Set<string>;
  /** By `keyOf`; `fresh` holds the keys of those that are new. */
  readonly leads: Map<string, StoredLead>;
  readonly fresh: Set<string>;
  readonly attempts: AttemptRow[];
  readonly outboundLeads: OutboundLeadRow[];
  /** By tenant and outbound lead: the last word counts. */
  readonly settled: Map<string, SettledRow>;
  readonly state: { readonly tenantId: string; readonly key: string; readonly value: number | string }[];
  readonly counted: CountedRow[];
  readonly forgotten: { readonly tenantId: string; readonly key: string }[];
  readonly tenants: string[];
  readonly items: ItemRow[];
  readonly parts: PartRow[];
  readonly versions: { readonly tenantId: string; readonly version: number }[];
  readonly waiting: WaitingRow[];
  /** Records that waited and were taken, by topic and sequence. */
  readonly taken: { readonly topic: string; readonly seq: number }[];
  readonly said: Said[];
  readonly scripts: ScriptUses;
  /** What `decide` threw, for the log. */
  readonly faults: { readonly leadId: string; readonly message: string }[];
}

export function noChanges(): Changes {
  return {
    touched: new Set(), leads: new Map(), fresh: new Set(), attempts: [], outboundLeads: [], settled: new Map(), state: [], counted: [],
    forgotten: [], tenants: [], items: [], parts: [], versions: [], waiting: [], taken: [], said: [], faults: [], scripts: noScriptUses(),
  };
}

/** Names a lead across tenants. */
export function keyOf(tenantId: string, leadId: string): string {
  return `${tenantId}\n${leadId}`;
}
