/** The plan for one lead: gates, delivery groups, rules, minimums, in the order the rules are written down. */
import type { ConfigDocument, Contract, Workflow } from '../document.js';
import type { Gate } from '../reasons.js';
import { forcedPlan } from './force.js';
import { failingGates, fits, isAutomatic, standingGates, staticGates, type Asked } from './gates.js';
import { placeOfLead } from './criteria.js';
import { documentNow, entryOf, fraction, kept, soldSet, times, type Reached, type Recipient } from './history.js';
import { money, priceFor, trialsLeft } from './limits.js';
import { beforeTurn, chain, fullOrder, scoreOrder } from './orders.js';
import { conflicts, couldJoin, fitsWith, phasesOf, recipientOf, takeInOrder, type Desk, type Outcome, type Phase } from './phase.js';
import { runPercentage, runWeighted } from './proportions.js';
import { drops } from './scripts.js';
import { runSets } from './sets.js';

export interface Planned { contract: Contract; phase: string; trial: boolean; turned: boolean }

export interface Plan {
  picks: Planned[];
  /** Of every contract in scope that is not picked. */
  refused: Map<string, string>;
  qualified: string[];
  reached: Reached[];
  minimumsMet: boolean;
  rulesMet: string[];
  /** Nobody else is to have it: it waits for the client that it names (D5). */
  held?: boolean;
}

/** Contracts that the campaign's leads can go to, in order of entry. */
export function scopeOf(asked: Asked): Contract[] {
  return (documentNow(asked.history).contracts ?? [])
    .filter((contract) => inScope(contract, asked.lead.campaign))
    .sort((a, b) => entryOf(asked.history, 'contracts', a.id) - entryOf(asked.history, 'contracts', b.id));
}

export function inScope({ campaigns }: Contract, campaign: string): boolean {
  return !campaigns || campaigns.length === 0 || campaigns.includes(campaign);
}

/** What is noted of contracts that passed their gates, while the phases run. */
interface Notes { reasons: Map<string, Set<string>>; takeReached: Map<string, boolean> }

export function planFor(asked: Asked, workflow: Workflow): Plan {
  const { history, lead } = asked;
  const scope = scopeOf(asked);
  const gates = new Map<string, Gate[]>(scope.map((contract) => [contract.id, failingGates(asked, contract)]));
  const eligible = scope.filter(({ id }) => standingGates(asked, gates.get(id) ?? []).length === 0);
  const forced = forcedPlan(asked, workflow, scope, gates);
  if (forced) return forced;
  const notes: Notes = { reasons: new Map(eligible.map(({ id }) => [id, new Set()])), takeReached: new Map() };
  const plan = settle(asked, workflow, eligible, notes);
  plan.qualified = scope.filter((contract) => staticGates(asked, contract).length === 0).map(({ id }) => id);
  applyScripts(asked, plan);
  for (const { contract } of plan.picks) noteSiblings(eligible, contract, notes);
  testMinimums(asked, workflow, plan, notes);
  const sold = soldSet(history, lead.id, workflow);
  for (const contract of scope) {
    const [failed] = standingGates(asked, gates.get(contract.id) ?? []);
    if (plan.picks.some((pick) => pick.contract === contract)) continue;
    const forbidden = !fits(sold, [...plan.picks.map((pick) => pick.contract), contract], workflow.maxMultiplication);
    plan.refused.set(contract.id, plan.refused.get(contract.id) ?? failed ?? reasonOf(asked, workflow, contract, notes, forbidden));
  }
  return plan;
}

/** A7: takes picks away, and what was earned for them. */
function applyScripts({ scripts, lead }: Asked, plan: Plan): void {
  if (!scripts || scripts.drop === 0) return;
  const made = plan.picks;
  plan.picks = made.filter(({ contract }) => !drops(scripts, lead.id, contract.id));
  for (const { contract } of made) if (drops(scripts, lead.id, contract.id)) plan.refused.set(contract.id, 'script');
  plan.reached = plan.reached.map((reached) => {
    const left = plan.picks.filter(({ phase }) => phase === reached.rule).length;
    const part = fraction(left, reached.picked || 1);
    const earned = reached.earned && new Map([...reached.earned].map(([id, gain]) => [id, times(gain, part)] as const));
    return { ...reached, picked: left, earned: left > 0 ? earned : undefined };
  });
}

/** "Another contract of this client stands for it": one of the client, or of the contract group, is in the plan. */
function noteSiblings(eligible: readonly Contract[], pick: Contract, { reasons }: Notes): void {
  for (const contract of eligible) if (contract !== pick && conflicts(contract, pick)) reasons.get(contract.id)?.add('sibling');
}

const PRECEDENCE = [
  'cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total', 'no_weight', 'held_back', 'sibling', 'rule_minimum', 'total_minimum',
];

function reasonOf({ history }: Asked, workflow: Workflow, contract: Contract, notes: Notes, forbidden: boolean): string {
  const noted = PRECEDENCE.find((reason) => notes.reasons.get(contract.id)?.has(reason));
  if (noted?.startsWith('cap_')) return noted;
  if (!phasesOf(workflow).some((phase) => phase.admits(documentNow(history), contract))) return 'not_in_rule';
  if (noted) return noted;
  return !notes.takeReached.get(contract.id) && forbidden ? 'share_count' : 'outranked';
}

/**
 * Runs the phases until every rule's picks reach its minimum at the prices of the final plan (K2): a later rule can make the picks of an
 * earlier one cheaper, where prices go by the number of buyers. The first rule that misses its minimum is left out.
 */
function settle(asked: Asked, workflow: Workflow, eligible: readonly Contract[], notes: Notes): Plan {
  const left = new Set<string>();
  for (;;) {
    const plan = runPhases(asked, workflow, eligible, notes, left);
    const buyers = soldSet(asked.history, asked.lead.id, workflow).length + plan.picks.length;
    const metNow = plan.rulesMet.slice(metBefore(asked).length);
    const missed = phasesOf(workflow).find(({ key, minTurnover }) => metNow.includes(key)
      && turnover(asked, plan.picks.filter(({ phase }) => phase === key), buyers) < money(documentNow(asked.history), minTurnover));
    if (!missed) return plan;
    left.add(missed.key);
  }
}

function metBefore({ history, lead }: Asked): string[] {
  return history.filter((fact) => fact.type === 'attempted').filter((fact) => fact.lead === lead.id).flatMap(({ rulesMet }) => rulesMet);
}

function turnover({ history }: Asked, picks: readonly Planned[], buyers: number): bigint {
  return picks.map((pick) => priceOf(documentNow(history), pick, buyers)).reduce((a, b) => a + b, 0n);
}

function runPhases(asked: Asked, workflow: Workflow, eligible: readonly Contract[], notes: Notes, skipped: ReadonlySet<string>): Plan {
  const plan: Plan = { picks: [], refused: new Map(), reached: [], qualified: [], minimumsMet: false, rulesMet: metBefore(asked) };
  for (const phase of phasesOf(workflow)) {
    const desk = deskFor(asked, workflow, phase, plan);
    const standing = kept(asked.history, asked.lead.id).filter(({ rule }) => rule === phase.key).length;
    const candidates = eligible.filter((contract) => phase.admits(desk.document, contract) && !desk.before.includes(contract));
    const outcome = runPhase(desk, candidates);
    const made = outcome.picks.map((contract): Planned => ({
      contract, phase: phase.key, trial: trialsLeft(asked.history, contract) > 0,
      turned: phase.method === 'roundRobin' || outcome.turned.has(contract.id),
    }));
    for (const contract of candidates) notes.takeReached.set(contract.id, outcome.reasons.get(contract.id) === 'take_reached');
    for (const [id, reason] of outcome.reasons) if (reason !== 'take_reached') notes.reasons.get(id)?.add(reason);
    const tested = phase.minTurnover !== undefined && made.length > 0 && !plan.rulesMet.includes(phase.key);
    const sum = turnover(asked, made, desk.sold.length + plan.picks.length + made.length);
    const dropped = made.length > 0 && (skipped.has(phase.key) || (tested && sum < money(desk.document, phase.minTurnover)));
    if (tested && !dropped) plan.rulesMet.push(phase.key);
    if (dropped) {
      for (const { contract } of made) notes.reasons.get(contract.id)?.add('rule_minimum');
    } else plan.picks.push(...made);
    // The rule is reached while M2 leaves room for anybody at all (P1).
    const picked = dropped ? 0 : made.length;
    if (fitsWith(desk, [NOBODY])) plan.reached.push({ rule: phase.key, picked, earned: dropped ? undefined : outcome.earned });
    if (phase.stops && picked + standing > 0) return plan;
  }
  return plan;
}

/** A contract that would accept any number of sharers. */
const NOBODY: Contract = { id: '', client: '' };

function deskFor(asked: Asked, workflow: Workflow, phase: Phase, plan: Plan): Desk {
  const { history, lead, now } = asked;
  const document = documentNow(history);
  const sold = soldSet(history, lead.id, workflow);
  const standing = kept(history, lead.id).filter(({ rule }) => rule === phase.key).length;
  return {
    asked, history, document, workflow, phase, sold, now, leadId: lead.id, place: placeOfLead(document, lead),
    before: plan.picks.map(({ contract }) => contract), takeLeft: Math.max(0, (phase.take ?? Infinity) - standing),
  };
}

function runPhase(desk: Desk, contracts: readonly Contract[]): Outcome {
  const { phase } = desk;
  const { recipients, siblings } = standIns(desk, contracts);
  const outcome = desk.takeLeft > 0 && fitsWith(desk, [NOBODY]) ? runMethod(desk, recipients) : notRun(desk, contracts);
  for (const contract of siblings) outcome.reasons.set(contract.id, 'sibling');
  const set = phase.method === 'turnover' || phase.method === 'leadCount' || isSeparate(desk);
  // What a turn that breaks a tie between whole sets has decided, nobody says: all of the set moved it.
  if (set && phase.secondary === 'roundRobin') for (const { id } of outcome.picks) outcome.turned.add(id);
  if ((phase.reset !== 'never' || desk.document.rotation === 'pointer') && !set && !['weighted', 'percentage'].includes(phase.method)) {
    outcome.turned = decidedByTurn(desk, recipients, outcome.picks);
  }
  return outcome;
}

/** A rule that may pick nobody, or a lead that nobody more can share, asks for no weight and no percentage. */
function notRun({ takeLeft }: Desk, contracts: readonly Contract[]): Outcome {
  const reasons = new Map(takeLeft > 0 ? [] : contracts.map(({ id }) => [id, 'take_reached'] as const));
  return { picks: [], reasons, turned: new Set() };
}

/** K0: by client, its best eligible contract by the client's own method stands for it. */
function standIns(desk: Desk, contracts: readonly Contract[]): { recipients: Recipient[]; siblings: Contract[] } {
  const { phase, document } = desk;
  const as = (by: 'contract' | 'client') => (contract: Contract) => recipientOf(document, contract, by);
  if (phase.by === 'contract') return { recipients: contracts.map(as('contract')), siblings: [] };
  const clients = [...new Set(contracts.map(({ client }) => client))];
  const best = clients.map((id) => {
    const own = contracts.filter(({ client }) => client === id).map(as('contract'));
    const method = own[0]?.client.contractMethod ?? 'price';
    const able = own.filter(({ contract }) => fitsWith(desk, [contract]) && !desk.before.some((pick) => conflicts(pick, contract)));
    const order = fullOrder({ ...desk, phase: { ...phase, by: 'contract', reset: 'never' } }, [method]);
    return (able.length > 0 ? able : own).sort(order)[0]?.contract as Contract;
  });
  return { recipients: best.map(as('client')), siblings: contracts.filter((each) => !best.includes(each)) };
}

function isSeparate({ phase, workflow }: Desk): boolean {
  return phase.method === 'price' && workflow.priceOptimization === 'separate';
}

function runMethod(desk: Desk, recipients: readonly Recipient[]): Outcome {
  const { method, secondary } = desk.phase;
  if (method === 'weighted') return runWeighted(desk, recipients);
  if (method === 'percentage') return runPercentage(desk, recipients);
  if (method === 'turnover' || method === 'leadCount' || isSeparate(desk)) return runSets(desk, recipients, method === 'leadCount');
  const outcome: Outcome = { picks: [], reasons: new Map(), turned: new Set() };
  const order = chain([scoreOrder(desk), fullOrder(desk, [method, secondary])]);
  takeInOrder(desk, [...recipients].sort(order), outcome.picks, outcome.reasons);
  return outcome;
}

/** RR6: a pick moves the rule's own rotation where somebody else, equal in all before the turn, could have been taken instead. */
function decidedByTurn(desk: Desk, recipients: readonly Recipient[], picks: readonly Contract[]): Set<string> {
  const order = beforeTurn(desk, [desk.phase.method, desk.phase.secondary]);
  if (!order) return new Set();
  const as = (contract: Contract) => recipientOf(desk.document, contract, desk.phase.by);
  const decided = (pick: Contract, place: number) => recipients.some(({ contract }) => (
    contract !== pick && couldJoin(desk, picks.slice(0, place), contract) && order(as(contract), as(pick)) === 0));
  return new Set(picks.filter(decided).map(({ id }) => id));
}

/** K3: the whole plan against the workflow's minimums, until they were met once; failing them nothing is distributed. */
function testMinimums(asked: Asked, workflow: Workflow, plan: Plan, notes: Notes): void {
  const earlier = asked.history.filter((fact) => fact.type === 'attempted').filter((fact) => fact.lead === asked.lead.id);
  plan.minimumsMet = earlier.some(({ minimumsMet }) => minimumsMet);
  if (plan.minimumsMet || plan.picks.length === 0) return;
  plan.minimumsMet = meetsMinimums(asked, workflow, plan);
  // A person sees that a minimum is missed, and may go on (K4).
  if (plan.minimumsMet || !isAutomatic(asked)) return;
  for (const { contract } of plan.picks) notes.reasons.get(contract.id)?.add('total_minimum');
  plan.picks = [];
  plan.rulesMet = metBefore(asked);
  plan.reached = plan.reached.map(({ rule }) => ({ rule, picked: 0 }));
}

/** Of all who share the lead: number of buyers, and what they pay together. */
export function meetsMinimums(asked: Asked, workflow: Workflow, { picks }: Plan): boolean {
  const sold = soldSet(asked.history, asked.lead.id, workflow);
  const buyers = sold.length + picks.length;
  const paid = kept(asked.history, asked.lead.id).reduce((total, { priceMinor }) => total + priceMinor, 0n);
  const sum = turnover(asked, picks, buyers) + paid;
  const { contracts = 0, turnover: least } = workflow.minimums ?? {};
  return buyers >= contracts && sum >= money(documentNow(asked.history), least);
}

/** What a pick costs in a plan with that many buyers; a trial lead nothing. */
export function priceOf(document: ConfigDocument, { contract, trial }: Planned, buyers: number): bigint {
  return trial ? 0n : priceFor(document, contract, buyers);
}
