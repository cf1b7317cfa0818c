/** What a decision is asked and what it answers. */
import type { Client, Contract, Method } from './document.js';
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

/** A contract as scripts are asked about it: its terms as the document has them, and its client's. */
export interface AskedContract {
  readonly id: string;
  readonly body: Contract;
  readonly client: { readonly id: string; readonly body: Client };
}

/** What scripts say of contracts, by their place in the list that they were asked about. null = no script has a say. */
export interface Judgement {
  /** Words why a contract must not get the lead; null lets it. */
  refusals: readonly (string | null)[] | null;
  /** Sorts before the rule's method, high first; finite. What is said of a contract that is refused does not count. */
  scores: readonly number[] | null;
}

/**
 * Scripts (A7). They must be deterministic: the same lead, contracts and instant get the same answer. Not asked of what a client takes
 * from the pool, nor of push.
 */
export interface Hooks {
  /** Asked at most once a decision, of the contracts that passed every gate, in order of entry. */
  judge?(lead: Lead, contracts: readonly AskedContract[], now: number): Judgement;
  /** Of a plan made by rules, in the order of its picks: the ids that stay. It can only take picks away. */
  afterPlan?(lead: Lead, contracts: readonly AskedContract[], now: number): readonly string[];
  /** Asked behind a decision: a script failed after it had a say, so that it must be made once more, without it. */
  again?(): boolean;
  /** What became of each script in the decision that was just made, for its receipt; asked once, behind it. Of a trial: of its script. */
  notes?(lead: Lead, now: number): readonly ScriptNote[];
  /** Scripts on trial for this lead (shadow). With the hooks of each the decision is made once more, and the difference noted. */
  trials?(lead: Lead, now: number): readonly Hooks[];
}

export type ScriptHook = 'filter' | 'score' | 'afterPlan';

/** What became of a script in one decision. */
export interface ScriptNote {
  id: string;
  version: number;
  /** `shadow`: it ran, and decided nothing; its difference is beside it. `failed`: it was left out, the built-in method decided. */
  status: 'applied' | 'failed' | 'notTriggered' | 'shadow';
  /** failed: `error`, `steps`, `memory`, `time`, `result`; notTriggered: `contracts`, `when`, `noContracts`, `suspended`. */
  reason?: string;
  /** The same for a person: the failing condition, the script's own error. */
  words?: string;
  hook?: ScriptHook;
  /** shadow: contracts that would have lost and won the lead by it; absent where nothing would have differed. */
  lost?: readonly string[];
  won?: readonly string[];
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
  /** What became of the scripts; absent where there are none. */
  scripts?: readonly ScriptNote[];
}

export type Decision =
  | (DecisionBase & { kind: 'distributed'; picks: Pick[] })
  | (DecisionBase & {
    kind: 'unsold'; picks: []; reason: UnsoldReason;
    /** Kept until somebody is there for it (push D4, force D5): decide again when that changes. */
    held?: boolean;
  });
