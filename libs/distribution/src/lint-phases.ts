/** Findings about the delivery groups and rules of a workflow: they are phases of one plan, and are judged alike. */
import type { Campaign, Contract, GroupPhase, Rule, Workflow } from './document.js';
import { groupOf, isListed, letsIn, serves, servingAny, takesEveryLead, type Outline, type Warn } from './lint-outline.js';
import { priceOf, unreachableTurnover } from './lint-money.js';

interface Phase {
  rule: Rule | GroupPhase;
  path: string;
  words: string;
  own: readonly Contract[];
  members: ReadonlySet<Contract>;
  stops: boolean;
}

export function phaseFindings(outline: Outline, workflow: Workflow, warn: Warn): void {
  const campaigns = outline.campaignsOf.get(workflow.id) ?? [];
  if (campaigns.length === 0) return;
  const phases = phasesOf(outline, workflow, servingAny(outline, campaigns));
  phases.forEach((phase, place) => judge(outline, workflow, campaigns, phases, place, (code, at, message, level) =>
    warn(code, at === '' ? phase.path : `${phase.path}.${at}`, message, level)));
}

function phasesOf(outline: Outline, { id, groups = [], rules = [] }: Workflow, serving: readonly Contract[]): Phase[] {
  const phases = [
    ...groups.map((rule, at) => ({
      rule, path: `groups[${at}]`, words: `group ${rule.group} of workflow ${id}`, stops: rule.onSold === 'stop',
      own: serving.filter((contract) => groupOf(outline, contract) === rule.group),
    })),
    ...rules.map((rule, at) => ({
      rule, path: `rules[${at}]`, words: `rule ${at} of workflow ${id}`, stops: false,
      own: serving.filter((contract) => letsIn(outline, rule, contract)),
    })),
  ];
  return phases.map((phase) => ({ ...phase, members: new Set(phase.own) }));
}

function judge(
  outline: Outline, workflow: Workflow, campaigns: readonly Campaign[], phases: readonly Phase[], place: number, warn: Warn,
): void {
  const { rule, words, own } = phases[place]!;
  if (own.length === 0) {
    const at = 'group' in rule ? 'group' : 'contracts';
    warn('rule_without_contracts', at, `No open contract of the campaigns passes ${words}: look at the filter, or take it out.`);
    return;
  }
  if (rule.method === 'weighted') weights(outline, rule, own, words, warn);
  if (rule.method === 'percentage') percentages(outline, rule, own, words, warn);
  if (rule.method === 'roundRobin' && rule.reset && rule.reset !== 'never') {
    const recipients = rule.by === 'client' ? new Set(own.map(({ client }) => client)).size : own.length;
    tail(outline, rule, recipients, campaigns, warn);
  }
  if (!rule.secondary) ties(outline, workflow, campaigns, phases[place]!, warn);
  if ('minTurnover' in rule && rule.minTurnover !== undefined) {
    const most = Math.min(rule.take ?? Infinity, workflow.maxMultiplication ?? Infinity);
    unreachableTurnover(outline, own, rule.minTurnover, most, words, (message) => warn('minimum_never_reached', 'minTurnover', message));
  }
  starvation(outline, workflow, campaigns, phases, place, warn);
}

function weights({ clients }: Outline, rule: Rule | GroupPhase, own: readonly Contract[], words: string, warn: Warn): void {
  const without = own.filter((contract) => weightOf(rule, contract, clients.get(contract.client)?.weight) <= 0).map(({ id }) => id);
  const whose = rule.by === 'client' ? 'clients' : 'contracts';
  if (without.length === own.length) {
    warn('weights_absent', 'method', `No contract of ${words} has a weight, so it sells to nobody: give its ${whose} weights.`);
  } else if (without.length > 0) {
    const message = `Without a weight they get nothing from ${words}: ${without.join(', ')}. Give them one, or leave them out of it.`;
    warn('weight_missing', 'method', message);
  }
}

function weightOf(rule: Rule | GroupPhase, contract: Contract, ofClient: number | undefined): number {
  return (rule.by === 'client' ? ofClient : contract.weight) ?? 0;
}

function percentages({ clients }: Outline, rule: Rule | GroupPhase, own: readonly Contract[], words: string, warn: Warn): void {
  const owners = [...new Set(own.map(({ client }) => client))].flatMap((id) => clients.get(id) ?? []);
  const shares = (rule.by === 'client' ? owners : own).map(({ percentage = 0 }) => percentage);
  const sum = Math.round(shares.reduce((total, share) => total + share, 0) * 10_000) / 10_000;
  const strict = ('strict' in rule ? rule.strict : undefined) ?? true;
  if (sum > 100) warn('percentages_above_100', 'method', `The percentages of ${words} add up to ${sum}: at most 100 can be given.`, 'error');
  else if (sum === 0) {
    warn('percentages_absent', 'method', `Nobody in ${words} has a percentage, so that only its base method decides: give percentages.`);
  } else if (sum < 100 && strict && shares.every((share) => share > 0)) {
    const message = `The percentages of ${words} add up to ${sum}: of a hundred leads ${100 - sum} are held back. Raise them, or say strict: false.`;
    warn('percentages_below_100', 'method', message);
  }
}

/** RR4: with fewer leads in an interval than recipients, those at the end never get one. */
export function tail(
  { volumes }: Outline, rule: { reset?: string; take?: number }, recipients: number, campaigns: readonly Campaign[], warn: Warn,
): void {
  const known = campaigns.length > 0 && campaigns.every(({ id }) => volumes[id] !== undefined);
  const days = rule.reset === 'daily' ? 1 : 7;
  const leads = campaigns.reduce((sum, { id }) => sum + (volumes[id] ?? 0), 0) * days * Math.min(rule.take ?? 1, recipients);
  if (recipients < 2 || (known && leads >= recipients)) return;
  const volume = known ? `With ${leads} picks` : `With fewer than ${recipients} picks`;
  const mend = rule.reset === 'daily' ? 'a reset of 7days, or never, reaches them' : 'reset: never reaches them';
  warn('reset_starves_tail', 'reset', `${volume} between two resets, those at the end of the ${recipients} recipients never get a lead: ${mend}.`);
}

function ties(
  outline: Outline, workflow: Workflow, campaigns: readonly Campaign[], { rule: { take, method }, own, words }: Phase, warn: Warn,
): void {
  if (method !== 'priority' && method !== 'price' && method !== 'qualityScore') return;
  const { maxMultiplication = Infinity } = workflow;
  const room = Math.min(take ?? Infinity, maxMultiplication, ...own.map(({ maxShareCount = Infinity }) => maxShareCount));
  // Who is taken in any case is not decided by a tie; that priorities are equal is told all the same, as they are given to differ.
  if (method !== 'priority' && room >= own.length) return;
  const alike = new Map<string, Contract[]>();
  for (const contract of own) {
    const client = outline.clients.get(contract.client);
    const rank = method === 'priority' ? [client?.priority, contract.priority] : [priceOf(outline, contract), contract.qualityScore ?? 100];
    const key = rank.join('|');
    alike.set(key, [...(alike.get(key) ?? []), contract]);
  }
  // Only between those of several clients that the same lead can go to.
  const rivals = [...alike.values()].filter((tied) => new Set(tied.map(({ client }) => client)).size > 1)
    .flatMap((tied) => campaigns.map((campaign) => tied.filter((each) => serves(each, campaign.id) && isListed(outline, campaign, each))));
  const equal = rivals.find((tied) => new Set(tied.map(({ client }) => client)).size > 1);
  if (!equal) return;
  const names = equal.map(({ id }) => id).join(', ');
  const what = method === 'priority' ? 'Equal in priority, so quality score, price and order of entry decide'
    : 'Equal in price and quality score, so the order of entry always decides the same way';
  warn('ties_likely', 'secondary', `${what} between them in ${words}: ${names}. A secondary method, such as roundRobin, shares evenly.`);
}

/** A phase that an earlier one leaves nothing, or only what a contract turns down that takes every lead for itself. */
function starvation(
  outline: Outline, workflow: Workflow, campaigns: readonly Campaign[], phases: readonly Phase[], place: number, warn: Warn,
): void {
  const most = workflow.maxMultiplication ?? Infinity;
  const { own, words } = phases[place]!;
  for (const before of phases.slice(0, place)) {
    const first = before.own;
    if (first.length === 0 || ('minTurnover' in before.rule && before.rule.minTurnover !== undefined)) continue;
    const anybody = takesAnybody(outline, before);
    const exclusive = first.every(({ maxShareCount = Infinity }) => maxShareCount === 1);
    const fills = exclusive || (before.rule.take ?? Infinity) >= most || before.stops;
    if (fills && anybody && own.every((contract) => before.members.has(contract))) {
      const mend = 'put it first, or take it out';
      warn('rule_starved', '', `Whenever a contract of ${words} can take a lead, ${before.words} sold it before: ${mend}.`);
      return;
    }
    const ends = exclusive || most === 1 || before.stops;
    const all = ends ? first.find((contract) => takesEveryLead(outline, contract, campaigns)) : undefined;
    if (all && anybody) {
      const left = `${words} gets only what it turns down: give it criteria or caps, or put this before it`;
      warn('rule_starved', '', `Contract ${all.id} takes every lead for itself in ${before.words}; ${left}.`);
      return;
    }
  }
}

/** Nobody of its contracts is passed over for what it has not: a weight, or a percentage that is not used up. */
function takesAnybody({ clients }: Outline, { rule, own }: Phase): boolean {
  if (rule.method === 'percentage') return false;
  return rule.method !== 'weighted' || own.every((contract) => weightOf(rule, contract, clients.get(contract.client)?.weight) > 0);
}
