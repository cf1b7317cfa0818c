/** The plan for one lead: gates, delivery groups, rules, minimums, in the order the rules are written down. */
import type { ConfigDocument, Contract, Workflow } from '../document.js';
import type { Gate } from '../reasons.js';
import { failingGates, staticGates, type Asked } from './gates.js';
import { placeOfLead } from './criteria.js';
import { documentNow, entryOf, soldSet, type Reached, type Recipient } from './history.js';
import { money, priceFor, trialsLeft } from './limits.js';
import { fullOrder, methodOrder } from './orders.js';
import { conflicts, phasesOf, recipientOf, takeInOrder, type Desk, type Outcome, type Phase } from './phase.js';
import { runPercentage, runWeighted } from './proportions.js';
import { runSets } from './sets.js';

export interface Planned { contract: Contract; rule: string; trial: boolean; turned: boolean }

export interface Plan {
  picks: Planned[];
  /** Of every contract in scope that is not picked. */
  refused: Map<string, string>;
  qualified: string[];
  reached: Reached[];
  minimumsMet: boolean;
  rulesMet: string[];
  totalMinimum: boolean;
}

/** Contracts that the campaign's leads can go to, in order of entry. */
export function scopeOf(asked: Asked): Contract[] {
  return (documentNow(asked.history).contracts ?? [])
    .filter(({ campaigns }) => !campaigns || campaigns.length === 0 || campaigns.includes(asked.lead.campaign))
    .sort((a, b) => entryOf(asked.history, 'contracts', a.id) - entryOf(asked.history, 'contracts', b.id));
}

export function planFor(asked: Asked, workflow: Workflow): Plan {
  const { history, lead } = asked;
  const scope = scopeOf(asked);
  const gates = new Map<string, Gate[]>(scope.map((contract) => [contract.id, failingGates(asked, contract)]));
  const eligible = scope.filter(({ id }) => gates.get(id)?.length === 0);
  const earlier = history.filter((fact) => fact.type === 'attempted').filter((fact) => fact.lead === lead.id);
  const metBefore = earlier.flatMap(({ rulesMet }) => rulesMet);
  const plan: Plan = {
    picks: [], refused: new Map(), reached: [], totalMinimum: false,
    qualified: scope.filter((contract) => staticGates(asked, contract).length === 0).map(({ id }) => id),
    minimumsMet: earlier.some(({ minimumsMet }) => minimumsMet), rulesMet: [...metBefore],
  };
  const reasons = new Map<string, string[]>(eligible.map(({ id }) => [id, []]));
  runPhases(asked, workflow, eligible, plan, reasons);
  testMinimums(asked, workflow, plan, metBefore, reasons);
  for (const { id } of scope) {
    const failed = gates.get(id)?.[0];
    if (failed) plan.refused.set(id, failed);
    else if (!plan.picks.some(({ contract }) => contract.id === id)) plan.refused.set(id, firstReason(reasons.get(id) ?? []));
  }
  return plan;
}

const PRECEDENCE = ['not_in_rule', 'no_weight', 'held_back', 'sibling', 'rule_minimum', 'total_minimum', 'outranked', 'share_count'];

function firstReason(reasons: readonly string[]): string {
  return PRECEDENCE.find((reason) => reasons.includes(reason)) ?? 'not_in_rule';
}

function runPhases(asked: Asked, workflow: Workflow, eligible: readonly Contract[], plan: Plan, reasons: Map<string, string[]>): void {
  for (const phase of phasesOf(workflow)) {
    const desk = deskFor(asked, workflow, phase, plan);
    const standing = desk.sold.filter(({ rule }) => rule === phase.key).length;
    const inPhase = eligible.filter((contract) => phase.admits(desk.document, contract));
    const left = inPhase.filter((contract) => !desk.before.some((pick) => conflicts(pick, contract)));
    for (const contract of inPhase) if (![...left, ...desk.before].includes(contract)) reasons.get(contract.id)?.push('sibling');
    const outcome = runPhase(desk, left);
    const dropped = missesMinimum(desk, outcome, plan);
    if (!dropped && phase.minTurnover !== undefined && outcome.picks.length > 0) plan.rulesMet.push(phase.key);
    for (const pick of outcome.picks) {
      if (dropped) reasons.get(pick.id)?.push('rule_minimum');
      else plan.picks.push({ contract: pick, rule: phase.key, trial: isTrial(desk, pick), turned: turns(desk, outcome, pick) });
    }
    for (const [id, reason] of outcome.reasons) reasons.get(id)?.push(reason);
    const picked = dropped ? 0 : outcome.picks.length;
    plan.reached.push({ rule: phase.key, picked, earned: picked > 0 ? outcome.earned : undefined });
    if (phase.stops && phase.group && picked + standing > 0) {
      for (const contract of eligible) reasons.get(contract.id)?.push('outranked');
      return;
    }
  }
}

function deskFor({ history, lead, now }: Asked, workflow: Workflow, phase: Phase, plan: Plan): Desk {
  const document = documentNow(history);
  const sold = soldSet(history, lead.id);
  const standing = sold.filter(({ rule }) => rule === phase.key).length;
  return {
    history, document, workflow, phase, sold, now, leadId: lead.id, place: placeOfLead(document, lead),
    before: plan.picks.map(({ contract }) => contract), takeLeft: Math.max(0, (phase.take ?? Infinity) - standing),
  };
}

function runPhase(desk: Desk, contracts: readonly Contract[]): Outcome {
  const { phase } = desk;
  const { recipients, siblings } = standIns(desk, contracts);
  const outcome = runMethod(desk, recipients);
  for (const contract of siblings) outcome.reasons.set(contract.id, 'sibling');
  if (phase.secondary === 'roundRobin' || phase.base === 'roundRobin') outcome.turned = decidedByTurn(desk, recipients, outcome.picks);
  return outcome;
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
    return own.sort(fullOrder({ ...desk, phase: { ...phase, by: 'contract', reset: 'never' } }, [method]))[0]?.contract as Contract;
  });
  return { recipients: best.map(as('client')), siblings: contracts.filter((each) => !best.includes(each)) };
}

function runMethod(desk: Desk, recipients: readonly Recipient[]): Outcome {
  const { method, secondary } = desk.phase;
  if (method === 'weighted') return runWeighted(desk, recipients);
  if (method === 'percentage') return runPercentage(desk, recipients);
  const separate = method === 'price' && desk.workflow.priceOptimization === 'separate';
  if (method === 'turnover' || method === 'leadCount' || separate) return runSets(desk, recipients, method === 'leadCount');
  const outcome: Outcome = { picks: [], reasons: new Map(), turned: new Set() };
  takeInOrder(desk, [...recipients].sort(fullOrder(desk, [method, secondary])), outcome.picks, outcome.reasons);
  return outcome;
}

/** RR6: a pick moves the rule's own rotation where somebody equal by the method stood beside it. */
function decidedByTurn(desk: Desk, recipients: readonly Recipient[], picks: readonly Contract[]): Set<string> {
  const { method } = desk.phase;
  if (method === 'roundRobin' || method === 'weighted' || method === 'percentage') return new Set(picks.map(({ id }) => id));
  const order = methodOrder(desk, method === 'turnover' || method === 'leadCount' ? 'price' : method);
  const as = (contract: Contract) => recipientOf(desk.document, contract, desk.phase.by);
  const decided = (pick: Contract, place: number) => recipients.some(({ contract }) => (
    contract.id !== pick.id && !picks.slice(0, place).includes(contract) && order(as(contract), as(pick)) === 0));
  return new Set(picks.filter(decided).map(({ id }) => id));
}

function turns({ phase }: Desk, outcome: Outcome, pick: Contract): boolean {
  return phase.method === 'roundRobin' || outcome.turned.has(pick.id);
}

function isTrial({ phase, history }: Desk, contract: Contract): boolean {
  return phase.method === 'freeTrial' && trialsLeft(history, contract) > 0;
}

/** K2: picks below the rule's minimum turnover are dropped, until it was met once. */
function missesMinimum(desk: Desk, { picks }: Outcome, plan: Plan): boolean {
  const { phase, document, sold, before } = desk;
  if (phase.minTurnover === undefined || plan.rulesMet.includes(phase.key)) return false;
  const buyers = sold.length + before.length + picks.length;
  const prices = picks.map((contract) => (isTrial(desk, contract) ? 0n : priceFor(document, contract, buyers)));
  return total(prices) < money(document, phase.minTurnover);
}

function total(amounts: readonly bigint[]): bigint {
  return amounts.reduce((a, b) => a + b, 0n);
}

/** K3: the whole plan against the workflow's minimums; failing them nothing is distributed. */
function testMinimums(asked: Asked, workflow: Workflow, plan: Plan, metBefore: string[], reasons: Map<string, string[]>): void {
  if (plan.minimumsMet || plan.picks.length === 0) return;
  const document = documentNow(asked.history);
  const sold = soldSet(asked.history, asked.lead.id);
  const buyers = sold.length + plan.picks.length;
  const turnover = total([...sold.map(({ priceMinor }) => priceMinor), ...plan.picks.map((pick) => priceOf(document, pick, buyers))]);
  plan.minimumsMet = buyers >= (workflow.minimums?.contracts ?? 0) && turnover >= money(document, workflow.minimums?.turnover);
  if (plan.minimumsMet) return;
  plan.totalMinimum = true;
  for (const { contract } of plan.picks) reasons.get(contract.id)?.push('total_minimum');
  plan.picks = [];
  plan.rulesMet = metBefore;
  plan.reached = plan.reached.map((each) => ({ ...each, picked: 0, earned: undefined }));
}

/** What a pick costs in a plan with that many buyers; a trial lead nothing. */
export function priceOf(document: ConfigDocument, { contract, trial }: Planned, buyers: number): bigint {
  return trial ? 0n : priceFor(document, contract, buyers);
}
