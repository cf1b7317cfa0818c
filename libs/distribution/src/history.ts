/** The past as lines, one a lead, so that a replay needs no database: `GET /v1/history` writes it, `sluice replay` reads it. */
import type { Trigger } from './decision.js';
import type { HoldingState, Lead } from './lead.js';

/** One run of the decision for the lead, in order of time. */
export interface HistoryAttempt {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly trigger: Trigger;
  /** Who asked for it; unset = the system. */
  readonly actor?: string;
  /** `distributed`, or the reason why not. */
  readonly outcome: string;
}

/** One outbound lead, in order of reservation. */
export interface HistoryPick {
  readonly contractId: string;
  readonly clientId: string;
  /** Minor units as text: JSON has no bigint. */
  readonly priceMinor: string;
  /** `unresolved`: the client never answered, so that it still holds its units. */
  readonly state: HoldingState | 'unresolved';
  /** When it was reserved, epoch milliseconds. */
  readonly at: number;
  /** When the client answered, or it was given up, epoch milliseconds; unset while it is reserved. */
  readonly settledAt?: number;
  /** `<workflow>/<rule>`, `manual`, `force`, `cherryPick`, or the push strategy. */
  readonly rule: string;
}

/** A line of the export; lines come in order of `lead.receivedAt`, then of `lead.leadId`. */
export interface HistoryLine {
  readonly lead: Lead;
  readonly attempts: readonly HistoryAttempt[];
  readonly picks: readonly HistoryPick[];
}
