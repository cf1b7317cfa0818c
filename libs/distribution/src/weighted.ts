/**
 * Weighted. Without a reset by credit: every eligible earns its share of a lead, the winner pays 1, and the winner is chosen by Tijdeman's
 * rule (1980), which keeps everybody within one lead of its due, for any weights (W2, W5). With a reset the ratio is met within the
 * interval (W3). Credits are sums of shares in floating point: they are compared with a tolerance far below any share.
 */
import { resetBucket } from './newcomers.js';
import type { Phase } from './phases.js';
import { FATE, type Field, type Plan } from './plan.js';
import { comparator, equalBefore, tieColumns, type Column } from './ranking.js';
import { largestCount } from './revenue.js';
import type { Scene } from './scene.js';
import type { State } from './state.js';

const TOLERANCE = 1e-9;
/** What a weighted phase moves when its plan is reserved: who earned what (per pick, a share of it is taken back by a rejection). */
export interface Earnings { phase: number; picks: number; keys: string[]; earned: number[]; interval: string | null }

export function weightOf(phase: Phase, field: Field, candidate: number): number {
  const contract = field.contracts[candidate]!;
  return phase.byClient ? contract.client.weight : contract.weight;
}

function bearer(phase: Phase, field: Field, candidate: number): string {
  const contract = field.contracts[candidate]!;
  return phase.byClient ? contract.client.id : contract.id;
}

export interface WeightedResult { earnings: Earnings; columns: Column[]; candidates: readonly number[] }

/** Picks up to `take` of the candidates into the plan. */
export function pickWeighted(
  scene: Scene, field: Field, phase: Phase, place: number, candidates: readonly number[], take: number, plan: Plan,
): WeightedResult {
  const weighing = candidates.filter((candidate) => {
    if (weightOf(phase, field, candidate) > 0) return true;
    plan.note(candidate, FATE.noWeight);
    return false;
  });
  // Who cannot be sold to cannot win, so it does not earn: a credit saved up that way would flood it later.
  const eligible = weighing.filter((candidate) => plan.fits(candidate));
  // Sums of shares are made in order of entry, so that their last bit does not hang on where a contract stands in the index.
  eligible.sort((a, b) => field.contracts[a]!.entry - field.contracts[b]!.entry);
  const before = plan.picks.length;
  const wanted = Math.min(take, plan.room, largestCount(field, eligible, plan.buyers));
  let result = run(scene, field, phase, place, eligible, wanted, plan);
  // Sharing may leave fewer picks than were meant; then everybody earned for too many, and it is done again for one less.
  while (plan.picks.length - before < result.earnings.picks && plan.picks.length > before) {
    plan.dropFrom(before);
    result = run(scene, field, phase, place, eligible, result.earnings.picks - 1, plan);
  }
  if (plan.picks.length - before < take) for (const candidate of weighing) plan.noteSharedGate(candidate);
  return result;
}

function run(
  scene: Scene, field: Field, phase: Phase, place: number, eligible: readonly number[], picks: number, plan: Plan,
): WeightedResult {
  const bucket = resetBucket(scene.state, phase.key, phase.reset, phase.zone, scene.now);
  const ties = tieColumns(scene, field, phase, eligible);
  const order = [...eligible.keys()].sort(comparator(ties));
  // RR6: the tie-break's rotation moves where a tie was really broken by the turn.
  const turn = ties.findIndex(({ name }) => name === 'turn');
  const equal = (a: number, b: number) => turn >= 0 && equalBefore(ties, turn, a, b);
  const ids = eligible.map((candidate) => bearer(phase, field, candidate));
  const weights = eligible.map((candidate) => weightOf(phase, field, candidate));
  const { keys, earned, shown, score } = standings(scene.state, phase, ids, weights, picks, bucket);
  const taken = new Set<number>();
  for (let pick = 0; pick < picks; pick++) {
    const mayWin = (candidate: number) => !taken.has(candidate) && plan.fits(eligible[candidate]!);
    const best = bestOf(topOf(field, eligible, order, mayWin), (candidate) => (mayWin(candidate) ? score(candidate) : null), equal);
    if (!best) break;
    taken.add(best.candidate);
    plan.tryPick(eligible[best.candidate]!, place, best.tied);
    score(best.candidate, true);
  }
  const values = shown.map((value) => -value);
  return { earnings: { phase: place, picks, keys, earned, interval: bucket },
    columns: [{ name: bucket === null ? 'credit' : 'shortfall', values }, ...ties], candidates: eligible };
}

/** A script's score comes before the weights (A7): whom it puts first, the weights choose among. */
function topOf(
  { scores }: Field, eligible: readonly number[], order: readonly number[], mayWin: (candidate: number) => boolean,
): readonly number[] {
  if (!scores) return order;
  const able = order.filter(mayWin);
  const top = able.reduce((most, candidate) => Math.max(most, scores[eligible[candidate]!]!), -Infinity);
  return able.filter((candidate) => scores[eligible[candidate]!] === top);
}

/** A candidate's standing: qualified ones first, then by value, low first. `paid` tells that it won. */
type Score = (candidate: number, paid?: boolean) => [qualified: boolean, value: number];

/** Keys that a reservation moves, what each earns, what each stands at (for the receipt), and how they compare. */
export interface Standings { keys: string[]; earned: number[]; shown: number[]; score: Score }

/**
 * The best by standing, the first of the order among equals; `tied` where `equal` says that the order had no other ground than the turn.
 */
export function bestOf(
  order: readonly number[], score: (candidate: number) => [boolean, number] | null, equal: (a: number, b: number) => boolean = () => true,
): { candidate: number; tied: boolean } | null {
  let best: { candidate: number; standing: [boolean, number]; tied: boolean } | null = null;
  for (const candidate of order) {
    const standing = score(candidate);
    if (!standing) continue;
    const difference = best ? differs(standing, best.standing) : -1;
    if (difference < 0) best = { candidate, standing, tied: false }; else if (difference === 0
      && equal(best!.candidate, candidate)) best!.tied = true;
  }
  return best;
}

function differs(a: [boolean, number], b: [boolean, number]): number {
  if (a[0] !== b[0]) return a[0] ? -1 : 1;
  return Math.abs(a[1] - b[1]) <= TOLERANCE ? 0 : a[1] - b[1];
}

/** Standings by credit: what each has after it earned its share of this lead. */
function byCredit(state: State, phase: { key: string }, ids: readonly string[], weights: readonly number[], picks: number): Standings {
  const keys = ids.map((id) => creditKey(phase, id));
  const shares = sharesOf(weights, picks);
  const credit = keys.map((key, candidate) => state.get(key) + shares[candidate]!);
  const count = ids.length;
  const threshold = count > 1 ? 1 / (2 * count - 2) : 0;
  const score: Score = (candidate, paid = false) => {
    if (paid) credit[candidate]! -= 1;
    const own = credit[candidate]!;
    if (count === 1) return [true, 0];
    return own >= threshold - TOLERANCE ? [true, (1 - threshold - own) / shares[candidate]!] : [false, -own];
  };
  return { keys, earned: shares, shown: credit.slice(), score };
}

/** Standings by what each received of the interval's leads against its share of them. */
function byInterval(state: State, phase: { key: string }, ids: readonly string[], weights: readonly number[], bucket: string): Standings {
  const keys = ids.map((id) => intervalKey(phase, id, bucket));
  const shares = sharesOf(weights, 1);
  const received = keys.map((key) => state.get(key));
  let distributed = state.get(intervalKey(phase, '', bucket));
  const shown = received.map((count, candidate) => shares[candidate]! * (distributed + 1) - count);
  const score: Score = (candidate, paid = false) => {
    if (paid) { received[candidate]! += 1; distributed += 1; }
    return [true, received[candidate]! - shares[candidate]! * (distributed + 1)];
  };
  return { keys, earned: shares, shown, score };
}

/** `bucket` null = by credit. */
export function standings(
  state: State, phase: { key: string }, ids: readonly string[], weights: readonly number[], picks: number, bucket: string | null,
): Standings {
  return bucket === null ? byCredit(state, phase, ids, weights, picks) : byInterval(state, phase, ids, weights, bucket);
}

export function creditKey(phase: { key: string }, id: string): string {
  return `w|${phase.key}|${id}`;
}

/** '' = all that the rule distributed in the interval. */
export function intervalKey(phase: { key: string }, id: string, bucket: string): string {
  return `wint|${phase.key}|${id}|${bucket}`;
}

/** min(1, m · share) each; what is cut off goes to the others in proportion, until nobody is above 1. */
export function sharesOf(weights: readonly number[], picks: number): number[] {
  const shares = weights.map(() => 0);
  let open = weights.map((_, place) => place);
  let left = picks;
  while (open.length > 0) {
    const sum = open.reduce((total, place) => total + weights[place]!, 0);
    const full = open.filter((place) => (left * weights[place]!) / sum >= 1);
    if (full.length === 0) {
      for (const place of open) shares[place] = (left * weights[place]!) / sum;
      break;
    }
    for (const place of full) shares[place] = 1;
    left -= full.length;
    open = open.filter((place) => !full.includes(place));
    if (left <= 0) break;
  }
  return shares;
}
