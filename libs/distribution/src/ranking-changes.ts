/** Changes for a contract that passed every gate and was not picked: of what its rule ranks by, of the rule itself, of the sharing. */
import { formatMoney } from '@sluice/kernel';
import { contractOf, workflowChange, type Change, type Trial } from './changes.js';
import type { Method, Rule } from './document.js';

const QUALITY_MAX = 1337;
const WEIGHT_MAX = 1_000_000;

export function* rankingChanges(trial: Trial): Iterable<Change> {
  const { loser, moment: { market, lead, request } } = trial;
  const id = request.workflow ?? market.campaigns.get(lead.campaignId)?.body.workflow;
  const workflow = id === undefined ? undefined : market.workflows.get(id);
  const methods = new Set<Method>(loser.rank ? [loser.rank.method] : []);
  for (const { method, secondary, filter } of workflow?.phases ?? []) {
    if (filter !== null && !filter(market.contracts.get(loser.contractId)!)) continue;
    methods.add(method);
    if (secondary) methods.add(secondary);
  }
  if (loser.code === 'not_in_rule') yield* filterChanges(trial, workflow?.body.rules ?? []);
  for (const method of methods) yield* methodChanges(trial, method);
  // Minimums are met by paying more, whatever the rule ranks by.
  if (loser.code === 'rule_minimum' || loser.code === 'total_minimum' || loser.code === 'sibling') yield* priceChanges(trial);
  yield* sharingChanges(trial, workflow?.body.rules ?? []);
}

function* methodChanges(trial: Trial, method: Method): Iterable<Change> {
  const { loser } = trial;
  const contract = contractOf(trial);
  const own = (path: string, to: unknown, words: string): Change => ({ kind: 'contract', id: loser.contractId, path, to, words });
  if (method === 'price' || method === 'turnover') yield* priceChanges(trial);
  if (method === 'qualityScore' || method === 'leadCount') {
    const from = contract.qualityScore ?? 100;
    const to = smallest(trial, from + 1, QUALITY_MAX, (value) => own('qualityScore', value, `quality score ≥ ${value}`));
    if (to) yield to;
    yield* priceChanges(trial);
  }
  if (method === 'priority') {
    for (const to of prioritiesAbove(trial)) yield own('priority', to, `priority ${contract.priority ?? 'unset'} → ${to}`);
  }
  if (method === 'weighted') {
    const to = smallest(trial, Math.floor(contract.weight ?? 0) + 1, WEIGHT_MAX, (value) => own('weight', value, `weight ≥ ${value}`));
    if (to) yield to;
  }
  if (method === 'percentage') {
    const from = Math.floor(contract.percentage ?? 0) + 1;
    const to = smallest(trial, from, 100, (value) => own('percentage', value, `percentage ≥ ${value}`));
    if (to) yield to;
  }
}

function* priceChanges(trial: Trial): Iterable<Change> {
  const { loser, moment: { market } } = trial;
  const terms = market.contracts.get(loser.contractId)!;
  // A table of prices, or a free lead, is more than one number.
  if (terms.prices !== null || terms.trialLeads > 0) return;
  const { currency } = market.ground;
  const highest = [...market.contracts.values()].reduce((most, { price }) => Math.max(most, price), terms.price);
  const others = trial.bodies.size;
  const change = (value: number): Change => {
    const to = formatMoney(BigInt(value), currency);
    return { kind: 'contract', id: loser.contractId, path: 'price', to, words: `price ≥ ${to}` };
  };
  const found = smallest(trial, terms.price + 1, (highest + 1) * Math.max(2, others), change);
  if (found) yield found;
}

/** Values just before each other contract's, nearest first: the largest number that still wins is the smallest change. */
function prioritiesAbove({ loser, bodies, moment: { market } }: Trial): number[] {
  const values = [...bodies.values()].flatMap((item) => (item.kind === 'contract' ? market.contracts.get(item.id)?.priority ?? [] : []));
  const own = market.contracts.get(loser.contractId)!.priority;
  const before = values.flatMap((value) => (value === Infinity ? [0] : [value, value - 1])).filter((value) => value < own);
  return [...new Set(before)].sort((a, b) => b - a);
}

/**
 * The smallest value that wins, where winning grows with the value: it doubles the step until one wins and halves back. Where it does not
 * grow so, what it finds still wins, and need not be the smallest.
 */
export function smallest(trial: Trial, from: number, most: number, change: (value: number) => Change): Change | undefined {
  if (from > most) return undefined;
  let low = from - 1;
  let high = from;
  for (let step = 1; !trial.wins(change(high)); step *= 2) {
    if (high >= most) return undefined;
    low = high;
    high = Math.min(most, high + step);
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (trial.wins(change(middle))) high = middle; else low = middle;
  }
  return change(high);
}

function* filterChanges(trial: Trial, rules: readonly Rule[]): Iterable<Change> {
  for (const [place, { contracts }] of rules.entries()) {
    const ids = [...(contracts?.ids ?? []), trial.loser.contractId];
    yield* workflowChange(trial, `rules.${place}.contracts.ids`, ids, `in the filter of rule ${place + 1}`);
  }
}

function* sharingChanges(trial: Trial, rules: readonly Rule[]): Iterable<Change> {
  const { loser, moment: { market, lead, request } } = trial;
  const contract = contractOf(trial);
  if (contract.maxShareCount !== undefined) {
    for (let most = contract.maxShareCount + 1; most <= contract.maxShareCount + 4; most++) {
      yield { kind: 'contract', id: loser.contractId, path: 'maxShareCount', to: most,
        words: `share count ${contract.maxShareCount} → ${most}` };
    }
  }
  for (const [place, { take }] of rules.entries()) {
    for (let to = (take ?? Infinity) + 1; take !== undefined && to <= take + 4; to++) {
      yield* workflowChange(trial, `rules.${place}.take`, to, `rule ${place + 1} takes ${to}`);
    }
  }
  const id = request.workflow ?? market.campaigns.get(lead.campaignId)?.body.workflow ?? '';
  const most = market.workflows.get(id)?.body.maxMultiplication;
  for (let to = (most ?? Infinity) + 1; most !== undefined && to <= most + 4; to++) {
    yield* workflowChange(trial, 'maxMultiplication', to, `multiplication ${most} → ${to}`);
  }
}
