/** The workflow's way from the contracts that match to a decision: gates, phases, minimums, prices, reasons. */
import type { Decision, Pick, Verdict } from './decision.js';
import { LINE, PRICE } from './gate-cache.js';
import { holds } from './conditions.js';
import { fieldOf } from './fields.js';
import { isFree, isSpecial, priceAsked, shutGates, type Details } from './gates.js';
import { qualifiedKey } from './limits.js';
import { BIT } from './links.js';
import { Found } from './partition.js';
import type { Phase, WorkflowTerms } from './phases.js';
import { FATE, type Field, type Plan } from './plan.js';
import type { ReasonCode, UnsoldReason } from './reasons.js';
import { finalPrice, runPhases, type Outcome } from './run-phases.js';
import { overrideMask, STATIC_GATES, stands, type Scene } from './scene.js';
import type { ContractTerms } from './terms.js';
import { codeOf, countsOf, gatesIn, verdictsOf, type Fates } from './verdicts.js';
import type { Earnings } from './weighted.js';
import { AFTER_GATES, GATES } from './reasons.js';

/** What a reservation has to move besides the units of its picks. Carried by the decision; nobody else reads it. */
export interface Moves {
  contracts: ContractTerms[];
  phases: (Phase | null)[];
  rotates: boolean[];
  earnings: (Earnings & { key: string })[];
  /** Counters that count this lead once: percentage rules and percentage limits. */
  counted: string[];
  rulesMet: string[];
  minimumsMet: boolean;
}

export interface Prepared { field: Field; details: [candidate: number, figures: Details][]; inScope: number;
  words: Map<number, string> | null;
  /** Percentage limits for which this lead counts: those of contracts whose static gates are open (P3). */
  qualified: string[];
}

/** Contracts whose criteria let the lead in, with their gates. `only`: these instead of what the index finds. */
export function prepare(scene: Scene, only?: readonly ContractTerms[]): Prepared {
  const { market, state, now } = scene;
  const inScope = only ? only.length : market.match(scene.lead, found);
  const count = only ? only.length : found.count;
  // Of their size from the start: arrays that grow leave garbage that costs more than the decision.
  const field: Field = {
    contracts: new Array<ContractTerms>(count), masks: new Array<number>(count), prices: new Array<number>(count), trials: null,
    scores: null,
  };
  const prepared: Prepared = { field, details: [], inScope, words: null, qualified: [] };
  const cache = state.gates(market);
  const special = isSpecial(scene);
  const isFull = scene.sold >= scene.most;
  for (let candidate = 0; candidate < count; candidate++) {
    const index = only ? only[candidate]!.index : found.owners[candidate]!;
    field.contracts[candidate] = market.byIndex[index]!;
    if (cache === null) { askInFull(scene, prepared, candidate, count); continue; }
    const mask = cache.maskOf(index, now, scene.sold, isFull);
    if (special || mask < 0) { askInFull(scene, prepared, candidate, count); continue; }
    field.masks[candidate] = mask;
    field.prices[candidate] = cache.lines[index * LINE + PRICE]!;
    if (mask !== 0 && cache.details[index] !== undefined) prepared.details.push([candidate, cache.details[index]!]);
  }
  if (only) shutUnmatched(scene, prepared);
  if (scene.request.hooks && scene.request.trigger !== 'cherryPick') askScripts(scene, field, (prepared.words = new Map()));
  return prepared;
}

/** What the last match found; decisions do not overlap in time. */
const found = new Found();

function askInFull(scene: Scene, { field, details, qualified }: Prepared, candidate: number, count: number): void {
  const contract = field.contracts[candidate]!;
  const price = priceAsked(scene, contract);
  if (isFree(scene, contract)) {
    field.trials ??= new Uint8Array(count);
    field.trials[candidate] = 1;
  }
  const own: Details = [];
  const mask = shutGates(scene, contract, price, own);
  field.prices[candidate] = price;
  field.masks[candidate] = mask;
  if (own.length > 0) details.push([candidate, own]);
  if (contract.qualified.length === 0 || (mask & STATIC_GATES) !== 0) return;
  for (const share of contract.qualified) qualified.push(qualifiedKey(share, scene.now));
}

/** The criteria of contracts that were named, so that no index was asked about them. */
function shutUnmatched(scene: Scene, prepared: Prepared): void {
  const { contracts, masks } = prepared.field;
  contracts.forEach((contract, candidate) => { if (!letsIn(contract, scene)) masks[candidate]! |= BIT.criteria; });
  // A contract whose criteria do not let the lead in has no qualified lead more by it (P3).
  prepared.qualified = contracts.flatMap(({ qualified }, candidate) => (
    (masks[candidate]! & STATIC_GATES) === 0 ? qualified.map((share) => qualifiedKey(share, scene.now)) : []));
}

function letsIn(contract: ContractTerms, { lead }: Scene): boolean {
  if (contract.campaigns !== null && !contract.campaigns.includes(lead.campaignId)) return false;
  return contract.alternatives.some((conjunction) => conjunction.every((atom) => holds(atom, fieldOf(lead, atom.field), lead)));
}

/**
 * The contracts that passed every gate, in order of entry: what a script says may hang on nothing else. A gate that a person passes over
 * counts as passed.
 */
function askScripts(scene: Scene, field: Field, words: Map<number, string>): void {
  const { request: { hooks }, lead, now } = scene;
  if (!hooks?.judge) return;
  const { contracts, masks } = field;
  const overrides = overrideMask(scene);
  const asked: number[] = [];
  let isSorted = true;
  for (let candidate = 0, last = -1; candidate < masks.length; candidate++) {
    if ((masks[candidate]! & ~overrides) !== 0) continue;
    asked.push(candidate);
    isSorted &&= contracts[candidate]!.entry > last;
    last = contracts[candidate]!.entry;
  }
  if (asked.length === 0) return;
  if (!isSorted) asked.sort((a, b) => contracts[a]!.entry - contracts[b]!.entry);
  const { refusals, scores } = hooks.judge(lead, asked.map((candidate) => contracts[candidate]!), now);
  if (scores) field.scores = new Array<number>(contracts.length).fill(0);
  for (let place = 0; place < asked.length; place++) {
    const refusal = refusals?.[place] ?? null;
    if (refusal !== null) { field.masks[asked[place]!]! |= BIT.script; words.set(asked[place]!, refusal); }
    if (scores) field.scores![asked[place]!] = scores[place]!;
  }
}

export function planAutomatic(scene: Scene, workflow: WorkflowTerms): Decision {
  const overrides = overrideMask(scene);
  // Who passes over criteria may choose from those that the index leaves out too.
  const prepared = prepare(scene, (overrides & BIT.criteria) !== 0 ? scene.market.inScope(scene.lead.campaignId) : undefined);
  const { field } = prepared;
  const outcome = settle(scene, prepared, eligibleOf(field, overrides), workflow.phases);
  applyScripts(scene, outcome.plan, prepared);
  const planned = outcome.plan.picks.map(({ candidate }) => candidate);
  const minimumsMet = meetsMinimums(scene, workflow, outcome.plan);
  // A person sees that a minimum is missed, and may go on (K4).
  const refused = !minimumsMet && scene.automatic && outcome.plan.picks.length > 0;
  if (refused) {
    for (const { candidate } of outcome.plan.picks) outcome.plan.note(candidate, FATE.totalMinimum);
    outcome.plan.retain(() => false);
  }
  return conclude(scene, prepared, outcome, workflow.phases,
    { workflowId: workflow.id, minimumsMet, refused: refused ? 'total_minimum' : null, planned });
}

/** Candidates whose gates are all open. Counted first: an array that is cut to its length costs more than a second look. */
function eligibleOf({ masks }: Field, overrides: number): number[] {
  let open = 0;
  for (let candidate = 0; candidate < masks.length; candidate++) if ((masks[candidate]! & ~overrides) === 0) open++;
  const eligible = new Array<number>(open);
  for (let candidate = 0, place = 0; place < open; candidate++) {
    if ((masks[candidate]! & ~overrides) === 0) eligible[place++] = candidate;
  }
  return eligible;
}

/**
 * Runs the phases until every rule's picks reach its minimum at the prices of the final plan: with prices by number of sharers a later rule
 * can make an earlier one's picks cheaper. The first rule that misses it is left out, and the plan is made again.
 */
function settle(scene: Scene, { field }: Prepared, eligible: number[], phases: readonly Phase[]): Outcome {
  let skip: ReadonlySet<number> = NONE;
  for (;;) {
    const outcome = runPhases(scene, field, eligible, phases, skip);
    const missed = phases.findIndex((phase, place) => phase.minTurnover > 0 && outcome.rulesMet.includes(phase.key)
      && turnoverOf(outcome.plan, place) < phase.minTurnover);
    if (missed < 0) return outcome;
    skip = new Set([...skip, missed]);
  }
}

const NONE: ReadonlySet<number> = new Set();

function turnoverOf(plan: Plan, place: number): number {
  return plan.picks.reduce((sum, pick) => (pick.phase === place ? sum + finalPrice(plan, pick.candidate) : sum), 0);
}

function applyScripts(scene: Scene, plan: Plan, { field, words }: Prepared): void {
  const { request: { hooks }, lead, now } = scene;
  if (!hooks?.afterPlan || plan.picks.length === 0) return;
  const stay = new Set(hooks.afterPlan(lead, plan.picks.map(({ candidate }) => field.contracts[candidate]!), now));
  for (const { candidate } of plan.picks) {
    if (stay.has(field.contracts[candidate]!.id)) continue;
    field.masks[candidate] = BIT.script;
    words?.set(candidate, 'taken out of the plan');
  }
  plan.retain(({ candidate }) => stay.has(field.contracts[candidate]!.id));
}

/** K3, of all who share the lead: tested until it was met once. */
export function meetsMinimums(scene: Scene, workflow: WorkflowTerms, plan: Plan): boolean {
  if (scene.life.minimumsMet) return true;
  let turnover = 0;
  for (const holding of scene.life.picks) if (stands(holding)) turnover += Number(holding.price);
  for (const { candidate } of plan.picks) turnover += finalPrice(plan, candidate);
  return plan.buyers >= workflow.minimumContracts && turnover >= workflow.minimumTurnover;
}

export interface Conclusion {
  workflowId?: string; minimumsMet: boolean; refused: UnsoldReason | null;
  /** Instead of the phase's key. */
  rule?: string;
  overrides?: number;
  full?: boolean;
  /** Who was in the plan before its minimums were asked; unset = the picks. */
  planned?: readonly number[];
}

/** Plan → decision. */
export function conclude(scene: Scene, prepared: Prepared, outcome: Outcome, phases: readonly Phase[], end: Conclusion): Decision {
  const { field } = prepared;
  const { plan } = outcome;
  const picks: Pick[] = [];
  const moves: Moves = {
    contracts: [], phases: [], rotates: [], earnings: outcome.earnings.map((earnings) =>
      ({ ...earnings, key: phases[earnings.phase]!.key })),
    counted: newlyCounted(scene, outcome, prepared),
    // A plan that the minimums of the whole refused met no minimum of a rule either.
    rulesMet: end.refused ? [] : outcome.rulesMet, minimumsMet: end.minimumsMet && plan.buyers > 0,
  };
  const overrides = end.overrides ?? overrideMask(scene);
  for (const { candidate, phase, rotates } of plan.picks) {
    const contract = field.contracts[candidate]!;
    picks.push({
      contractId: contract.id, clientId: contract.client.id, rule: end.rule ?? phases[phase]?.key ?? 'manual',
      priceMinor: BigInt(finalPrice(plan, candidate)), trial: field.trials !== null && field.trials[candidate] === 1,
      deliveryMethodId: contract.deliveryMethod, overridden: gatesIn(field.masks[candidate]! & overrides),
    });
    moves.contracts.push(contract);
    moves.phases.push(end.rule ? null : phases[phase] ?? null);
    moves.rotates.push(rotates);
  }
  const picked = plan.picks.map(({ candidate }) => candidate);
  const fates: Fates = {
    field, overrides: overrideMask(scene), fates: plan.fates, turns: outcome.turns, picked, planned: end.planned ?? picked,
    buyers: plan.buyers, most: plan.most, details: prepared.details,
    words: prepared.words, rankings: outcome.rankings, phases, byHand: end.rule === 'manual' || end.rule === 'cherryPick',
  };
  return new Decided(scene, fates, prepared.inScope, moves, picks, end,
    end.full ?? (plan.room <= 0 || outcome.takesFull)) as unknown as Decision;
}

function newlyCounted({ life, request }: Scene, { reached }: Outcome, { qualified }: Prepared): string[] {
  // Cherry-picking is no distribution: it makes no lead a qualified one either (A4).
  if (request.trigger === 'cherryPick' || (reached.length === 0 && qualified.length === 0)) return [];
  // In an order that does not hang on where contracts stand in the index.
  return [...new Set([...reached, ...qualified.sort()])].filter((key) => !life.counted.includes(key));
}

/** A decision whose verdicts and counts are put into words when they are first read. */
class Decided {
  readonly kind: 'distributed' | 'unsold';
  readonly trigger: string;
  readonly workflowId: string | undefined;
  readonly minimumsMet: boolean;
  readonly full: boolean;
  readonly reason?: UnsoldReason;
  readonly held?: boolean;
  #verdicts: Decision['verdicts'] | undefined;
  #considered: Decision['considered'] | undefined;
  readonly #fates: Fates;
  readonly #moves: Moves;
  readonly #inScope: number;

  // Copying an object with `...` costs more than the rest of it; so `full` comes by itself.
  constructor(scene: Scene, fates: Fates, inScope: number, moves: Moves, readonly picks: Pick[], end: Conclusion, full: boolean) {
    this.kind = picks.length > 0 ? 'distributed' : 'unsold';
    this.trigger = scene.request.trigger;
    this.workflowId = end.workflowId;
    this.minimumsMet = end.minimumsMet;
    this.full = full;
    this.#fates = fates;
    this.#moves = moves;
    this.#inScope = inScope;
    if (picks.length === 0) this.reason = end.refused ?? topReason(this.considered.reasons);
  }

  get verdicts(): Decision['verdicts'] {
    this.#verdicts ??= verdictsOf(this.#fates);
    return this.#verdicts;
  }

  get considered(): Decision['considered'] {
    const notMatched = this.#inScope - this.#fates.field.contracts.length;
    this.#considered ??= { inScope: this.#inScope, notMatched, reasons: reasonsOf(this.#fates, notMatched) };
    return this.#considered;
  }

  get moves(): Moves {
    return this.#moves;
  }

  codes(hear: (contractId: string, code: Verdict['code']) => void): void {
    const { contracts } = this.#fates.field;
    for (let candidate = 0; candidate < contracts.length; candidate++) hear(contracts[candidate]!.id, codeOf(this.#fates, candidate));
  }

  toJSON(): unknown {
    const picks = this.picks.map((pick) => ({ ...pick, priceMinor: String(pick.priceMinor) }));
    return { ...this, picks, considered: this.considered, verdicts: this.verdicts };
  }
}

/** The contracts of a decision's verdicts, in no order, each with its code: for who asks a million decisions for nothing else. */
export function eachCode(decision: Decision, hear: (contractId: string, code: Verdict['code']) => void): void {
  if (decision instanceof Decided) (decision as Decided).codes(hear);
  else for (const { contractId, code } of decision.verdicts) hear(contractId, code);
}

/** What a decision moves; empty for one that decided nothing. */
export function movesOf(decision: Decision): Moves {
  return decision instanceof Decided ? (decision as Decided).moves
    : { contracts: [], phases: [], rotates: [], earnings: [], counted: [], rulesMet: [], minimumsMet: decision.minimumsMet };
}

const REASONS = [...new Set([...GATES, ...AFTER_GATES])] as readonly ReasonCode[];

function reasonsOf(fates: Fates, notMatched: number): Partial<Record<ReasonCode, number>> {
  const counts = countsOf(fates);
  if (notMatched > 0) counts.criteria = notMatched + (counts.criteria ?? 0);
  const reasons: Partial<Record<ReasonCode, number>> = {};
  for (const reason of REASONS) if (counts[reason] !== undefined) reasons[reason] = counts[reason];
  return reasons;
}

/** Who lost to another that did not get the lead either: they tell why a lead stayed unsold only where nobody else does. */
const LOST: ReadonlySet<ReasonCode> = new Set<ReasonCode>(['outranked', 'sibling']);

/** The most frequent reason; equal: the first in the order of precedence. */
export function topReason(reasons: Partial<Record<ReasonCode, number>>): UnsoldReason {
  let top: UnsoldReason = 'no_contracts';
  let most = 0;
  for (const reason of REASONS) {
    const count = reasons[reason] ?? 0;
    if (count > 0 && (count > most || LOST.has(top as ReasonCode)) && (most === 0 || !LOST.has(reason))) { top = reason; most = count; }
  }
  return top;
}

/** Nothing was tried. */
export function unsold(scene: Scene, reason: UnsoldReason, more: { held?: boolean; full?: boolean } = {}): Decision {
  return {
    kind: 'unsold', trigger: scene.request.trigger, workflowId: scene.workflow?.id, picks: [], reason, verdicts: [], minimumsMet: false,
    full: more.full ?? false,
    held: more.held, considered: { inScope: 0, notMatched: 0, reasons: {} },
  };
}
