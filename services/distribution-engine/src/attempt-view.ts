/** Attempts and verdicts as the API shows them. */
import type { Verdict } from '@sluice/distribution';
import { csvLine } from './csv.js';
import type { Receipt } from './receipt.js';

export interface ShownAttempt {
  readonly attemptId: string;
  readonly leadId: string;
  readonly at: string;
  readonly trigger: string;
  readonly round: number;
  /** Who asked for it; null: the system. */
  readonly actor: string | null;
  /** What that person gave as the reason. */
  readonly givenReason: string | null;
  readonly workflowId: string | null;
  readonly campaignId: string | null;
  readonly configurationVersion: number;
  readonly outcome: 'distributed' | 'unsold';
  readonly reason: string | null;
  readonly picks: Receipt['picks'];
}

/** A row of attempts; the receipt is read once. */
export interface AttemptOfStore {
  readonly attemptId: string;
  readonly leadId: string;
  readonly at: number;
  readonly trigger: string;
  readonly version: number;
  readonly outcome: string;
  readonly campaignId?: string | null;
}

type Head = Pick<Receipt, 'round' | 'actor' | 'reason' | 'picks' | 'workflowId'>;

/** An attempt of a list: of its receipt, whole or only its head, no verdict is read. */
export function attemptView(attempt: AttemptOfStore & { readonly receipt: string }): ShownAttempt {
  return viewOf(attempt, JSON.parse(attempt.receipt) as Head);
}

export function viewOf(attempt: AttemptOfStore, receipt: Head): ShownAttempt {
  const { attemptId, leadId, at, trigger, version, outcome, campaignId } = attempt;
  const { round, actor, reason, picks, workflowId } = receipt;
  const isDistributed = outcome === 'distributed';
  return {
    attemptId, leadId, at: new Date(at).toISOString(), trigger, round, actor: actor ?? null, givenReason: reason ?? null,
    workflowId: workflowId ?? null, campaignId: campaignId || null, configurationVersion: version,
    outcome: isDistributed ? 'distributed' : 'unsold', reason: isDistributed ? null : outcome, picks,
  };
}

export function verdictView({ contractId, clientId, code, gates, limit, detail, rank }: Verdict) {
  return { contractId, clientId, code, gates, limit: limit ?? null, detail: detail ?? null, rank: rank ?? null };
}

const ATTEMPT_COLUMNS = ['attemptId', 'leadId', 'at', 'trigger', 'round', 'actor', 'givenReason', 'workflowId', 'campaignId',
  'configurationVersion', 'outcome', 'reason', 'contracts', 'pricesMinor'] as const;

export const attemptCsvHeader = csvLine(ATTEMPT_COLUMNS);

export function attemptCsv(attempt: ShownAttempt): string {
  const flat = {
    ...attempt, contracts: attempt.picks.map(({ contractId }) => contractId).join(' '),
    pricesMinor: attempt.picks.map(({ priceMinor }) => priceMinor).join(' '),
  };
  return csvLine(ATTEMPT_COLUMNS.map((name) => flat[name]));
}
