/** Findings about workflows, their rules, and the campaigns that use them. */
import { formatMoney, parseMoney } from '@sluice/kernel';
import type { Campaign, Contract, MoneyText, Rule, Workflow } from './document.js';
import { highestPriceOf, letsIn } from './lint-contracts.js';
import { serves, servingAny, type Finding, type Outline } from './lint.js';

type Warn = (code: string, at: string, message: string, level?: Finding['level']) => void;

function collector(path: string): { findings: Finding[]; warn: Warn } {
  const findings: Finding[] = [];
  return { findings, warn: (code, at, message, level = 'warning') =>
    findings.push({ level, code, path: at ? `${path}.${at}` : path, message }) };
}

export function workflowFindings(outline: Outline, workflow: Workflow, path: string): Finding[] {
  const { findings, warn } = collector(path);
  const campaigns = outline.campaignsOf.get(workflow.id) ?? [];
  const serving = servingAny(outline, campaigns);
  const most = workflow.maxMultiplication ?? Infinity;
  const contracts = workflow.minimums?.contracts ?? 0;
  const sharing = new Set(serving.filter(({ maxShareCount = Infinity }) => maxShareCount >= contracts).map(({ client }) => client)).size;
  if (contracts > most) {
    const message = `A lead has at most ${most} buyers (maxMultiplication), so ${contracts} are never reached.`;
    warn('minimum_never_reached', 'minimums.contracts', message);
  } else if (campaigns.length > 0 && contracts > sharing) {
    const message = `Only ${sharing} clients have a contract that shares a lead with ${contracts - 1} others.`;
    warn('minimum_never_reached', 'minimums.contracts', message);
  }
  const turnover = workflow.minimums?.turnover;
  if (turnover !== undefined && campaigns.length > 0) unreachable(outline, serving, turnover, most, 'minimums.turnover', warn);
  if (campaigns.length > 0 && workflow.mode !== 'off' && serving.length === 0) {
    warn('no_contracts', '', 'No open contract serves a campaign of this workflow.');
  }
  if (workflow.mode === 'window' && !workflow.window) {
    warn('window_missing', 'window', 'Mode `window` needs a length and an interval.', 'error');
  }
  return findings;
}

export function ruleFindings(outline: Outline, workflow: Workflow, rule: Rule, place: number, path: string): Finding[] {
  const { findings, warn } = collector(path);
  const campaigns = outline.campaignsOf.get(workflow.id) ?? [];
  if (campaigns.length === 0) return findings;
  const serving = servingAny(outline, campaigns);
  const own = serving.filter((contract) => letsIn(outline, rule, contract));
  if (own.length === 0) {
    warn('rule_without_contracts', 'contracts', 'No open contract of the workflow\'s campaigns passes this filter.');
    return findings;
  }
  if (rule.method === 'weighted') weights(outline, rule, own, warn);
  if (rule.method === 'percentage') percentages(outline, rule, own, warn);
  if (rule.method === 'roundRobin' && rule.reset && rule.reset !== 'never') tail(outline, rule, own, campaigns, warn);
  if (rule.method === 'priority' && !rule.secondary) ties(outline, own, warn);
  if (rule.minTurnover !== undefined) unreachable(outline, own, rule.minTurnover,
    Math.min(rule.take ?? Infinity, workflow.maxMultiplication ?? Infinity), 'minTurnover', warn);
  starvation(outline, workflow, place, own, serving, warn);
  return findings;
}

function weights({ clients }: Outline, rule: Rule, own: readonly Contract[], warn: Warn): void {
  const weightOf = (contract: Contract) => (rule.by === 'client' ? clients.get(contract.client)?.weight : contract.weight) ?? 0;
  const without = own.filter((contract) => weightOf(contract) <= 0).map(({ id }) => id);
  if (without.length === own.length) warn('weights_absent', 'method', 'No contract of this rule has a weight: it sells to nobody.');
  else if (without.length > 0) warn('weight_missing', 'method', `Without a weight they get nothing from this rule: ${without.join(', ')}.`);
}

function percentages({ clients }: Outline, rule: Rule, own: readonly Contract[], warn: Warn): void {
  const owners = [...new Set(own.map(({ client }) => client))].flatMap((id) => clients.get(id) ?? []);
  const shares = (rule.by === 'client' ? owners : own).map(({ percentage = 0 }) => percentage);
  const sum = Math.round(shares.reduce((total, share) => total + share, 0) * 10_000) / 10_000;
  if (sum > 100) warn('percentages_above_100', 'method', `The percentages add up to ${sum}.`, 'error');
  else if (sum === 0) warn('percentages_absent', 'method', 'Nobody has a percentage: only the base method decides.');
  else if (sum < 100 && (rule.strict ?? true) && shares.every((share) => share > 0)) {
    warn('percentages_below_100', 'method', `The percentages add up to ${sum}: of a hundred leads ${100 - sum} are held back.`);
  }
}

/** RR4: with fewer leads in an interval than recipients, those at the end never get one. */
function tail({ volumes }: Outline, rule: Rule, own: readonly Contract[], campaigns: readonly Campaign[], warn: Warn): void {
  const recipients = rule.by === 'client' ? new Set(own.map(({ client }) => client)).size : own.length;
  const known = campaigns.every(({ id }) => volumes[id] !== undefined);
  const days = rule.reset === 'daily' ? 1 : 7;
  const leads = campaigns.reduce((sum, { id }) => sum + (volumes[id] ?? 0), 0) * days * Math.min(rule.take ?? 1, recipients);
  if (recipients < 2 || (known && leads >= recipients)) return;
  const volume = known ? `With ${leads} picks` : 'With fewer picks than that';
  warn('reset_starves_tail', 'reset', `${volume} between two resets, those at the end of the ${recipients} recipients never get a lead.`);
}

function ties({ clients }: Outline, own: readonly Contract[], warn: Warn): void {
  const byPriority = new Map<string, Contract[]>();
  for (const contract of own) {
    const key = `${clients.get(contract.client)?.priority}|${contract.priority}`;
    byPriority.set(key, [...(byPriority.get(key) ?? []), contract]);
  }
  const equal = [...byPriority.values()].find((tied) => tied.length > 1);
  if (!equal) return;
  const names = equal.map(({ id }) => id).join(', ');
  warn('ties_likely', 'secondary', `Equal in priority, so quality score, price and order of entry decide between them: ${names}.`);
}

/** A rule whose contracts were all offered the lead before, with nothing left that could have kept it. */
function starvation(
  outline: Outline, workflow: Workflow, place: number, own: readonly Contract[], serving: readonly Contract[], warn: Warn,
): void {
  const most = workflow.maxMultiplication ?? Infinity;
  (workflow.rules ?? []).slice(0, place).forEach((before, at) => {
    const first = serving.filter((contract) => letsIn(outline, before, contract));
    const fills = (before.take ?? Infinity) >= most || first.every(({ maxShareCount = Infinity }) => maxShareCount === 1);
    if (first.length === 0 || before.minTurnover !== undefined || !fills || !own.every((contract) => first.includes(contract))) return;
    warn('rule_starved', '', `Rule ${at} before it takes the whole lead whenever one of the same contracts can: this rule never sells.`);
  });
}

function unreachable(outline: Outline, contracts: readonly Contract[], minimum: MoneyText, most: number, at: string, warn: Warn): void {
  const { currency = 'USD' } = outline.document;
  const best = new Map<string, bigint>();
  for (const contract of contracts) {
    const price = highestPriceOf(outline, contract);
    if (price > (best.get(contract.client) ?? -1n)) best.set(contract.client, price);
  }
  const prices = [...best.values()].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0)).slice(0, Math.min(most, best.size));
  const sum = prices.reduce((total, price) => total + price, 0n);
  if (sum < parseMoney(minimum, currency)) warn('minimum_never_reached', at, `All together pay at most ${formatMoney(sum, currency)}.`);
}

export function campaignFindings(outline: Outline, campaign: Campaign, path: string): Finding[] {
  const { findings, warn } = collector(path);
  const { document } = outline;
  if (campaign.workflow === undefined && campaign.pushStrategy === undefined
    && !(document.pushStrategies ?? []).some(({ campaigns }) => campaigns?.includes(campaign.id))) {
    warn('campaign_without_workflow', '', 'Its leads are distributed by hand or from the pool only.');
  }
  priorities(outline, campaign, warn);
  if (campaign.list === undefined) return findings;
  const list = (document.lists ?? []).find(({ id }) => id === campaign.list);
  const serving = servingAny(outline, [campaign]);
  const members = serving.filter(({ id, client }) => list?.contracts?.includes(id) || list?.clients?.includes(client));
  if (members.length === 0) warn('list_leaves_nobody', 'list', `No open contract of this campaign is in the list ${campaign.list}.`);
  if (campaign.forceClient !== undefined) {
    const outside = new Set(serving.filter((contract) => !members.includes(contract)).map(({ client }) => client));
    for (const { client } of members) outside.delete(client);
    if (outside.size > 0) warn('force_against_list', 'forceClient',
      `A lead can name them, but the list keeps them out: ${[...outside].join(', ')}.`);
  }
  return findings;
}

/** A client's priority comes before its contracts': a contract meant to be first is not, if its client comes later. */
function priorities(outline: Outline, campaign: Campaign, warn: Warn): void {
  const workflow = campaign.workflow === undefined ? undefined : outline.workflowsOf.get(campaign.workflow)?.workflow;
  if (!(workflow?.rules ?? []).some(({ method }) => method === 'priority')) return;
  const of = ({ client }: Contract) => outline.clients.get(client)?.priority ?? Infinity;
  const contracts = outline.contracts.filter((contract) => serves(contract, campaign.id) && contract.priority !== undefined);
  let last: Contract | undefined;
  for (const contract of contracts.sort((a, b) => of(a) - of(b) || a.priority! - b.priority!)) {
    if (last && of(last) < of(contract) && last.priority! > contract.priority!) {
      warn('priorities_contradict', 'workflow', `${contract.id} has the better priority, but ${last.id} comes first by its client's.`);
    }
    if (!last || contract.priority! > last.priority!) last = contract;
  }
}
