/** What a decision is asked and what it answers. */
import type { Method } from './document.js';
import type { Gate, ReasonCode, UnsoldReason } from './reasons.js';
import type { Lead } from './lead.js';

export type Trigger = 'arrival' | 'window' | 'fallback' | 'manual' | 'cherryPick' | 'push';

export interface Request {
  trigger: Trigger;
  /** Another workflow than the campaign's: manual distribution by rules, or a window's fallback. */
  workflow?: string;
  /** Manual: these contracts, in this order, and no rules. */
  contracts?: readonly string[];
  /** Who asked, for the record. */
  actor?: string;
  /** Gates that a person passes over, recorded in the picks; never M2 and M5. */
  overrides?: readonly Gate[];
  hooks?: Hooks;
}

/** Scripts (A7). Called only for contracts that passed every gate. They must be deterministic. */
export interface Hooks {
  /** Words why this contract must not get the lead; null lets it. */
  filter?(lead: Lead, contractId: string): string | null;
  /** Sorts before the rule's method, high first. */
  score?(lead: Lead, contractId: string): number;
  /** The contracts of the plan that stay; it can only take picks away. */
  afterPlan?(lead: Lead, contractIds: readonly string[]): readonly string[];
}

/** Uniform in [0, 1) from a text; outside it is an HMAC of the tenant's secret (F6). Called with `lead id|rule|round|contract id`. */
export type Seed = (text: string) => number;

/** A contract that gets the lead. */
export interface Pick {
  contractId: string;
  clientId: string;
  /** `<workflow>/<rule>`, `manual`, `force`, `<strategy>`. */
  rule: string;
  /** For |P∪S| buyers; what the client pays. 0 for a trial lead. */
  priceMinor: bigint;
  trial: boolean;
  deliveryMethodId?: string;
  /** Gates that were passed over by hand. */
  overridden: Gate[];
  /** Push: the branches on the way to the recipient. */
  via?: string[];
}

/** What one contract's fate was, with the figures that decided it. */
export interface Verdict {
  contractId: string;
  clientId: string;
  code: 'picked' | ReasonCode;
  /** Every gate that failed, in order of precedence; empty if it passed all. */
  gates: Gate[];
  /** Of caps, orders, credit, percentage limits: use and limit at that moment (amounts in minor units). */
  limit?: { scope: string; id: string; window: string; metric: 'count' | 'amount'; used: number; limit: number };
  /** criteria: the failing condition and the lead's value; script: its words. */
  detail?: string;
  /** Where it was ranked: rule, place (1 = first) and the keys it was compared by. */
  rank?: { rule: string; method: Method; keys: Record<string, number> };
}

interface DecisionBase {
  trigger: Trigger;
  /** Campaign's workflow or strategy it was decided by. */
  workflowId?: string;
  /** One for each contract that passed the criteria index; computed when first read, from figures kept at decision time. */
  readonly verdicts: readonly Verdict[];
  /** How many contracts were in scope, how many of them the index did not match (their reason is `criteria`), and all reasons counted. */
  considered: { inScope: number; notMatched: number; reasons: Partial<Record<ReasonCode, number>> };
  /** K3 of the plan, also where a person may pass over it. */
  minimumsMet: boolean;
  /** Nobody further can be sold to: M2 or the takes leave no room. A window is then fulfilled once all is accepted. */
  full: boolean;
}

export type Decision =
  | (DecisionBase & { kind: 'distributed'; picks: Pick[] })
  | (DecisionBase & {
    kind: 'unsold'; picks: []; reason: UnsoldReason;
    /** Kept until somebody is there for it (push D4, force D5): decide again when that changes. */
    held?: boolean;
  });
