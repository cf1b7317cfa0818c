/** Findings about push strategies. */
import type { PushStrategy } from './document.js';
import { conditionsOf } from './criteria.js';
import { contradicts } from './lint-contracts.js';
import type { Outline, Warn } from './lint-outline.js';
import { tail } from './lint-phases.js';

export function pushFindings(outline: Outline, strategy: PushStrategy, warn: Warn): void {
  const { id, recipients, method = 'roundRobin' } = strategy;
  if (contradicts(strategy.criteria)) {
    warn('criteria_never_hold', 'criteria', `No lead can meet the criteria of strategy ${id}, as they contradict each other: take one of them out.`);
  }
  recipients.forEach(({ to, criteria }, at) => {
    if (!contradicts(criteria)) return;
    warn('criteria_never_hold', `recipients[${at}].criteria`, `No lead can meet the criteria of recipient ${to}, as they contradict each other: take one of them out.`);
  });
  unknownFields(outline, strategy, warn);
  if (recipients.length === 0) warn('strategy_without_recipients', 'recipients', `Strategy ${id} has no recipients: its leads are held.`);
  else if (method === 'weighted') weights(strategy, warn);
  else if (strategy.reset && strategy.reset !== 'never') {
    const campaigns = (outline.document.campaigns ?? []).filter((campaign) => strategy.campaigns?.includes(campaign.id));
    tail(outline, { reset: strategy.reset, take: 1 }, recipients.length, campaigns, warn);
  }
  reach(outline, strategy, warn);
}

/** Fields that no campaign of the strategy names: its leads never have them. */
function unknownFields({ document }: Outline, { id, campaigns = [], criteria, recipients }: PushStrategy, warn: Warn): void {
  const scope = (document.campaigns ?? []).filter((campaign) => campaigns.length === 0 || campaigns.includes(campaign.id));
  if (scope.length === 0 || scope.some(({ fields }) => fields === undefined)) return;
  const asked = [criteria, ...recipients.map((recipient) => recipient.criteria)].flatMap(conditionsOf).map(({ field }) => field);
  const names = new Set(asked.filter((name) => !name.startsWith('$') && !scope.some(({ fields }) => name.split('.')[0]! in fields!)));
  if (names.size === 0) return;
  warn('field_unknown', 'criteria', `Strategy ${id} asks for what no campaign of it names: ${[...names].join(', ')}. Name it among the fields of a campaign.`);
}

function weights({ id, recipients }: PushStrategy, warn: Warn): void {
  const without = recipients.filter(({ weight = 0 }) => weight <= 0).map(({ to }) => to);
  if (without.length === recipients.length) {
    warn('weights_absent', 'method', `No recipient of strategy ${id} has a weight, so that nobody gets its leads: give weights.`);
  } else if (without.length > 0) {
    warn('weight_missing', 'method', `Without a weight they get nothing from strategy ${id}: ${without.join(', ')}. Give them one, or take them out.`);
  }
}

/** Leads come to a strategy from corporate, or from a branch that another one hands them to. */
function reach({ document }: Outline, { id, from, campaigns = [] }: PushStrategy, warn: Warn): void {
  const isFed = from === 'corporate' || (document.pushStrategies ?? []).some((other) => other.id !== id && other.recipients.some(({ to }) => to === from));
  if (!isFed) warn('strategy_unreachable', 'from', `No strategy hands leads to ${from}, so that ${id} gets none: name it as a recipient, or say from: corporate.`);
  campaigns.forEach((name, at) => {
    const workflow = (document.campaigns ?? []).find((campaign) => campaign.id === name)?.workflow;
    if (workflow === undefined) return;
    warn('strategy_unreachable', `campaigns[${at}]`, `Campaign ${name} has the workflow ${workflow}, so that strategy ${id} is not asked: a campaign has one or the other.`);
  });
}
