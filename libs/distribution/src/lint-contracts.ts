/** Findings about one contract or order: terms that contradict themselves or each other. */
import { compileSchedule, parseMoney } from '@sluice/kernel';
import type { Atom } from './atoms.js';
import { alternatives } from './criteria.js';
import type { CapLimit, Contract, Criteria, Order, Rule } from './document.js';
import { groupOf, serves, type Finding, type Outline } from './lint.js';

const DAY_MS = 86_400_000;

export function contractFindings(outline: Outline, contract: Contract, path: string): Finding[] {
  const findings: Finding[] = [];
  const warn = (code: string, at: string, message: string) =>
    findings.push({ level: 'warning', code, path: at ? `${path}.${at}` : path, message });
  if (contradicts(contract.criteria)) warn('criteria_never_hold', 'criteria',
    'No lead can meet these criteria: they contradict each other.');
  if (contract.schedule && neverOpens(outline, contract)) warn('schedule_never_opens', 'schedule', 'This schedule has no open hour.');
  if ((contract.status ?? 'open') === 'open' && !isReached(outline, contract)) {
    const message = `No rule of a workflow that distributes can pick ${contract.id}: look at its campaigns, and at the rules' filters.`;
    warn('contract_unreachable', '', message);
  }
  const caps = { hour: countOf(contract.caps?.hour), day: countOf(contract.caps?.day), week: countOf(contract.caps?.week),
    month: countOf(contract.caps?.month) };
  const rising = [['hour', caps.hour], ['day', caps.day], ['week', caps.week], ['month', caps.month]] as const;
  rising.forEach(([window, limit], place) => {
    const wider = rising.slice(place + 1).find(([, other]) => other !== undefined && limit !== undefined && other < limit);
    if (wider) warn('cap_never_reached', `caps.${window}`,
      `The cap of a ${window} (${limit}) is never reached, because that of a ${wider[0]} is ${wider[1]}.`);
  });
  if (contract.order === 'required' && !(outline.document.orders ?? [])
    .some((order) => order.contract === contract.id && order.status !== 'closed')) {
    warn('order_missing', 'order', 'This contract needs an order to get leads, and has none.');
  }
  return findings;
}

export function orderFindings(outline: Outline, order: Order, path: string): Finding[] {
  const contract = outline.contracts.find(({ id }) => id === order.contract);
  const findings: Finding[] = [];
  if (!contract || order.quantity === undefined) return findings;
  const total = countOf(contract.caps?.total);
  const days = order.end === undefined ? undefined : Math.max(1, Math.round((Date.parse(order.end) - Date.parse(order.start)) / DAY_MS));
  const day = countOf(contract.caps?.day);
  const most = Math.min(total ?? Infinity, days !== undefined && day !== undefined ? days * day : Infinity);
  if (most < order.quantity) {
    const message = `The caps of ${contract.id} let ${most} leads through while this order of ${order.quantity} is open.`;
    findings.push({ level: 'warning', code: 'cap_below_order', path: `${path}.quantity`, message });
  }
  return findings;
}

/** No value of any field meets them. */
export function contradicts(criteria: Criteria | undefined): boolean {
  // Patterns are not judged, so any engine will do.
  return alternatives(criteria, () => ({ test: () => true })).every((conjunction) => conjunction.some(isEmpty));
}

function isEmpty(atom: Atom): boolean {
  if (atom.kind === 'test') return false;
  if (atom.missing) return false;
  return atom.kind === 'set' ? !atom.complement && atom.values.length === 0 : atom.intervals.length === 0 && !atom.other;
}

function neverOpens({ document, clients }: Outline, { client, schedule }: Contract): boolean {
  const zone = schedule?.timezone ?? clients.get(client)?.timezone ?? document.timezone ?? 'UTC';
  const compiled = compileSchedule({ timezone: zone, open: schedule?.open ?? {}, closed: schedule?.closed });
  return !compiled.isOpen(0) && compiled.nextChange(0) === undefined;
}

function isReached(outline: Outline, contract: Contract): boolean {
  return (outline.document.campaigns ?? []).some((campaign) => {
    const workflow = campaign.workflow === undefined ? undefined : outline.workflowsOf.get(campaign.workflow)?.workflow;
    if (!serves(contract, campaign.id) || !workflow) return false;
    // By hand, or from the pool, it can be reached without rules.
    if (workflow.mode === 'off') return true;
    const group = groupOf(outline, contract);
    return (workflow.groups ?? []).some((phase) => phase.group === group) || (workflow.rules ?? [])
      .some((rule) => letsIn(outline, rule, contract));
  });
}

/** Whether a rule's filter lets a contract in. */
export function letsIn(outline: Outline, { contracts: filter }: Rule, contract: Contract): boolean {
  const named = [...(filter?.groups ?? []), ...(filter?.tags ?? []), ...(filter?.ids ?? []), ...(filter?.clients ?? [])];
  if (!filter || named.length === 0) return true;
  const group = groupOf(outline, contract);
  return (filter.ids ?? []).includes(contract.id) || (group !== undefined && (filter.groups ?? []).includes(group))
    || (filter.clients ?? []).includes(contract.client) || (filter.tags ?? []).some((tag) => contract.tags?.includes(tag));
}

function countOf(cap: CapLimit | undefined): number | undefined {
  return typeof cap === 'object' ? cap.count : cap;
}

/** The most a contract pays, in minor units. */
export function highestPriceOf({ document }: Outline, contract: Contract): bigint {
  const currency = document.currency ?? 'USD';
  const prices = Object.values(contract.prices ?? {}).map((price) => parseMoney(price, currency));
  if (prices.length === 0) return contract.price === undefined ? 0n : parseMoney(contract.price, currency);
  return prices.reduce((most, price) => (price > most ? price : most), 0n);
}
