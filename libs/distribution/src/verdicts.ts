/** What each candidate's fate was, in words. Built only when somebody reads it; the figures were kept when the decision was made. */
import type { Verdict } from './decision.js';
import type { LimitDetail } from './scene.js';
import type { Phase } from './phases.js';
import { FATE, type Field, type Turns } from './plan.js';
import { TAIL } from './ranking.js';
import { GATES, type Gate, type ReasonCode } from './reasons.js';
import type { Ranking } from './run-phases.js';
import type { ContractTerms } from './terms.js';

export interface Fates {
  field: Field;
  fates: readonly number[] | null;
  turns: readonly Turns[];
  /** Whether the take was reached at its turn, by candidate; worked out when first asked. */
  reached?: readonly boolean[];
  /** Gates that a person passed over: they are shown, and are no reason. */
  overrides: number;
  /** Candidates that got the lead. */
  picked: readonly number[];
  /** Those, and where the plan's minimums were missed the ones that would have. */
  planned: readonly number[];
  /** Buyers of the finished plan and of those before it, and the most that all of them allow. */
  buyers: number;
  most: number;
  details: readonly [candidate: number, figures: { gate: number; detail: LimitDetail }[]][];
  words: Map<number, string> | null;
  rankings: readonly Ranking[];
  phases: readonly Phase[];
  /** By no rules at all: a person, or a client that takes it from the pool. */
  byHand: boolean;
}

/** The gate of the lowest bit: the first reason in the order of precedence. */
export function firstGate(mask: number): Gate {
  return GATES[31 - Math.clz32(mask & -mask)]!;
}

export function gatesIn(mask: number): Gate[] {
  const gates: Gate[] = [];
  for (let left = mask; left !== 0; left &= left - 1) gates.push(firstGate(left));
  return gates;
}

export function codeOf(fates: Fates, candidate: number): 'picked' | ReasonCode {
  if (fates.picked.includes(candidate)) return 'picked';
  const mask = fates.field.masks[candidate]! & ~fates.overrides;
  if (mask !== 0) return firstGate(mask);
  const fate = fates.fates?.[candidate] ?? 0;
  if (!isInSomeRule(fates, fates.field.contracts[candidate]!)) return 'not_in_rule';
  if (fate & FATE.noWeight) return 'no_weight';
  if (fate & FATE.heldBack) return 'held_back';
  if (fate & FATE.sibling || hasSiblingIn(fates, candidate)) return 'sibling';
  if (fate & FATE.ruleMinimum) return 'rule_minimum';
  if (fate & FATE.totalMinimum) return 'total_minimum';
  fates.reached ??= reachedOf(fates);
  if (fates.reached[candidate]) return 'outranked';
  const { buyers, most, field } = fates;
  return buyers >= most || buyers >= field.contracts[candidate]!.maxShareCount ? 'share_count' : 'outranked';
}

/** How many contracts had each reason. Most were shut by a gate or outranked, and that is told from their bits alone. */
export function countsOf(fates: Fates): Partial<Record<ReasonCode, number>> {
  const { field: { contracts, masks }, picked, overrides } = fates;
  shut.fill(0);
  const counts: Partial<Record<ReasonCode, number>> = {};
  for (let candidate = 0; candidate < contracts.length; candidate++) {
    const mask = masks[candidate]! & ~overrides;
    if (mask !== 0 && !picked.includes(candidate)) { shut[31 - Math.clz32(mask & -mask)]!++; continue; }
    const code = codeOf(fates, candidate);
    if (code !== 'picked') counts[code] = (counts[code] ?? 0) + 1;
  }
  for (let gate = 0; gate < GATES.length; gate++) if (shut[gate]! > 0) counts[GATES[gate]!] = (counts[GATES[gate]!] ?? 0) + shut[gate]!;
  return counts;
}
/** Contracts by the gate that shut first; counting does not overlap in time. */
const shut = new Int32Array(32);

/** Another contract of its client, or contract group, is in the plan (M5). */
function hasSiblingIn({ field, planned }: Fates, candidate: number): boolean {
  const { client, contractGroup } = field.contracts[candidate]!;
  for (const pick of planned) {
    if (pick === candidate) continue;
    const other = field.contracts[pick]!;
    if (other.client === client || (contractGroup !== undefined && contractGroup === other.contractGroup)) return true;
  }
  return false;
}

/** The last phase that let a candidate in is the one whose take counts. */
function reachedOf({ field, turns }: Fates): boolean[] {
  const reached = new Array<boolean>(field.contracts.length).fill(false);
  for (const turn of turns) {
    if (turn.skipped === null) for (const candidate of turn.candidates) reached[candidate] = turn.reached;
    else for (const candidate of turn.candidates) reached[candidate] = turn.reached && !turn.skipped.has(candidate);
  }
  return reached;
}

/** Also of phases that were not run, because a group before them sold. */
function isInSomeRule({ phases, byHand }: Fates, contract: ContractTerms): boolean {
  if (byHand) return true;
  for (const { filter } of phases) if (filter === null || filter(contract)) return true;
  return false;
}

/** In order of entry, so that the place a contract has in the index shows nowhere. */
export function verdictsOf(fates: Fates): Verdict[] {
  const { contracts, masks } = fates.field;
  const ranks = ranksOf(fates);
  const details = new Map(fates.details);
  const order = contracts.map((_, candidate) => candidate).sort((a, b) => contracts[a]!.entry - contracts[b]!.entry);
  return order.map((candidate) => {
    const { id, client } = contracts[candidate]!;
    const code = codeOf(fates, candidate);
    const verdict: Verdict = { contractId: id, clientId: client.id, code, gates: code === 'picked' ? [] : gatesIn(masks[candidate]!) };
    const standing = masks[candidate]! & ~fates.overrides;
    const first = Math.log2(standing & -standing);
    const figures = details.get(candidate);
    const detail = (figures?.find(({ gate }) => gate === first) ?? figures?.[0])?.detail;
    if (detail && code !== 'picked') verdict.limit = detail;
    const words = fates.words?.get(candidate);
    if (words !== undefined) verdict.detail = words;
    const rank = ranks.get(candidate);
    if (rank) verdict.rank = rank;
    return verdict;
  });
}

function ranksOf({ rankings, phases, field }: Fates): Map<number, NonNullable<Verdict['rank']>> {
  const ranks = new Map<number, NonNullable<Verdict['rank']>>();
  for (const { phase, candidates, columns } of rankings) {
    if (columns.length === 0) continue;
    const { key, method } = phases[phase]!;
    candidates.forEach((candidate, place) => {
      const keys: Record<string, number> = {};
      for (const { name, values } of columns) if (name !== TAIL && !(name in keys)) keys[name] = finite(values[place]!, name,
        field.contracts[candidate]!);
      const { quality, entry } = field.contracts[candidate]!;
      keys.qualityScore ??= quality;
      keys.price ??= field.prices[candidate]!;
      keys.entry = entry;
      ranks.set(candidate, { rule: key, method, keys });
    });
  }
  return ranks;
}

/** Columns are compared low first, so what ranks high first stands negated; JSON has no infinity, so what is unset is left at a bound. */
function finite(value: number, name: string, contract: ContractTerms): number {
  if (name === 'turn' && value < 0) return contract.entry;
  const shown = HIGH_FIRST.has(name) ? -value : value;
  return Number.isFinite(shown) ? shown + 0 : Number.MAX_SAFE_INTEGER;
}
const HIGH_FIRST = new Set(['score', 'price', 'qualityScore', 'weight', 'percentage', 'shortfall', 'credit']);
