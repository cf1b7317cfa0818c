/**
 * A decision receipt: what was decided and why, kept as text for as long as the attempt. It holds the verdict of every contract that
 * passed the criteria index; `explain` adds the rest from the same configuration version.
 */
import type { Decision, Gate, Method, Request, ScriptNote, UnsoldReason, Verdict } from '@sluice/distribution';
import type { Outlook } from './outlook.js';

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
  /** Why a person asked for it, in his words. */
  readonly reason?: string;
  /** What was asked for and could not be granted: contracts that nobody knows, gates that are none or bind always. */
  readonly ignored?: readonly string[];
  readonly windowGeneration?: number;
  /** ISO instants. */
  readonly nextChanceAt?: string;
  readonly held?: boolean;
  readonly heldUntil?: string;
  readonly picks: readonly ReceiptPick[];
  readonly full: boolean;
  readonly minimumsMet: boolean;
  readonly considered: Decision['considered'];
  /** What became of each script that was on and of the lead's campaign; absent where there was none. */
  readonly scripts?: readonly ScriptNote[];
  readonly verdicts: readonly Verdict[];
}

/** Who asked for the attempt, and what for. */
export interface Asked {
  readonly request: Request;
  readonly requestId?: string;
  readonly windowGeneration?: number;
  readonly reason?: string;
  readonly ignored?: readonly string[];
  /** What was asked for cannot be decided: nobody gets the lead, for this reason. */
  readonly refused?: UnsoldReason;
}

/** Verdicts stand as short lists: of a lead that forty contracts match, the names of the fields would cost more than the facts. */
type VerdictLine = [
  contractId: string, clientId: string, code: string, rank?: readonly number[] | 0, gates?: readonly Gate[] | 0,
  limit?: Verdict['limit'] | 0,
  detail?: string,
];

/** By which rule and keys contracts were ranked. A receipt has few of them; a verdict names one by its place, and then the keys' values. */
type RankShape = [rule: string, method: string, ...keys: string[]];

type StoredReceipt = Omit<Receipt, 'verdicts'> & { readonly ranks: readonly RankShape[]; readonly verdicts: readonly VerdictLine[] };

export function receiptText(decision: Decision, round: number, outboundLeadIds: readonly string[], asked: Asked, outlook: Outlook): string {
  const ranks: RankShape[] = [];
  const verdicts = decision.verdicts.map((verdict) => lineOf(verdict, ranks));
  const receipt: StoredReceipt = {
    round,
    workflowId: decision.workflowId,
    ...askedIn(asked),
    nextChanceAt: outlook.nextChanceAt,
    held: outlook.held || undefined,
    heldUntil: outlook.heldUntil,
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
    scripts: decision.scripts,
    ranks,
    verdicts,
  };
  return JSON.stringify(receipt);
}

/** The receipt of an attempt in which the decision itself threw: nobody was looked at to the end. */
export function faultyReceiptText(round: number, asked: Asked): string {
  const considered: Decision['considered'] = { inScope: 0, notMatched: 0, reasons: { internal_error: 1 } };
  const receipt: StoredReceipt = {
    round, ...askedIn(asked), picks: [], full: false, minimumsMet: false, considered, ranks: [],
    verdicts: [],
  };
  return JSON.stringify(receipt);
}

function askedIn({ request: { actor }, requestId, reason, ignored, windowGeneration }: Asked) {
  return { actor, requestId, reason, ignored, windowGeneration };
}

/** Text → receipt. */
export function parseReceipt(text: string): Receipt {
  const { ranks, verdicts, ...receipt } = JSON.parse(text) as StoredReceipt;
  return { ...receipt, verdicts: verdicts.map((line) => verdictOf(line, ranks)) };
}

function lineOf({ contractId, clientId, code, rank, gates, limit, detail }: Verdict, ranks: RankShape[]): VerdictLine {
  const line: VerdictLine = [contractId, clientId, code, rank ? rankLine(rank, ranks) : 0, gates.length > 0 ? gates : 0, limit ?? 0,
    detail];
  while (line.length > 3 && !line[line.length - 1]) line.pop();
  return line;
}

/** Most contracts of a decision were ranked by one rule: its shape is found at the first try, and no list of names is made. */
function rankLine(rank: NonNullable<Verdict['rank']>, ranks: RankShape[]): number[] {
  for (let shape = ranks.length - 1; shape >= 0; shape--) {
    const line = valuesIn(rank, ranks[shape]!, shape);
    if (line) return line;
  }
  const shape: RankShape = [rank.rule, rank.method, ...Object.keys(rank.keys)];
  return valuesIn(rank, shape, ranks.push(shape) - 1)!;
}

/** The values of a ranking's keys, behind the place of its shape; undefined where it is of another. */
function valuesIn({ rule, method, keys }: NonNullable<Verdict['rank']>, shape: RankShape, place: number): number[] | undefined {
  if (shape[0] !== rule || shape[1] !== method) return undefined;
  const line = [place];
  for (const name in keys) {
    if (shape[line.length + 1] !== name) return undefined;
    line.push(keys[name]!);
  }
  return line.length === shape.length - 1 ? line : undefined;
}

function verdictOf([contractId, clientId, code, rank, gates, limit, detail]: VerdictLine, ranks: readonly RankShape[]): Verdict {
  const verdict: Verdict = { contractId, clientId, code: code as Verdict['code'], gates: gates ? [...gates] : [] };
  if (limit) verdict.limit = limit;
  if (detail) verdict.detail = detail;
  if (rank) verdict.rank = rankOf(rank, ranks);
  return verdict;
}

function rankOf([shape, ...values]: readonly number[], ranks: readonly RankShape[]): NonNullable<Verdict['rank']> {
  const [rule, method, ...names] = ranks[shape!]!;
  return { rule, method: method as Method, keys: Object.fromEntries(names.map((name, place) => [name, values[place]!])) };
}
