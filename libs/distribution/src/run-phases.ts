/** Delivery groups and rules, top to bottom on what is left (K1); what a phase picks stays unless its minimum turnover is missed (K2). */
import type { Phase } from './phases.js';
import { FATE, Plan, type Field, type Turns } from './plan.js';
import { percentageColumns, percentageKey } from './percentage.js';
import { column, columnsOf, equalBefore, methodColumns, Ranked, tail, type Column } from './ranking.js';
import { bestSet } from './revenue.js';
import { stands, type Scene } from './scene.js';
import { pickWeighted, weightOf, type Earnings } from './weighted.js';

/** How a phase ranked its candidates, for the receipt. */
export interface Ranking { phase: number; candidates: readonly number[]; columns: Column[] }

export interface Outcome {
  plan: Plan;
  rankings: Ranking[];
  turns: Turns[];
  earnings: Earnings[];
  /** Percentage rules that the lead reached, as counter keys. */
  reached: string[];
  rulesMet: string[];
  /** The takes leave no room for a further buyer. */
  takesFull: boolean;
}

/** Runs the phases over the candidates that passed every gate. `skip`: phases that are left out because they would miss their minimum. */
export function runPhases(
  scene: Scene, field: Field, eligible: readonly number[], phases: readonly Phase[], skip: ReadonlySet<number>,
): Outcome {
  const outcome: Outcome = { plan: new Plan(scene, field), rankings: [], turns: [], earnings: [], reached: [], rulesMet: [],
    takesFull: phases.length > 0 };
  const { plan } = outcome;
  for (let place = 0; place < phases.length; place++) {
    const phase = phases[place]!;
    const standing = scene.life.picks.length === 0 ? 0
      : scene.life.picks.filter((holding) => stands(holding) && holding.rule === phase.key).length;
    const take = phase.take - standing;
    const before = plan.picks.length;
    const candidates = phase.filter === null && before === 0 ? eligible
      : eligible.filter((candidate) => (phase.filter === null || phase.filter(field.contracts[candidate]!)) && !plan.isPicked(candidate));
    runPhase(scene, field, phase, place, candidates, take, outcome);
    if (skip.has(place)) dropAll(outcome, place, before);
    else if (plan.picks.length > before) meetMinimum(scene, phase, place, before, outcome);
    const made = plan.picks.length - before;
    if (made < take) outcome.takesFull = false;
    // Those behind it never have their turn, so that only the takes up to it count.
    if (phase.stopOnSold && made + standing > 0) break;
  }
  return outcome;
}

function runPhase(scene: Scene, field: Field, phase: Phase, place: number, found: readonly number[], take: number, outcome: Outcome): void {
  const { plan } = outcome;
  // Emptying a set makes it anew, even one that is empty.
  if (skipped.size > 0) skipped.clear();
  if (plan.room > 0 && phase.method === 'percentage') outcome.reached.push(percentageKey(phase, '', scene.now));
  const before = plan.picks.length;
  const candidates = phase.byClient ? representatives(scene, field, phase, found, plan) : found;
  if (take > 0 && plan.room > 0 && candidates.length > 0) pickInto(scene, field, phase, place, candidates, take, outcome);
  else if (candidates.length > 0) outcome.rankings.push({ phase: place, candidates, columns: [] });
  const reached = take - (plan.picks.length - before) <= 0;
  outcome.turns.push({ candidates: found, reached, skipped: skipped.size > 0 ? new Set(skipped) : null });
}

/** Candidates that came before the last pick and were passed over, so that no take had been reached at their turn. */
const skipped = new Set<number>();

function pickInto(
  scene: Scene, field: Field, phase: Phase, place: number, candidates: readonly number[], take: number, outcome: Outcome,
): void {
  const { plan } = outcome;
  if (phase.method === 'weighted') {
    const result = pickWeighted(scene, field, phase, place, candidates, take, plan);
    if (plan.picks.some((pick) => pick.phase === place)) outcome.earnings.push(result.earnings);
    outcome.rankings.push({ phase: place, candidates: result.candidates, columns: result.columns });
    // Who could not take part from the start had no turn that a take could have come before.
    const ranked = new Set(result.candidates);
    for (const candidate of candidates) if (!ranked.has(candidate)) skipped.add(candidate);
    return;
  }
  if (phase.method === 'turnover' || phase.method === 'leadCount' || (phase.method === 'price' && phase.separate)) {
    const set = bestSet(scene, field, phase, candidates, Math.min(take, plan.room), plan);
    for (const candidate of set) plan.tryPick(candidate, place, phase.secondary === 'roundRobin');
    // A limit that the set itself used up is a reason, and what the others wait for.
    if (set.length < take) for (const candidate of candidates) plan.noteSharedGate(candidate);
    outcome.rankings.push({ phase: place, candidates, columns: columnsOf(scene, field, phase, candidates) });
    return;
  }
  const ranked = phase.method === 'percentage' ? percentageColumns(scene, field, phase, candidates, plan)
    : { candidates, columns: columnsOf(scene, field, phase, candidates) };
  outcome.rankings.push({ phase: place, candidates: ranked.candidates, columns: ranked.columns });
  pickBest(phase, place, ranked.candidates, ranked.columns, take, plan);
}

/** Best first, whoever cannot take part being passed over (M4), until the take is reached or nobody further fits. */
function pickBest(phase: Phase, place: number, candidates: readonly number[], columns: readonly Column[], take: number, plan: Plan): void {
  const ranked = new Ranked(candidates.length, columns);
  // RR6: a rotation that is only the tie-break moves where a tie was really broken.
  const decisive = phase.method !== 'roundRobin' && (phase.secondary === 'roundRobin' || phase.base === 'roundRobin');
  const turn = decisive ? columns.findIndex(({ name }) => name === 'turn') : -1;
  for (let left = take; left > 0 && plan.room > 0;) {
    const best = ranked.next();
    if (best < 0) return;
    const rotates = decisive ? turnDecides(columns, turn, best, candidates, plan) : phase.method === 'roundRobin';
    if (plan.tryPick(candidates[best]!, place, rotates)) left--; else skipped.add(candidates[best]!);
  }
}

/** Somebody else, equal in all that comes before the turn, could have been taken instead. */
function turnDecides(columns: readonly Column[], turn: number, best: number, candidates: readonly number[], plan: Plan): boolean {
  return candidates.some((candidate, place) => place !== best && equalBefore(columns, turn, best, place) && !plan.isPicked(candidate)
    && plan.fits(candidate));
}

/** K0: each client's best eligible contract stands for it, by the client's own method. */
function representatives(scene: Scene, field: Field, phase: Phase, found: readonly number[], plan: Plan): readonly number[] {
  const byClient = new Map<string, number[]>();
  for (const candidate of found) {
    const { id } = field.contracts[candidate]!.client;
    if (byClient.has(id)) byClient.get(id)!.push(candidate); else byClient.set(id, [candidate]);
  }
  const standing: number[] = [];
  for (const own of byClient.values()) {
    const fitting = own.filter((candidate) => plan.mayShare(field.contracts[candidate]!) && !plan.hasSibling(field.contracts[candidate]!));
    const best = bestOwn(scene, field, phase, fitting.length > 0 ? fitting : own);
    standing.push(best);
    for (const candidate of own) if (candidate !== best) plan.note(candidate, FATE.sibling);
  }
  return standing;
}

/** The contract that stands for a client among those given. */
export function bestOwn(scene: Scene, field: Field, phase: Phase, own: readonly number[]): number {
  if (own.length === 1) return own[0]!;
  const method = field.contracts[own[0]!]!.client.body.contractMethod ?? 'price';
  const asContracts = { ...phase, key: `${phase.key}/own`, byClient: false, reset: 'never' as const };
  const columns = method === 'weighted'
    ? [column('weight', own, (candidate) => -weightOf(asContracts, field, candidate))]
      : methodColumns(method, scene, field, asContracts, own);
  return own[new Ranked(own.length, [...columns, tail(scene, field, own)]).next()]!;
}

/** K2. Once met over the life of a lead it is not asked again. */
function meetMinimum(scene: Scene, phase: Phase, place: number, before: number, outcome: Outcome): void {
  if (phase.minTurnover === 0 || scene.life.rulesMet.includes(phase.key)) return;
  const { plan } = outcome;
  const sum = plan.picks.slice(before).reduce((total, { candidate }) => total + finalPrice(plan, candidate), 0);
  if (sum < phase.minTurnover) dropAll(outcome, place, before); else outcome.rulesMet.push(phase.key);
}

function dropAll({ plan, earnings }: Outcome, place: number, before: number): void {
  for (const { candidate } of plan.picks.slice(before)) plan.note(candidate, FATE.ruleMinimum);
  // The others of the rule did not lose to its picks either: it did not take place.
  plan.dropFrom(before);
  const earned = earnings.findIndex(({ phase }) => phase === place);
  if (earned >= 0) earnings.splice(earned, 1);
}

/** What a pick pays with as many buyers as the plan has now; nothing while it has free leads. */
export function finalPrice(plan: Plan, candidate: number): number {
  const { field } = plan;
  return field.trials !== null && field.trials[candidate] === 1 ? 0 : field.contracts[candidate]!.priceFor(plan.buyers);
}
