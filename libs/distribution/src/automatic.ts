/** The workflow's way from the contracts that match to a decision: gates, phases, minimums, prices, reasons. */
import type { Decision, Pick } from './decision.js';
import { shutGates, type Details } from './gates.js';
import { qualifiedKey } from './limits.js';
import { BIT } from './links.js';
import type { Phase, WorkflowTerms } from './phases.js';
import { FATE, type Field, type Plan } from './plan.js';
import type { ReasonCode, UnsoldReason } from './reasons.js';
import { finalPrice, runPhases, type Outcome } from './run-phases.js';
import { CAP_GATES, STATIC_GATES, type LimitDetail, type Scene } from './scene.js';
import type { ContractTerms } from './terms.js';
import { codeOf, gatesIn, verdictsOf, type Fates } from './verdicts.js';
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

export interface Prepared { field: Field; details: Map<number, Details>; inScope: number; words: Map<number, string> }

/** Contracts whose criteria let the lead in, with their gates. `only`: these instead of what the index finds. */
export function prepare(scene: Scene, only?: ContractTerms[]): Prepared {
  const contracts = only ?? [];
  const inScope = only ? only.length : scene.market.match(scene.lead, contracts);
  const count = contracts.length;
  const field: Field = { contracts, masks: new Int32Array(count), prices: new Float64Array(count), trials: null, scores: null };
  const details = new Map<number, Details>();
  let found: Details = [];
  for (let candidate = 0; candidate < count; candidate++) {
    const contract = contracts[candidate]!;
    let price = contract.prices === null ? contract.price : contract.highestPrice(scene.sold + 1, Math.min(scene.most, contract.maxShareCount));
    if (contract.trialLeads > 0 && scene.state.get(`trial|${contract.id}`) < contract.trialLeads) {
      field.trials ??= new Uint8Array(count);
      field.trials[candidate] = 1;
      price = 0;
    }
    field.prices[candidate] = price;
    field.masks[candidate] = shutGates(scene, contract, price, found);
    if (found.length > 0) { details.set(candidate, found); found = []; }
  }
  const words = new Map<number, string>();
  if (scene.request.hooks) askScripts(scene, field, words);
  return { field, details, inScope, words };
}

function askScripts(scene: Scene, field: Field, words: Map<number, string>): void {
  const { hooks } = scene.request;
  field.contracts.forEach(({ id }, candidate) => {
    if (field.masks[candidate] !== 0) return;
    const refusal = hooks?.filter?.(scene.lead, id) ?? null;
    if (refusal !== null) { field.masks[candidate] = BIT.script; words.set(candidate, refusal); return; }
    if (!hooks?.score) return;
    field.scores ??= new Float64Array(field.contracts.length);
    field.scores[candidate] = hooks.score(scene.lead, id);
  });
}

export function planAutomatic(scene: Scene, workflow: WorkflowTerms): Decision {
  const prepared = prepare(scene);
  const overrides = overrideMask(scene);
  const { field } = prepared;
  const eligible: number[] = [];
  for (let candidate = 0; candidate < field.contracts.length; candidate++) if ((field.masks[candidate]! & ~overrides) === 0) eligible.push(candidate);
  const outcome = settle(scene, prepared, Int32Array.from(eligible), workflow.phases);
  applyScripts(scene, outcome.plan, field);
  const minimumsMet = meetsMinimums(scene, workflow, outcome.plan);
  // A person sees that a minimum is missed, and may go on (K4).
  const refused = !minimumsMet && scene.automatic && outcome.plan.picks.length > 0;
  if (refused) {
    for (const { candidate } of outcome.plan.picks) outcome.plan.fates[candidate]! |= FATE.totalMinimum;
    outcome.plan.retain(() => false);
  }
  return conclude(scene, prepared, outcome, workflow.phases, { workflowId: workflow.id, minimumsMet, refused: refused ? 'total_minimum' : null });
}

/** Gates that a person passes over. Sharing and "has it already" always hold (M2, M5). */
export function overrideMask({ request, automatic }: Scene): number {
  if (automatic) return 0;
  let mask = 0;
  for (const gate of request.overrides ?? []) if (gate !== 'share_count' && gate !== 'already_received') mask |= BIT[gate];
  return mask;
}

/**
 * Runs the phases until every rule's picks reach its minimum at the prices of the final plan: with prices by number of sharers a later rule
 * can make an earlier one's picks cheaper. The first rule that misses it is left out, and the plan is made again.
 */
function settle(scene: Scene, { field }: Prepared, eligible: Int32Array, phases: readonly Phase[]): Outcome {
  const skip = new Set<number>();
  for (;;) {
    const outcome = runPhases(scene, field, eligible, phases, skip);
    const missed = phases.findIndex((phase, place) => phase.minTurnover > 0 && outcome.rulesMet.includes(phase.key) && turnoverOf(outcome.plan, place) < phase.minTurnover);
    if (missed < 0) return outcome;
    skip.add(missed);
  }
}

function turnoverOf(plan: Plan, place: number): number {
  return plan.picks.reduce((sum, pick) => (pick.phase === place ? sum + finalPrice(plan, pick.candidate) : sum), 0);
}

function applyScripts(scene: Scene, plan: Plan, field: Field): void {
  const afterPlan = scene.request.hooks?.afterPlan;
  if (!afterPlan || plan.picks.length === 0) return;
  const stay = new Set(afterPlan(scene.lead, plan.picks.map(({ candidate }) => field.contracts[candidate]!.id)));
  for (const { candidate } of plan.picks) if (!stay.has(field.contracts[candidate]!.id)) field.masks[candidate] = BIT.script;
  plan.retain(({ candidate }) => stay.has(field.contracts[candidate]!.id));
}

/** K3, of all who share the lead: tested until it was met once. */
function meetsMinimums(scene: Scene, workflow: WorkflowTerms, plan: Plan): boolean {
  if (scene.life.minimumsMet) return true;
  let turnover = 0;
  for (const holding of scene.life.picks) if (holding.state === 'reserved' || holding.state === 'accepted') turnover += Number(holding.price);
  for (const { candidate } of plan.picks) turnover += finalPrice(plan, candidate);
  return plan.buyers >= workflow.minimumContracts && turnover >= workflow.minimumTurnover;
}

export interface Conclusion {
  workflowId?: string; minimumsMet: boolean; refused: UnsoldReason | null;
  /** Instead of the phase's key. */
  rule?: string;
  overrides?: number;
  full?: boolean;
}

/** Plan → decision. */
export function conclude(scene: Scene, prepared: Prepared, outcome: Outcome, phases: readonly Phase[], end: Conclusion): Decision {
  const { field } = prepared;
  const { plan } = outcome;
  const picked = new Uint8Array(field.contracts.length);
  for (const { candidate } of plan.picks) picked[candidate] = 1;
  const shareForbids = new Uint8Array(field.contracts.length);
  for (let candidate = 0; candidate < shareForbids.length; candidate++) shareForbids[candidate] = plan.mayShare(field.contracts[candidate]!) ? 0 : 1;
  const fates: Fates = {
    field, fates: plan.fates, picked, shareForbids, details: prepared.details, words: prepared.words, rankings: outcome.rankings, phases,
    filtersOf: (contract) => phases.length === 0 || phases.some(({ filter }) => filter === null || filter(contract)),
  };
  const picks = plan.picks.map(({ candidate, phase }): Pick => {
    const contract = field.contracts[candidate]!;
    const trial = field.trials !== null && field.trials[candidate] === 1;
    return {
      contractId: contract.id, clientId: contract.client.id, rule: end.rule ?? phases[phase]?.key ?? 'manual',
      priceMinor: BigInt(finalPrice(plan, candidate)), trial, deliveryMethodId: contract.body.deliveryMethod,
      overridden: gatesIn(field.masks[candidate]! & (end.overrides ?? overrideMask(scene))),
    };
  });
  const moves: Moves = {
    contracts: plan.picks.map(({ candidate }) => field.contracts[candidate]!), phases: plan.picks.map(({ phase }) => (end.rule ? null : phases[phase] ?? null)),
    rotates: plan.picks.map(({ rotates }) => rotates), earnings: outcome.earnings.map((earnings) => ({ ...earnings, key: phases[earnings.phase]!.key })),
    counted: [...outcome.reached, ...qualifiedOf(scene, field)].filter((key) => !scene.life.counted.includes(key)), rulesMet: outcome.rulesMet,
    minimumsMet: end.minimumsMet && plan.buyers > 0,
  };
  const full = end.full ?? (plan.room <= 0 || outcome.takesFull);
  return new Decided(scene, fates, prepared.inScope, moves, picks, { ...end, full }) as unknown as Decision;
}

/** Percentage limits that this lead counts for: those of contracts whose static gates are open (P3). */
function qualifiedOf(scene: Scene, field: Field): string[] {
  const keys = new Set<string>();
  field.contracts.forEach(({ qualified }, candidate) => {
    if ((field.masks[candidate]! & STATIC_GATES) === 0) for (const share of qualified) keys.add(qualifiedKey(share, scene.now));
  });
  return [...keys];
}

/** A decision whose verdicts are put into words when they are first read. */
class Decided {
  readonly kind: 'distributed' | 'unsold';
  readonly trigger: string;
  readonly workflowId: string | undefined;
  readonly minimumsMet: boolean;
  readonly full: boolean;
  readonly reason?: UnsoldReason;
  readonly held?: boolean;
  readonly considered: Decision['considered'];
  #verdicts: Decision['verdicts'] | undefined;
  readonly #fates: Fates;
  readonly #moves: Moves;

  constructor(scene: Scene, fates: Fates, inScope: number, moves: Moves, readonly picks: Pick[], end: Conclusion & { full: boolean }) {
    this.kind = picks.length > 0 ? 'distributed' : 'unsold';
    this.trigger = scene.request.trigger;
    this.workflowId = end.workflowId;
    this.minimumsMet = end.minimumsMet;
    this.full = end.full;
    this.#fates = fates;
    this.#moves = moves;
    const notMatched = inScope - fates.field.contracts.length;
    this.considered = { inScope, notMatched, reasons: reasonsOf(fates, notMatched) };
    if (picks.length === 0) this.reason = end.refused ?? topReason(this.considered.reasons);
  }

  get verdicts(): Decision['verdicts'] {
    this.#verdicts ??= verdictsOf(this.#fates);
    return this.#verdicts;
  }

  get moves(): Moves {
    return this.#moves;
  }

  toJSON(): unknown {
    return { ...this, verdicts: this.verdicts, picks: this.picks.map((pick) => ({ ...pick, priceMinor: String(pick.priceMinor) })) };
  }
}

/** What a decision moves; empty for one that decided nothing. */
export function movesOf(decision: Decision): Moves {
  return decision instanceof Decided ? (decision as Decided).moves
    : { contracts: [], phases: [], rotates: [], earnings: [], counted: [], rulesMet: [], minimumsMet: decision.minimumsMet };
}

const REASONS = [...new Set([...GATES, ...AFTER_GATES])] as readonly ReasonCode[];

function reasonsOf(fates: Fates, notMatched: number): Partial<Record<ReasonCode, number>> {
  const reasons: Partial<Record<ReasonCode, number>> = {};
  if (notMatched > 0) reasons.criteria = notMatched;
  for (let candidate = 0; candidate < fates.field.contracts.length; candidate++) {
    const code = codeOf(fates, candidate);
    if (code !== 'picked') reasons[code] = (reasons[code] ?? 0) + 1;
  }
  return reasons;
}

/** The most frequent reason; equal: the first in the order of precedence. */
export function topReason(reasons: Partial<Record<ReasonCode, number>>): UnsoldReason {
  let top: UnsoldReason = 'no_contracts';
  let most = 0;
  for (const reason of REASONS) if ((reasons[reason] ?? 0) > most) { top = reason; most = reasons[reason]!; }
  return top;
}

/** Nothing was tried. */
export function unsold(scene: Scene, reason: UnsoldReason, more: { held?: boolean; full?: boolean } = {}): Decision {
  return {
    kind: 'unsold', trigger: scene.request.trigger, workflowId: scene.workflow?.id, picks: [], reason, verdicts: [], minimumsMet: false, full: more.full ?? false,
    held: more.held, considered: { inScope: 0, notMatched: 0, reasons: {} },
  };
}

export type { LimitDetail };
export { CAP_GATES };
