/** A verdict, and the change that would have altered it, as a sentence that somebody reads who knows no reason codes. */
import { formatMoney } from '@sluice/kernel';
import type { Counterfactual } from './counterfactual.js';
import type { Verdict } from './decision.js';
import type { ReasonCode } from './reasons.js';

const CAP_WORD: Readonly<Record<string, string>> = {
  hour: 'hourly', rolling60m: 'rolling hourly', day: 'daily', week: 'weekly', month: 'monthly', total: 'total',
};

/**
 * Why a contract was not given the lead, and with what single change it would have been: "acme-ny was not given this lead: its daily cap of
 * 20 was used up (20 of 20). It would have won with a daily cap of 21." `change` undefined = not looked for, so that nothing is said of it;
 * null = looked for, and there is none. `currency` of the tenant, for amounts.
 */
export function wordsFor(verdict: Verdict, change: Counterfactual | null | undefined, currency: string): string {
  if (verdict.code === 'picked') return `${verdict.contractId} was given this lead.`;
  const [first, ...others] = verdict.gates.length > 0 ? verdict.gates : [verdict.code];
  const why = reasonWords(first as ReasonCode, verdict, currency);
  const besides = others.length === 0 ? '' : `; besides, ${others.map((gate) => reasonWords(gate, { ...verdict, limit: undefined,
    detail: gate === 'criteria' || gate === 'script' ? verdict.detail : undefined }, currency)).join(', and ')}`;
  return `${verdict.contractId} was not given this lead: ${why}${besides}.${changeSentence(verdict, change, currency)}`;
}

function changeSentence({ gates }: Verdict, change: Counterfactual | null | undefined, currency: string): string {
  if (change) return ` It would have won ${changeWords(change, currency)}.`;
  if (change === undefined) return '';
  return gates.length > 1 ? ' No single change would have let it win, because more than one thing kept it out.'
    : ' No single change of the configuration would have let it win.';
}

/** The reason behind a code, as what follows a colon: "its daily cap of 20 was used up (20 of 20)". */
export function reasonWords(code: ReasonCode, verdict: Pick<Verdict, 'clientId' | 'limit' | 'detail' | 'rank'>, currency: string): string {
  const { limit, detail, clientId } = verdict;
  if (code.startsWith('cap_')) return capWords(code, limit, currency);
  switch (code) {
    case 'criteria': return detail === undefined ? 'its criteria do not let the lead in' : `its criteria do not let the lead in (${detail})`;
    case 'not_in_rule': return detail ?? PLAIN.not_in_rule!;
    case 'script': return detail === undefined ? 'a script kept it out' : `a script kept it out (${detail})`;
    case 'credit_limit': return limit ? `the credit limit of ${clientId} left no room (${useOf(limit, currency)})`
      : `the credit limit of ${clientId} left no room`;
    case 'order_exhausted': return limit ? `its order ${limit.id} was used up (${useOf(limit, currency)})` : 'its orders were used up';
    case 'percentage_limit': return limit ? `its share of the qualified leads was used up (${limit.used} of ${limit.limit})`
      : 'its share of the qualified leads was used up';
    case 'client_not_active': return `its client ${clientId} was not active`;
    case 'already_received': return `${clientId || 'its client'}, or its contract group, has this lead already`;
    case 'rejected_before': return `${clientId || 'its client'} turned this lead down before`;
    case 'consent': return `the person's consent does not name ${clientId}`;
    default: return PLAIN[code] ?? `of ${code}`;
  }
}

const PLAIN: Readonly<Partial<Record<ReasonCode, string>>> = {
  contract_not_open: 'the contract was not open',
  automation_off: 'automatic distribution was off for it',
  no_delivery_method: 'it has no delivery method that works',
  delivery_suspended: 'its deliveries were suspended, because its endpoint kept failing',
  schedule_closed: 'it was outside of its schedule',
  schedule_missing: 'it has no schedule, and needs one',
  out_of_range: 'the lead is farther away than its radius',
  no_geo: 'nobody knows where the lead is, and the contract has a radius',
  score_too_low: 'the score of the lead is below its minimum',
  lead_too_old: 'the lead was older than it takes',
  duplicate_person: 'it had a lead of the same person within its look-back',
  order_missing: 'it had no open order',
  order_past_due: 'its order was past due',
  share_count: 'the lead has as many buyers already as it may share with',
  not_active: 'nobody there was active',
  not_in_list: 'it is not in the list that the lead may be distributed to',
  not_in_rule: 'no rule of the workflow lets it in',
  no_weight: 'it has no weight in a rule that goes by weight',
  held_back: 'its percentage of the leads was used up',
  sibling: 'another contract of its client, or of its group, stood for it',
  rule_minimum: 'the picks of its rule did not reach the minimum turnover of the rule',
  total_minimum: 'the plan did not reach the minimums of the workflow',
  outranked: 'others ranked before it took the places there were',
  internal_error: 'the decision failed',
};

function capWords(code: ReasonCode, limit: Verdict['limit'], currency: string): string {
  if (!limit || !(limit.window in CAP_WORD)) return `its ${CAP_WORD[code.slice('cap_'.length)] ?? ''} cap was used up`;
  const cap = `${CAP_WORD[limit.window]} cap`;
  const whose = limit.scope === 'contract' ? `its ${cap}` : `the ${cap} of ${limit.scope} ${limit.id}`;
  const most = limit.metric === 'count' ? String(limit.limit) : money(limit.limit, currency);
  return `${whose} of ${most} ${limit.metric === 'count' ? 'was used up' : 'left no room'} (${useOf(limit, currency)})`;
}

function useOf({ metric, used, limit }: NonNullable<Verdict['limit']>, currency: string): string {
  return metric === 'count' ? `${used} of ${limit}` : `${formatMoney(BigInt(used), currency)} of ${money(limit, currency)}`;
}

function money(minor: number, currency: string): string {
  return `${formatMoney(BigInt(minor), currency)} ${currency}`;
}

/** The change as what follows "it would have won": "with a daily cap of 21". */
export function changeWords(change: Counterfactual, currency: string): string {
  const { kind, id, path, to, words } = change;
  const whose = kind === 'contract' ? '' : ` for ${kind} ${id}`;
  const [head = '', ...rest] = path.split('.');
  if (head === 'caps') {
    const amount = typeof to === 'string' ? `${to} ${currency}` : String(to);
    return `with ${withArticle(rest[0])} of ${amount}${whose}`;
  }
  if (kind === 'pushStrategy') return recipientWords(rest, to, id, words);
  if (head === 'schedule') return words.startsWith('open ') ? `had it been ${words}` : `with ${words}`;
  if (head === 'criteria') return `with other criteria (${words})`;
  const plain = CHANGE_WORDS[`${kind}.${head}`]?.(String(to), id, currency);
  return plain ?? `with this change: ${words}`;
}

function withArticle(window = ''): string {
  return `${window === 'hour' ? 'an' : 'a'} ${CAP_WORD[window] ?? ''} cap`;
}

/** Of a push strategy: `recipients.0.weight`, `recipients.0.caps.day`, `onlyActiveWithin`. */
function recipientWords(rest: readonly string[], to: unknown, id: string, words: string): string {
  if (rest[1] === 'weight') return `with a weight of ${String(to)} or more`;
  if (rest[1] === 'caps') return `with ${withArticle(rest[2])} of ${String(to)}`;
  return words.startsWith('active ') ? `had strategy ${id} let it have been active as long ago as ${String(to)}` : `with ${words}`;
}

const CHANGE_WORDS: Readonly<Record<string, (to: string, id: string, currency: string) => string>> = {
  'contract.price': (to, _id, currency) => `at a price of ${to} ${currency} or more`,
  'contract.qualityScore': (to) => `with a quality score of ${to} or more`,
  'contract.weight': (to) => `with a weight of ${to} or more`,
  'contract.percentage': (to) => `with a percentage of ${to} or more`,
  'contract.priority': (to) => `with priority ${to}`,
  'contract.status': () => 'had the contract been open',
  'contract.automation': () => 'had automatic distribution been on for it',
  'contract.radiusKm': (to) => (to === 'undefined' ? 'without a radius' : `with a radius of ${to} km`),
  'contract.minScore': (to) => `with a minimum score of ${to}`,
  'contract.maxAge': (to) => `had it taken leads up to ${to} old`,
  'contract.maxShareCount': (to) => `with a share count of ${to}`,
  'contract.order': () => 'had it needed no order',
  'contract.percentageLimit': (to) => `with a percentage limit of ${to}`,
  'client.status': (_to, id) => `had client ${id} been active`,
  'client.automation': (_to, id) => `had automatic distribution been on for client ${id}`,
  'client.creditLimit': (to, id, currency) => `with a credit limit of ${to} ${currency} for client ${id}`,
  'client.percentageLimit': (to, id) => `with a percentage limit of ${to} for client ${id}`,
  'deliveryMethod.enabled': (_to, id) => `had delivery method ${id} been enabled`,
  'order.status': (_to, id) => `had order ${id} been active`,
  'order.quantity': (to, id) => `with a quantity of ${to} in order ${id}`,
  'order.amount': (to, id, currency) => `with an amount of ${to} ${currency} in order ${id}`,
  'workflow.maxMultiplication': (to, id) => `had workflow ${id} let a lead have ${to} buyers`,
  'list.contracts': (_to, id) => `had it been in the list ${id}`,
};
