/**
 * A decision receipt: what was decided and why, kept as text for as long as the attempt. It holds the verdict of every contract that
 * passed the criteria index; `explain` adds the rest from the same configuration version.
 */
import type { Decision, Gate, Request, Verdict } from '@sluice/distribution';

export interface ReceiptPick {
  readonly outboundLeadId: string;
  readonly contractId: string;
  readonly clientId: string;
  readonly rule: string;
  /** Minor units as text. */
  readonly priceMinor: string;
  readonly trial?: boolean;
  readonly overridden?: readonly Gate[];
  readonly via?: readonly string[];
}

export interface Receipt {
  readonly round: number;
  readonly workflowId?: string;
  readonly actor?: string;
  readonly requestId?: string;
  readonly windowGeneration?: number;
  readonly picks: readonly ReceiptPick[];
  readonly full: boolean;
  readonly minimumsMet: boolean;
  readonly considered: Decision['considered'];
  readonly verdicts: readonly Verdict[];
}

/** Who asked for the attempt, and what for. */
export interface Asked {
  readonly request: Request;
  readonly requestId?: string;
  readonly windowGeneration?: number;
}

/** Verdicts stand as short lists: a lead that forty contracts match would cost more in field names than in facts. */
type VerdictLine = [contractId: string, clientId: string, code: string, gates?: readonly Gate[] | 0, limit?: Verdict['limit'] | 0,
  detail?: string | 0, rank?: Verdict['rank']];

export function receiptText(decision: Decision, round: number, outboundLeadIds: readonly string[], asked: Asked): string {
  const { request, requestId, windowGeneration } = asked;
  return JSON.stringify({
    round,
    workflowId: decision.workflowId,
    actor: request.actor,
    requestId,
    windowGeneration,
    picks: decision.picks.map((pick, place): ReceiptPick => ({
      outboundLeadId: outboundLeadIds[place] ?? '',
      contractId: pick.contractId,
      clientId: pick.clientId,
      rule: pick.rule,
      priceMinor: String(pick.priceMinor),
      ...(pick.trial ? { trial: true } : {}),
      ...(pick.overridden.length > 0 ? { overridden: pick.overridden } : {}),
      ...(pick.via ? { via: pick.via } : {}),
    })),
    full: decision.full,
    minimumsMet: decision.minimumsMet,
    considered: decision.considered,
    verdicts: decision.verdicts.map(lineOf),
  });
}

/** The receipt of an attempt in which the decision itself threw: nobody was looked at to the end. */
export function faultyReceiptText(round: number, asked: Asked): string {
  const { request, requestId, windowGeneration } = asked;
  const considered: Decision['considered'] = { inScope: 0, notMatched: 0, reasons: { internal_error: 1 } };
  return JSON.stringify({ round, actor: request.actor, requestId, windowGeneration, picks: [], full: false, minimumsMet: false,
    considered, verdicts: [] });
}

/** Text → receipt. */
export function parseReceipt(text: string): Receipt {
  const stored = JSON.parse(text) as Omit<Receipt, 'verdicts'> & { verdicts: VerdictLine[] };
  return { ...stored, verdicts: stored.verdicts.map(verdictOf) };
}

function lineOf(verdict: Verdict): VerdictLine {
  const line: VerdictLine = [
    verdict.contractId, verdict.clientId, verdict.code, verdict.gates.length > 0 ? verdict.gates : 0, verdict.limit ?? 0,
    verdict.detail ?? 0, verdict.rank,
  ];
  while (line.length > 3 && !line[line.length - 1]) line.pop();
  return line;
}

function verdictOf(line: VerdictLine): Verdict {
  const [contractId, clientId, code, gates, limit, detail, rank] = line;
  return {
    contractId,
    clientId,
    code: code as Verdict['code'],
    gates: gates ? [...gates] : [],
    ...(limit ? { limit } : {}),
    ...(detail ? { detail } : {}),
    ...(rank ? { rank } : {}),
  };
}
