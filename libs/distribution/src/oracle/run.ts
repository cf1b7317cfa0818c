/** Runs a scenario by the oracle: the time line step by step, each attempt one line. Push and scripts are not part of it. */
import { formatMoney, mergePatch, parseDuration, type Json } from '@sluice/kernel';
import type { ConfigDocument, Contract, Workflow } from '../document.js';
import type { ScenarioStep } from '../scenario.js';
import { GATES, type Gate } from '../reasons.js';
import type { Case, CaseLead, CaseStep, Late, LeadStep } from './case.js';
import { failingGates, fits, personsOf, standingGates, staticGates, termsOf, type Asked } from './gates.js';
import { documentNow, groupOf, kept, reservations, soldSet, stands, type Fact, type Reservation } from './history.js';
import { orderFor, priceFor, trialsLeft } from './limits.js';
import { conflicts, HAND, sharedCap } from './phase.js';
import type { Scripts } from './scripts.js';
import { acted, isFulfilled, isOver, nextInstant, opened, type Window, type WindowAction } from './windows.js';
import { inScope, meetsMinimums, planFor, priceOf, type Plan, type Planned } from './plan.js';

/** One attempt as the oracle sees it; comparable with a line of `simulate --json`. */
export interface OracleLine {
  at: number;
  lead: string;
  trigger: string;
  assigned: { contract: string; price: string }[];
  refused: Record<string, string>;
}

/**
 * How answers come in: each by itself, every refusal followed by its fallback; or, as the engine and a simulation have it, by none where a
 * person chose the contracts, who goes on or does not, and by the same rules where he named those.
 */
export type Answers = 'each' | 'notByHand';

interface Run {
  facts: Fact[];
  lines: OracleLine[];
  steps: Map<string, LeadStep>;
  answers: Answers;
  scripts?: Scripts;
  windows: Window[];
  /** Leads that wait for the client they name, since when (D5). */
  held: Map<string, number>;
  now: number;
}

export function runOracle(scenario: Case, answers: Answers = 'each'): OracleLine[] {
  return runWindows(scenario, answers).lines;
}

/** The same, with the windows as they stand at its end. A window's tries that found nobody are no lines. */
export function runWindows(scenario: Case, answers: Answers = 'each'): { lines: OracleLine[]; windows: Window[] } {
  const run: Run = { facts: [], lines: [], steps: new Map(), answers, windows: [], held: new Map(), now: 0, scripts: scenario.scripts };
  const timeline = scenario.timeline ?? [];
  run.facts.push({ type: 'configured', at: Date.parse(timeline[0]?.at ?? '1970-01-01T00:00:00Z'), document: scenario.config });
  for (const step of timeline) {
    advance(run, Date.parse(step.at));
    takeStep(run, step, run.now);
    tryWaiting(run);
  }
  if (scenario.until !== undefined) advance(run, Date.parse(scenario.until));
  return run;
}

function advance(run: Run, to: number): void {
  const next = () => nextInstant(run.facts, run.windows, run.held.size > 0, run.now);
  for (let at = next(); at <= to; at = next()) {
    run.now = at;
    tryWaiting(run);
  }
  run.now = to;
}

/** Every open window and every held lead, over and over, until nobody gets anything more. */
function tryWaiting(run: Run): void {
  for (let before = -1; before !== run.facts.length;) {
    before = run.facts.length;
    tryHeld(run);
    for (const window of run.windows) {
      const step = run.steps.get(window.lead);
      const workflow = step && workflowOf(run, step.lead.campaign);
      if (!step || !workflow) continue;
      if (isOver(window, run.now)) { expire(run, window, step, workflow); continue; }
      if (window.state !== 'open') continue;
      const picks = attempt(run, step.lead, workflow, 'window', run.now);
      answer(run, step, workflow, run.now, picks);
      if (isFulfilled(run.facts, window.lead, workflow, step.unansweredBy ?? [])) window.state = 'fulfilled';
    }
  }
}

/** Oldest first. A simulation alone has somebody who tries them again. */
function tryHeld(run: Run): void {
  if (run.answers === 'each') return;
  for (const [id] of [...run.held].sort(([, a], [, b]) => a - b)) {
    const step = run.steps.get(id);
    const workflow = step && workflowOf(run, step.lead.campaign);
    if (step && workflow) answer(run, step, workflow, run.now, attempt(run, step.lead, workflow, 'window', run.now));
  }
}

/** At its end a lead may go through another workflow, once (A2). */
function expire(run: Run, window: Window, step: LeadStep, workflow: Workflow): void {
  window.state = 'expired';
  const fallback = documentNow(run.facts).workflows?.find(({ id }) => id === workflow.fallback);
  if (fallback) answer(run, step, fallback, run.now, attempt(run, step.lead, fallback, 'window', run.now));
}

function workflowOf(run: Run, campaignId: string): Workflow | undefined {
  const document = documentNow(run.facts);
  const campaign = document.campaigns?.find(({ id }) => id === campaignId);
  return document.workflows?.find(({ id }) => id === campaign?.workflow);
}

function windowStep(run: Run, { lead, ...what }: { lead: string } & WindowAction, at: number): void {
  const step = run.steps.get(lead);
  const workflow = step && workflowOf(run, step.lead.campaign);
  const window = run.windows.filter((each) => each.lead === lead).pop();
  if (!workflow) return;
  const again = window?.state !== 'open' && window?.state !== 'paused';
  if (what.action === 'open') { if (again) run.windows.push(opened(lead, workflow, at, what)); } else if (window) acted(window, what, at);
}

function takeStep(run: Run, step: CaseStep, at: number): void {
  const document = documentNow(run.facts);
  if ('set' in step) run.facts.push({ type: 'configured', at, document: withSet(document, step.set) });
  else if ('remove' in step) run.facts.push({ type: 'configured', at, document: without(document, step.remove) });
  else if ('lead' in step) arrive(run, step as LeadStep, at);
  else if ('return' in step) giveBack(run, step.return, at);
  else if ('cherryPick' in step) {
    const contract = document.contracts?.find(({ id }) => id === step.cherryPick.contract);
    if (contract) pick(run, contract, step.cherryPick.lead, at);
  } else if ('distribute' in step) byHand(run, step.distribute, at);
  else if ('window' in step) windowStep(run, step.window, at);
  else if ('late' in step) late(run, step.late, at);
  else if ('suspend' in step) {
    run.facts.push({ type: 'suspended', at, method: step.suspend.method, until: Date.parse(step.suspend.until) });
  }
  else throw new Error(`the oracle knows no ${JSON.stringify(step)}`);
}

type Thing = { id: string };
/** What stands in a document besides its lists of things; groups are replaced whole. */
const SETTINGS = ['requireSchedule', 'ties', 'groups'];

export function withSet(document: ConfigDocument, set: Record<string, unknown>): ConfigDocument {
  const changed: Record<string, unknown> = { ...document };
  for (const [list, patches] of Object.entries(set)) {
    if (SETTINGS.includes(list)) { changed[list] = patches; continue; }
    const things = [...((changed[list] ?? []) as Thing[])];
    for (const [id, patch] of Object.entries(patches as Record<string, Json>)) {
      const place = things.findIndex((thing) => thing.id === id);
      if (place < 0) things.push({ ...(mergePatch({}, patch) as object), id });
      else things[place] = mergePatch(things[place] as unknown as Json, patch) as unknown as Thing;
    }
    changed[list] = things;
  }
  return changed as unknown as ConfigDocument;
}

export function without(document: ConfigDocument, remove: Record<string, string[]>): ConfigDocument {
  const changed: Record<string, unknown> = { ...document };
  for (const [list, ids] of Object.entries(remove)) {
    changed[list] = ((changed[list] ?? []) as Thing[]).filter(({ id }) => !ids.includes(id));
  }
  return changed as unknown as ConfigDocument;
}

function arrive(run: Run, step: LeadStep, at: number): void {
  run.steps.set(step.lead.id, step);
  run.facts.push({ type: 'arrived', at, lead: step.lead });
  const workflow = workflowOf(run, step.lead.campaign);
  if (!workflow || workflow.mode === 'off') return;
  answer(run, step, workflow, at, attempt(run, step.lead, workflow, 'arrival', at));
  if (workflow.mode === 'window') run.windows.push(opened(step.lead.id, workflow, at));
}

/** The clients answer in the order in which they were reserved; who turns the lead down has the workflow run again (F5). */
function answer(run: Run, step: LeadStep, workflow: Workflow, at: number, picks: readonly string[], by?: 'rules' | 'choice'): void {
  const waiting = [...picks];
  for (let contract = waiting.shift(); contract !== undefined; contract = waiting.shift()) {
    const how = step.rejectedBy?.includes(contract) ? 'rejected' : step.failedBy?.includes(contract) ? 'failed' : undefined;
    if (how) run.facts.push({ type: 'turnedDown', at, lead: step.lead.id, contract, how });
    const isAsked = by === 'rules' ? step.lead.campaign !== '' && !rests(run, step.lead.id) : workflowOf(run, step.lead.campaign) !== undefined;
    if (!how || !isAsked || (run.answers === 'notByHand' && (by === 'choice' || !beforeDeadline(run, step, at)))) continue;
    waiting.push(...attempt(run, step.lead, workflow, 'fallback', at));
  }
}

/** Whether the lead's window was paused or stopped: until it goes on, nothing is offered but what a person offers. */
function rests(run: Run, leadId: string): boolean {
  const state = run.windows.findLast((each) => each.lead === leadId)?.state;
  return state === 'paused' || state === 'stopped';
}

/** F5: no fallback after the window's end, else after the campaign's deadline. Whoever hears the answers looks at the clock. */
function beforeDeadline(run: Run, { lead }: LeadStep, at: number): boolean {
  const window = run.windows.findLast((each) => each.lead === lead.id);
  if (window) return at < window.expiresAt;
  const length = documentNow(run.facts).campaigns?.find(({ id }) => id === lead.campaign)?.deadline;
  if (length === undefined || workflowOf(run, lead.campaign)?.mode === 'window') return true;
  return at < (lead.receivedAt === undefined ? at : Date.parse(lead.receivedAt)) + parseDuration(length);
}

function askedFor(run: Run, lead: CaseLead, at: number, workflow: Workflow | undefined, trigger: Asked['trigger']): Asked {
  const arrived = run.facts.find((fact) => fact.type === 'arrived' && fact.lead.id === lead.id);
  const receivedAt = lead.receivedAt ? Date.parse(lead.receivedAt) : arrived?.at ?? at;
  const rounds = run.lines.filter((line) => line.lead === lead.id).length;
  return { history: run.facts, lead, receivedAt, now: at, workflow, trigger, rounds, overrides: [], scripts: run.scripts };
}

function attempt(run: Run, lead: CaseLead, workflow: Workflow, trigger: Asked['trigger'], at: number): string[] {
  const plan = planFor(askedFor(run, lead, at, workflow, trigger), workflow);
  if (!plan.held) run.held.delete(lead.id); else if (!run.held.has(lead.id)) run.held.set(lead.id, at);
  return record(run, lead, workflow, trigger, at, plan);
}

function record(run: Run, lead: CaseLead, workflow: Workflow, trigger: string, at: number, plan: Plan): string[] {
  const document = documentNow(run.facts);
  const buyers = soldSet(run.facts, lead.id, workflow).length + plan.picks.length;
  const made = plan.picks.map((planned) => reservationOf(run, lead, planned, priceOf(document, planned, buyers), at));
  if (trigger === 'window' && made.length === 0) return [];
  const { qualified, reached, minimumsMet, rulesMet } = plan;
  run.facts.push({ type: 'attempted', at, lead: lead.id, campaign: lead.campaign, qualified, reached, minimumsMet, rulesMet }, ...made);
  const currency = document.currency ?? 'USD';
  run.lines.push({
    at, lead: lead.id, trigger, refused: Object.fromEntries(plan.refused),
    assigned: made.map(({ contract, priceMinor }) => ({ contract, price: formatMoney(priceMinor, currency) })),
  });
  return made.map(({ contract }) => contract);
}

function reservationOf(run: Run, lead: CaseLead, planned: Planned, priceMinor: bigint, at: number): Reservation {
  const { contract, phase: rule, trial, turned } = planned;
  const document = documentNow(run.facts);
  const { order } = orderFor(run.facts, contract, priceMinor, at);
  return {
    type: 'reserved', at, lead: lead.id, campaign: lead.campaign, contract: contract.id, client: contract.client, rule, priceMinor,
    trial, turned, contractGroup: contract.contractGroup, group: groupOf(document, contract),
    maxShareCount: contract.maxShareCount, order: order?.id,
    round: run.facts.length, persons: personsOf(lead), terms: termsOf(contract),
  };
}

type ByHand = Extract<ScenarioStep, { distribute: unknown }>['distribute'];

/** A3: by the rules of a workflow, or to chosen contracts in the order given; gates are respected or passed over, M2 and M5 always hold. */
function byHand(run: Run, { lead: id, contracts, rules, overrides = [] }: ByHand, at: number): void {
  const step = run.steps.get(id);
  if (!step) return;
  const { lead } = step;
  const own = workflowOf(run, lead.campaign) ?? { id: 'none' };
  const named = documentNow(run.facts).workflows?.find((each) => each.id === rules);
  const asked = { ...askedFor(run, lead, at, contracts ? own : named, 'manual'), overrides };
  const plan = contracts ? chosen(run, asked, own, contracts) : named && planFor(asked, named);
  const workflow = (contracts ? own : named) ?? own;
  if (plan) answer(run, step, workflow, at, record(run, lead, workflow, 'manual', at, plan), contracts ? 'choice' : 'rules');
}

function chosen(run: Run, asked: Asked, workflow: Workflow, ids: readonly string[]): Plan {
  const { lead, now } = asked;
  const document = documentNow(run.facts);
  const sold = soldSet(run.facts, lead.id, workflow);
  const named = ids.map((id) => document.contracts?.find((each) => each.id === id)).filter((each) => each !== undefined);
  const plan: Plan = { picks: [], refused: new Map(), qualified: [], reached: [], minimumsMet: false, rulesMet: [] };
  for (const contract of named) {
    const picked = plan.picks.map((each) => each.contract);
    const gates = handGates(asked, contract);
    const cap = sharedCap({ ...HAND, asked, document, workflow, sold, history: run.facts, now, leadId: lead.id }, picked, contract);
    const sibling = picked.some((each) => conflicts(each, contract));
    const shared = fits(sold, [...picked, contract], workflow.maxMultiplication);
    if (standingGates(asked, gates).length === 0 && !sibling && shared && cap === undefined) {
      plan.picks.push({ contract, phase: 'manual', trial: trialsLeft(run.facts, contract) > 0, turned: false });
    } else plan.refused.set(contract.id, standingGates(asked, gates)[0] ?? (sibling ? 'sibling' : shared ? cap ?? '' : 'share_count'));
  }
  plan.minimumsMet = plan.picks.length > 0 && meetsMinimums(asked, workflow, plan);
  const qualified = named.filter((contract) => inScope(contract, lead.campaign) && staticGates(asked, contract).length === 0);
  plan.qualified = qualified.map(({ id }) => id);
  return plan;
}

/** The gates that fail; a contract of other campaigns lets the lead in no more than its criteria would. */
function handGates(asked: Asked, contract: Contract): Gate[] {
  const failed = failingGates(asked, contract);
  if (!inScope(contract, asked.lead.campaign)) failed.push('criteria');
  return GATES.filter((gate) => failed.includes(gate));
}

/** A4: no distribution; of the gates only those of status, consent and what the client had before. Sharing where the workflow counts it. */
const CHERRY_GATES = ['client_not_active', 'contract_not_open', 'consent', 'already_received', 'duplicate_person', 'credit_limit'];

function pick(run: Run, contract: Contract, leadId: string, at: number): void {
  const lead = run.steps.get(leadId)?.lead;
  if (!lead) return;
  const document = documentNow(run.facts);
  const workflow = workflowOf(run, lead.campaign);
  const gates = workflow?.cherryPickCountsForShare ? [...CHERRY_GATES, 'share_count'] : CHERRY_GATES;
  const gate = failingGates(askedFor(run, lead, at, workflow, 'cherryPick'), contract).find((each) => gates.includes(each));
  const { id, client, contractGroup, maxShareCount } = contract;
  const priceMinor = priceFor(document, contract, soldSet(run.facts, leadId, workflow).length + 1);
  const price = formatMoney(priceMinor, document.currency ?? 'USD');
  run.lines.push({
    at, lead: leadId, trigger: 'cherryPick', assigned: gate ? [] : [{ contract: id, price }], refused: gate ? { [id]: gate } : {},
  });
  if (gate) return;
  run.facts.push({
    type: 'cherryPicked', at, lead: leadId, contract: id, client, contractGroup, maxShareCount, persons: personsOf(lead), priceMinor,
  });
}

function giveBack(run: Run, { lead, contract }: { lead: string; contract: string }, at: number): void {
  const picked = run.facts.filter((fact) => fact.type === 'cherryPicked');
  const held = [...reservations(run.facts).filter((each) => stands(run.facts, each)), ...picked]
    .some((each) => each.lead === lead && each.contract === contract);
  const already = run.facts.some((fact) => fact.type === 'returned' && fact.lead === lead && fact.contract === contract);
  // Nobody can return what nobody said to have taken.
  const silent = run.steps.get(lead)?.unansweredBy?.includes(contract) === true;
  const answered = run.facts.findLast((fact) => (fact.type === 'reserved' || fact.type === 'accepted' || fact.type === 'cherryPicked')
    && fact.lead === lead && fact.contract === contract)?.type !== 'reserved';
  if (held && !already && (!silent || answered)) run.facts.push({ type: 'returned', at, lead, contract });
}

/** An answer after a silence, or another one after the first (A9); a person who lets it go is followed by no fallback. */
function late(run: Run, { lead, contract, outcome }: Late, at: number): void {
  const step = run.steps.get(lead);
  if (!step || !kept(run.facts, lead).some((each) => each.contract === contract)) return;
  if (outcome === 'accepted') { run.facts.push({ type: 'accepted', at, lead, contract }); return; }
  run.facts.push({ type: 'turnedDown', at, lead, contract, how: outcome });
  const workflow = workflowOf(run, step.lead.campaign);
  if (outcome !== 'released' && workflow) answer(run, step, workflow, at, attempt(run, step.lead, workflow, 'fallback', at));
}
