import { formatMoney } from '@sluice/kernel';
import { bar, table } from '../table.js';

interface Limit {
  readonly scope: string;
  readonly id: string;
  readonly window: string;
  readonly metric: string;
  readonly used: number;
  readonly limit: number;
}

interface Rank {
  readonly rule: string;
  readonly method: string;
  readonly keys: Readonly<Record<string, number>>;
}

export interface ShownAttempt {
  readonly attemptId: string;
  readonly at: string;
  readonly trigger: string;
  readonly actor: string | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly givenReason: string | null;
  readonly picks: readonly { readonly contractId: string; readonly overridden?: readonly string[] }[];
}

export interface ExplainedContract {
  readonly contractId: string;
  readonly code: string;
  readonly gates: readonly string[];
  readonly limit: Limit | null;
  readonly detail: string | null;
  readonly words: string;
  readonly change: { readonly words: string } | null;
}

export interface Explanation {
  /** Of the amounts in ranks and limits, which stand in minor units. */
  readonly currency: string;
  readonly basis: 'replayed' | 'now';
  readonly basisReason: string | null;
  readonly contracts: readonly ExplainedContract[];
  /** Of every script of the configuration, why it had a say or had none. */
  readonly scripts?: readonly { readonly id: string; readonly status: string; readonly sentence: string }[];
}

export interface Receipt {
  readonly verdicts: readonly { readonly contractId: string; readonly code: string; readonly rank: Rank | null }[];
}

/** A line an attempt, runs of equal ones as one; the one that is explained has an arrow. */
export function attemptLines(attempts: readonly ShownAttempt[], asked: ShownAttempt): string[] {
  const lines: string[] = [];
  for (let from = 0; from < attempts.length;) {
    const attempt = attempts[from]!;
    let to = from + 1;
    while (to < attempts.length && said(attempts[to]!) === said(attempt)) to++;
    const isAsked = attempts.slice(from, to).includes(asked);
    const times = to - from > 1 ? `  ×${to - from}, the last ${short(attempts[to - 1]!.at)}` : '';
    lines.push(`${isAsked ? '→' : ' '} ${short(attempt.at)}  ${said(attempt)}${times}`);
    from = to;
  }
  return lines;
}

const short = (instant: string) => instant.slice(0, 19).replace('T', ' ');

function said({ trigger, actor, outcome, reason, givenReason, picks }: ShownAttempt): string {
  const passedOver = [...new Set(picks.flatMap(({ overridden }) => overridden ?? []))];
  const by = actor ? ` by ${actor}` : '';
  const what = outcome === 'distributed' ? picks.map(({ contractId }) => contractId).join(', ') : `nobody (${reason ?? ''})`;
  return `${trigger}${by}: ${what}${passedOver.length > 0 ? `, past ${passedOver.join(', ')}` : ''}${givenReason ? `; "${givenReason}"` : ''}`;
}

/** `inFull`: with all its gates and figures below. */
export function contractLines(
  { contractId, code, gates, limit, detail, words }: ExplainedContract, currency: string, inFull: boolean,
): string[] {
  const lines = [`${code === 'picked' ? '✓' : '✗'} ${words}`];
  if (!inFull) return lines;
  for (const gate of gates) {
    const figures = limit && limitGate(limit) === gate ? figuresOf(limit, currency) : '';
    const shut = gate === 'criteria' || gate === 'script' ? detail ?? '' : figures;
    lines.push(`  shut: ${gate}${shut ? `  ${shut}` : ''}`);
  }
  if (code !== 'picked' && gates.length === 0) lines.push(`  ${contractId} passed every gate; ${code}`);
  return lines;
}

function figuresOf({ scope, id, metric, used, limit }: Limit, currency: string): string {
  const shown = (value: number) => (metric === 'amount' ? `${formatMoney(BigInt(Math.round(value)), currency)} ${currency}` : String(value));
  return `${shown(used)} of ${shown(limit)} used, of ${scope} ${id}`;
}

function limitGate({ scope, window }: Limit): string {
  if (scope === 'order') return 'order_exhausted';
  return window === 'credit' ? 'credit_limit' : window === 'rolling60m' ? 'cap_hour' : `cap_${window}`;
}

/** Keys that rank high first; all others rank low first. */
const HIGH_FIRST: ReadonlySet<string> = new Set(['score', 'price', 'qualityScore', 'weight', 'percentage', 'shortfall', 'credit']);
const NEIGHBOURS = 4;

/** Where it stood among those that its rule ranked: the best, its neighbours, and itself. */
export function rankLines({ verdicts }: Receipt, contractId: string, currency: string): string[] {
  const own = verdicts.find((verdict) => verdict.contractId === contractId)?.rank;
  if (!own) return [];
  const keys = Object.keys(own.keys);
  const ranked = verdicts.flatMap(({ rank, ...verdict }) => (rank?.rule === own.rule ? [{ ...verdict, keys: rank.keys }] : []));
  ranked.sort((a, b) => {
    const key = keys.find((each) => a.keys[each] !== b.keys[each]);
    return key === undefined ? 0 : ((a.keys[key] ?? 0) - (b.keys[key] ?? 0)) * (HIGH_FIRST.has(key) ? -1 : 1);
  });
  const place = ranked.findIndex((each) => each.contractId === contractId);
  const first = keys[0] ?? '';
  const most = Math.max(...ranked.map(({ keys: values }) => Math.abs(values[first] ?? 0)));
  const shown = ranked.map((each, at) => ({ ...each, at })).filter(({ at }) => at < NEIGHBOURS || Math.abs(at - place) <= 1);
  const rows = shown.map(({ at, contractId: id, code, keys: values }) => [
    `${id === contractId ? '→' : ' '} ${at + 1}`, id, ...keys.map((key) => valueOf(key, values[key] ?? 0, currency)),
    HIGH_FIRST.has(first) && most > 0 ? bar(Math.max(0, values[first] ?? 0) / most, 10).padEnd(10) : '', code === 'picked' ? 'got it' : code,
  ]);
  const columns = [{ title: '   #' }, { title: 'contract' }, ...keys.map((title) => ({ title, right: true })), { title: '' }, { title: '' }];
  return ['', `  By ${own.method} in ${own.rule}, ${place + 1} of ${ranked.length}:`, ...table(columns, rows)];
}

function valueOf(key: string, value: number, currency: string): string {
  if (Math.abs(value) >= Number.MAX_SAFE_INTEGER) return '–';
  if (key === 'price') return formatMoney(BigInt(Math.round(value)), currency);
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}
