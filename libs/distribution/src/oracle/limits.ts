/** What is used up: caps (C1–C3), orders (O1), percentage limits of qualified leads (P3), counted from the history each time. */
import { bucketOf, fromLocal, parseMoney, type BucketWindow } from '@sluice/kernel';
import type { Caps, CapWindow, Client, ConfigDocument, Contract, Order } from '../document.js';
import type { Gate } from '../reasons.js';
import {
  ceil, clientIdOf, clientOf, decimal, documentAt, documentNow, fraction, groupOf, reservations, stands, times, zoneOf, type History,
  type Reservation, type Sharer,
} from './history.js';

const HOUR_MS = 3_600_000;
const CAP_GATES: readonly (readonly [CapWindow, Gate])[] = [
  ['hour', 'cap_hour'], ['rolling60m', 'cap_hour'], ['day', 'cap_day'], ['week', 'cap_week'], ['month', 'cap_month'],
  ['total', 'cap_total'],
];

export function money(document: ConfigDocument, amount: string | number | undefined): bigint {
  return parseMoney(amount ?? 0, document.currency ?? 'USD');
}

/** Price for a number of buyers; a missing key takes the next lower one. */
export function priceFor(document: ConfigDocument, contract: Contract, buyers: number): bigint {
  if (!contract.prices) return money(document, contract.price);
  const keys = Object.keys(contract.prices).map(Number).sort((a, b) => a - b);
  const key = keys.filter((each) => each <= buyers).pop() ?? keys[0];
  return money(document, contract.prices[String(key)]);
}

/** The highest price possible among as many buyers as sharing still allows: what gates and ranks take, as they come before any plan. */
export function highestPrice(
  document: ConfigDocument, contract: Contract, sold: readonly Sharer[], maxMultiplication?: number,
): bigint {
  const limits = [maxMultiplication, contract.maxShareCount, ...sold.map(({ maxShareCount }) => maxShareCount)].map((limit) => limit ?? 9);
  let highest = priceFor(document, contract, sold.length + 1);
  for (let buyers = sold.length + 2; buyers <= Math.min(...limits); buyers++) {
    const price = priceFor(document, contract, buyers);
    if (price > highest) highest = price;
  }
  return highest;
}

/** What the lead would cost the contract at most: nothing while it has free leads. */
export function askingPrice(history: History, contract: Contract, sold: readonly Sharer[], maxMultiplication?: number): bigint {
  return trialsLeft(history, contract) > 0 ? 0n : highestPrice(documentNow(history), contract, sold, maxMultiplication);
}

/** Free leads that are left of a trial. */
export function trialsLeft(history: History, contract: Contract): number {
  const used = reservations(history).filter((each) => each.contract === contract.id && each.trial && stands(history, each)).length;
  return Math.max(0, (contract.trial?.leads ?? 0) - used);
}

interface Scope { caps: Caps; zone: string; covers: (each: Reservation) => boolean }

/** Gates of all caps that bind the contract: its own, its client's, its delivery group's and the campaign's. */
export function capGates(history: History, contract: Contract, campaign: string, price: bigint, now: number): Gate[] {
  const document = documentNow(history);
  const client = clientOf(document, contract);
  const group = document.groups?.find(({ id }) => id === groupOf(document, contract));
  const ofCampaign = document.campaigns?.find(({ id }) => id === campaign);
  const scopes: Scope[] = [];
  const bind = (caps: Caps | undefined, zone: string, covers: Scope['covers']) => {
    if (caps) scopes.push({ caps, zone: caps.timezone ?? zone, covers });
  };
  bind(contract.caps, zoneOf(document, client), (each) => each.contract === contract.id);
  bind(client.caps, zoneOf(document, client), (each) => each.client === client.id);
  bind(group?.caps, zoneOf(document, group), (each) => each.group === group?.id);
  bind(ofCampaign?.caps, zoneOf(document, undefined), (each) => each.campaign === campaign);
  return scopes.flatMap(({ caps, zone, covers }) => CAP_GATES.flatMap(([window, gate]) => {
    const cap = caps[window];
    if (cap === undefined) return [];
    const used = reservations(history)
      .filter((each) => covers(each) && stands(history, each) && counts(history, each, window, caps, zone, now));
    const { count, amount } = typeof cap === 'number' ? { count: cap, amount: undefined } : cap;
    const spent = used.reduce((sum, each) => sum + each.priceMinor, 0n);
    const full = (count !== undefined && used.length + 1 > count) || (amount !== undefined && spent + price > money(document, amount));
    return full ? [gate] : [];
  }));
}

/** Whether a reservation is counted in the bucket of now. A return within its bucket gave the unit back (C3). */
function counts(history: History, each: Reservation, window: CapWindow, caps: Caps, zone: string, now: number): boolean {
  const bucket = (at: number) => bucketOf(at, zone, window as BucketWindow, caps.weekStart ?? 'mon');
  const sameBucket = (a: number, b: number) => (window === 'rolling60m' ? Math.abs(a - b) < HOUR_MS : bucket(a) === bucket(b));
  const back = history.find((fact) => fact.type === 'returned' && fact.lead === each.lead && fact.contract === each.contract);
  return sameBucket(each.at, now) && !(back && sameBucket(each.at, back.at));
}

/** Order that pays for a lead now, or why none does. FIFO by start; an order is open from its start until its end. */
export function orderFor(history: History, contract: Contract, priceMinor: bigint, now: number): { order?: Order; gate?: Gate } {
  const document = documentNow(history);
  const open = (document.orders ?? [])
    .filter((order) => order.contract === contract.id && isOpen(document, order, now))
    .sort((a, b) => instantIn(document, a, a.start) - instantIn(document, b, b.start));
  const paying = open.filter(({ status }) => status !== 'pastDue').find((order) => hasRoom(history, document, order, priceMinor));
  if (paying) return { order: paying };
  if (open.length === 0) return { gate: 'order_missing' };
  return { gate: open.some(({ status }) => status !== 'pastDue') ? 'order_exhausted' : 'order_past_due' };
}

function hasRoom(history: History, document: ConfigDocument, order: Order, priceMinor: bigint): boolean {
  const used = reservations(history)
    .filter((each) => each.order === order.id && stands(history, each) && !wasReturnedTo(history, order, each));
  if (order.quantity !== undefined && used.length >= order.quantity) return false;
  if (order.amount === undefined) return true;
  const left = money(document, order.amount) - used.reduce((sum, each) => sum + each.priceMinor, 0n);
  return left + money(document, order.overdraw) >= priceMinor;
}

/** Open from its start until its end, or until closed by hand, filled or not. */
function isOpen(document: ConfigDocument, order: Order, at: number): boolean {
  const ended = order.end !== undefined && at >= instantIn(document, order, order.end);
  return order.status !== 'closed' && at >= instantIn(document, order, order.start) && !ended;
}

/** A date alone is its midnight in the zone of the client. */
export function instantIn(document: ConfigDocument, { contract }: Order, text: string): number {
  if (text.includes('T')) return Date.parse(text);
  const of = document.contracts?.find(({ id }) => id === contract);
  return fromLocal(text, '00:00', of ? zoneOf(document, clientOf(document, of)) : 'UTC');
}

/** The unit went back to its own order, as that was open when the return was approved. */
function wasReturnedTo(history: History, order: Order, each: Reservation): boolean {
  return history.some((fact, place) => {
    if (fact.type !== 'returned' || fact.lead !== each.lead || fact.contract !== each.contract) return false;
    const then = documentAt(history, place);
    const known = then.contracts?.some(({ id }) => id === order.contract) && then.orders?.find(({ id }) => id === order.id);
    return known ? isOpen(then, known, fact.at) : false;
  });
}

/** What a client owes: all it took and did not return, from the pool too (A4). */
export function creditUsed(history: History, client: string): bigint {
  const taken = [
    ...reservations(history).filter((each) => stands(history, each)), ...history.filter((fact) => fact.type === 'cherryPicked'),
  ].filter((each) => each.client === client);
  const owed = taken.filter((each) => !history.some((fact) => (
    fact.type === 'returned' && fact.lead === each.lead && fact.contract === each.contract)));
  return owed.reduce((sum, { priceMinor }) => sum + priceMinor, 0n);
}

export function creditLimit(document: ConfigDocument, contract: Contract): bigint {
  const limit = clientOf(document, contract).creditLimit;
  return limit === undefined ? 10n ** 18n : money(document, limit);
}

/** P3 of the contract and of its client; `qualifies` says that this lead passed the contract's static gates. */
export function percentageAllows(history: History, contract: Contract, lead: string, now: number): boolean {
  const document = documentNow(history);
  const client = clientOf(document, contract);
  return allows(history, client, contract.percentageLimit, (id) => id === contract.id, lead, now)
    && allows(history, client, client.percentageLimit, (id) => clientIdOf(history, id) === client.id, lead, now);
}

type Limit = Contract['percentageLimit'];

function allows(
  history: History, client: Client, limit: Limit, binds: (contract: string) => boolean, lead: string, now: number,
): boolean {
  if (!limit) return true;
  const zone = zoneOf(documentNow(history), client);
  const inBucket = (at: number) => bucketOf(at, zone, limit.lookBack) === bucketOf(now, zone, limit.lookBack);
  const qualified = new Set(history.flatMap((fact) => (
    fact.type === 'attempted' && inBucket(fact.at) && fact.qualified.some(binds) ? [fact.lead] : [])));
  qualified.add(lead);
  const delivered = reservations(history)
    .filter((each) => binds(each.contract) && inBucket(each.at) && stands(history, each)).length;
  return BigInt(delivered + 1) <= ceil(times(times(decimal(limit.percent), fraction(1, 100)), fraction(qualified.size)));
}
