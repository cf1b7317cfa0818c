/** Findings about one contract or order: terms that contradict themselves or each other. */
import { compileSchedule, formatMoney, parseMoney } from '@sluice/kernel';
import type { Atom } from './atoms.js';
import { alternatives } from './criteria.js';
import type { CapLimit, Caps, Contract, Criteria, Order } from './document.js';
import { highestPriceOf } from './lint-money.js';
import { isInSomePhase, isListed, serves, type Outline, type Warn } from './lint-outline.js';

const DAY_MS = 86_400_000;

export function contractFindings(outline: Outline, contract: Contract, warn: Warn): void {
  const { id, schedule } = contract;
  if (contradicts(contract.criteria)) {
    warn('criteria_never_hold', 'criteria', `No lead can meet the criteria of contract ${id}, as they contradict each other: take one of them out, or join them by any.`);
  }
  if (schedule && neverOpens(outline, contract)) {
    warn('schedule_never_opens', 'schedule', `The schedule of contract ${id} has no open hour: add one, or take the schedule away.`);
  }
  if (!schedule && outline.document.requireSchedule === true) {
    warn('schedule_missing', 'schedule', `A schedule is required, and contract ${id} has none, so that it gets no leads: add one.`);
  }
  if ((contract.status ?? 'open') === 'open' && !isReached(outline, contract)) {
    warn('contract_unreachable', '', `No rule of a workflow that distributes can pick ${id}: look at its campaigns, their lists, and the rules' filters.`);
  }
  if (contract.price !== undefined && contract.prices !== undefined) {
    warn('price_beside_prices', 'price', `Contract ${id} has prices by number of sharers, so that its price says nothing: take one of them out.`);
  }
  caps(contract, warn);
  if (contract.order === 'required' && !(outline.document.orders ?? [])
    .some((order) => order.contract === id && order.status !== 'closed')) {
    warn('order_missing', 'order', `Contract ${id} needs an order to get leads, and has none that is open: add one, or say order: optional.`);
  }
}

function caps({ id, caps: own }: Contract, warn: Warn): void {
  const windows = ['hour', 'day', 'week', 'month', 'total'] as const;
  windows.forEach((window, place) => {
    const limit = countOf(own?.[window]);
    if (limit === undefined) return;
    if (limit === 0) {
      warn('cap_of_nothing', `caps.${window}`, `The cap of contract ${id} lets no lead through: raise it, or pause the contract.`);
      return;
    }
    const wider = windows.slice(place + 1).find((other) => (countOf(own?.[other]) ?? Infinity) < limit);
    if (!wider) return;
    const message = `The cap of contract ${id} by ${window} (${limit}) is never reached, because that by ${wider} is ${countOf(own?.[wider])}: lower one or raise the other.`;
    warn('cap_never_reached', `caps.${window}`, message);
  });
}

export function orderFindings(outline: Outline, order: Order, warn: Warn): void {
  const contract = outline.contracts.find(({ id }) => id === order.contract);
  if (!contract || order.status === 'closed') return;
  const most = mostLeads(outline, contract, order);
  if (order.quantity !== undefined && most.leads < order.quantity) {
    warn('cap_below_order', 'quantity', `The caps of ${contract.id} let ${most.leads} leads through while order ${order.id} of ${order.quantity} is open: raise them, or lower the order.`);
  }
  if (order.amount === undefined || most.money === undefined) return;
  const currency = outline.document.currency ?? 'USD';
  if (most.money >= parseMoney(order.amount, currency)) return;
  warn('cap_below_order', 'amount', `The caps of ${contract.id} let ${formatMoney(most.money, currency)} through while order ${order.id} of ${order.amount} is open: raise them, or lower the order.`);
}

/** What the caps of a contract and its client let through while an order is open; `money` undefined = any amount. */
function mostLeads(outline: Outline, contract: Contract, { start, end }: Order): { leads: number; money: bigint | undefined } {
  const days = end === undefined ? Infinity : Math.max(1, Math.ceil((Date.parse(end) - Date.parse(start)) / DAY_MS));
  const buckets = { total: 1, month: Math.ceil(days / 28) + 1, week: Math.ceil(days / 7) + 1, day: days, hour: days * 25 };
  const price = highestPriceOf(outline, contract);
  const currency = outline.document.currency ?? 'USD';
  let leads = Infinity;
  let money: bigint | undefined;
  const atMost = (sum: bigint) => { if (money === undefined || sum < money) money = sum; };
  for (const own of [contract.caps, outline.clients.get(contract.client)?.caps] as (Caps | undefined)[]) {
    for (const [window, times] of Object.entries(buckets) as [keyof typeof buckets, number][]) {
      const limit = own?.[window];
      if (limit === undefined || times === Infinity) continue;
      const count = countOf(limit);
      if (count !== undefined) { leads = Math.min(leads, count * times); atMost(price * BigInt(count * times)); }
      const amount = typeof limit === 'object' ? limit.amount : undefined;
      if (amount === undefined) continue;
      const sum = parseMoney(amount, currency) * BigInt(times);
      atMost(sum);
      if (price > 0n && !contract.prices) leads = Math.min(leads, Number(sum / price));
    }
  }
  return { leads, money };
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
    const fallback = workflow.fallback === undefined ? undefined : outline.workflowsOf.get(workflow.fallback)?.workflow;
    const tried = fallback ? [workflow, fallback] : [workflow];
    return isListed(outline, campaign, contract) && tried.some((each) => isInSomePhase(outline, each, contract));
  });
}

function countOf(cap: CapLimit | undefined): number | undefined {
  return typeof cap === 'object' ? cap.count : cap;
}
