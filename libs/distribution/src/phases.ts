/** Workflows compiled: delivery groups and rules as one list of phases, run top to bottom. */
import { parseDuration } from '@sluice/kernel';
import type { GroupPhase, Method, MoneyText, PushStrategy, Reset, Rule, Workflow } from './document.js';
import { clockOf, limitsOf, type BucketClock, type Limit } from './limits.js';
import { testOf } from './criteria.js';
import type { Lead } from './lead.js';
import { minorOf, type ContractTerms, type Ground } from './terms.js';

export interface Phase {
  /** `<workflow>/<rule>`: its rotation, credits and counts are kept under it. */
  key: string;
  method: Method;
  secondary: Method | null;
  base: Method | null;
  byClient: boolean;
  take: number;
  minTurnover: number;
  /** Contracts it lets in; null = all. */
  filter: ((contract: ContractTerms) => boolean) | null;
  reset: Reset;
  /** Of percentage. */
  timeframe: BucketClock;
  strict: boolean;
  /** A delivery group that sold ends the plan. */
  stopOnSold: boolean;
  separate: boolean;
  zone: string;
}

export interface WorkflowTerms {
  id: string;
  body: Workflow;
  mode: 'off' | 'onArrival' | 'window';
  zone: string;
  maxMultiplication: number;
  minimumContracts: number;
  minimumTurnover: number;
  phases: Phase[];
  cherryPickCounts: boolean;
}

export function workflowTerms(body: Workflow, ground: Ground): WorkflowTerms {
  const zone = body.timezone ?? ground.zone;
  const separate = body.priceOptimization === 'separate';
  const groups = (body.groups ?? []).map((group, place) => groupPhase(group, `${body.id}/g${place}`, zone, separate));
  const rules = (body.rules ?? []).map((rule, place) => rulePhase(rule, `${body.id}/${rule.id ?? `r${place}`}`, zone, separate, ground));
  return {
    id: body.id, body, mode: body.mode ?? 'onArrival', zone,
    maxMultiplication: body.maxMultiplication ?? Infinity,
    minimumContracts: body.minimums?.contracts ?? 0,
    minimumTurnover: body.minimums?.turnover === undefined ? 0 : minorOf(ground, body.minimums.turnover),
    phases: [...groups, ...rules], cherryPickCounts: body.cherryPickCountsForShare ?? false,
  };
}

function groupPhase(group: GroupPhase, key: string, zone: string, separate: boolean): Phase {
  return { ...phase(group, key, zone, separate), filter: (contract) => contract.group === group.group,
    stopOnSold: group.onSold === 'stop' };
}

function rulePhase(rule: Rule, key: string, zone: string, separate: boolean, ground: Ground): Phase {
  return {
    ...phase(rule, key, zone, separate), filter: filterOf(rule.contracts), strict: rule.strict ?? true,
    timeframe: clockOf(zone, rule.timeframe ?? 'day'), minTurnover: rule.minTurnover === undefined ? 0 : minorOf(ground, rule.minTurnover),
  };
}

function phase(rule: Rule | GroupPhase, key: string, zone: string, separate: boolean): Phase {
  return {
    key, method: rule.method, secondary: rule.secondary ?? null, base: rule.base ?? null, byClient: rule.by === 'client',
    take: rule.take ?? Infinity, minTurnover: 0, filter: null, reset: rule.reset ?? 'never', timeframe: clockOf(zone, 'day'), strict: true,
    stopOnSold: false, separate, zone,
  };
}

function filterOf(filter: Rule['contracts']): Phase['filter'] {
  const groups = new Set(filter?.groups);
  const tags = filter?.tags ?? [];
  const ids = new Set(filter?.ids);
  const clients = new Set(filter?.clients);
  if (groups.size + tags.length + ids.size + clients.size === 0) return null;
  return (contract) => ids.has(contract.id) || (contract.group !== null && groups.has(contract.group)) || clients.has(contract.client.id)
    || tags.some((tag) => contract.tags.has(tag));
}

export interface RecipientTerms { to: string; place: number; weight: number; limits: Limit[]; test: (lead: Lead) => boolean;
  hasCriteria: boolean }
export interface StrategyTerms {
  id: string;
  entry: number;
  body: PushStrategy;
  campaigns: ReadonlySet<string>;
  from: string;
  method: 'roundRobin' | 'weighted';
  reset: Reset;
  zone: string;
  activeWithinMs: number;
  test: (lead: Lead) => boolean;
  recipients: RecipientTerms[];
  timeout: { afterMs: number; to: string } | null;
}

export function strategyTerms(body: PushStrategy, entry: number, ground: Ground): StrategyTerms {
  const zone = body.timezone ?? ground.zone;
  const minor = (amount: MoneyText) => minorOf(ground, amount);
  const shared = limitsOf('recipient', body.id, body.caps, zone, minor);
  const recipients = body.recipients.map((recipient, place) => ({
    to: recipient.to, place, weight: recipient.weight ?? 0, test: testOf(recipient.criteria, ground.regex),
    hasCriteria: recipient.criteria !== undefined,
    limits: [...limitsOf('recipient', `${body.id}/${recipient.to}`, recipient.caps, zone, minor), ...shared],
  }));
  return {
    id: body.id, entry, body, campaigns: new Set(body.campaigns), from: body.from, method: body.method ?? 'roundRobin', reset: body.reset
      ?? 'never',
    zone, activeWithinMs: body.onlyActiveWithin === undefined ? Infinity : parseDuration(body.onlyActiveWithin),
    test: testOf(body.criteria, ground.regex), recipients,
    timeout: body.timeout ? { afterMs: parseDuration(body.timeout.after), to: body.timeout.to } : null,
  };
}
