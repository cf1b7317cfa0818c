/** Clients, contracts and orders, compiled: amounts in minor units, zones and places resolved, what never moves decided already. */
import {
  compileSchedule, distanceSteps, fromLocal, fnv1a, isKnownZone, parseDuration, parseMoney, placeOf, type Place,
} from '@sluice/kernel';
import { alternatives, type Conjunction } from './criteria.js';
import type { Client, Contract, MoneyText, Order, PlaceText, Settings } from './document.js';
import { limitsOf, qualifiedShareOf, type Limit, type QualifiedShare } from './limits.js';
import type { RegexEngine } from './market.js';
import { Opening } from './opening.js';
import type { State } from './state.js';

export interface Ground {
  zone: string; currency: string; requireSchedule: boolean; tiesByEntry: boolean; pointer: boolean;
  deliversAlways: boolean; regex?: RegexEngine;
}

export function groundOf(settings: Settings, options: { regex?: RegexEngine; deliversAlways?: boolean }): Ground {
  return {
    zone: zoneOf(settings.timezone ?? 'UTC'), currency: settings.currency ?? 'USD', requireSchedule: settings.requireSchedule ?? false,
    tiesByEntry: settings.ties === 'entry', pointer: settings.rotation === 'pointer', deliversAlways: options.deliversAlways ?? false,
    regex: options.regex,
  };
}

function zoneOf(name: string): string {
  if (!isKnownZone(name)) throw new RangeError(`timezone: unknown time zone ${JSON.stringify(name)}`);
  return name;
}

/** Amount as written → minor units as a number: prices are compared and added on the hot path, and all sums stay below 2^53. */
export function minorOf(ground: Ground, amount: MoneyText): number {
  const minor = Number(parseMoney(amount, ground.currency));
  if (!Number.isSafeInteger(minor)) throw new RangeError(`the amount ${amount} is too large`);
  return minor;
}

/** An instant, or a local date's midnight in the zone. Throws RangeError. */
export function instantOfDate(text: string, zone: string): number {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return fromLocal(text, '00:00', zone);
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new RangeError(`expected a date or an instant, got ${JSON.stringify(text)}`);
  return at;
}

export function placeOfText(place: PlaceText): Place | undefined {
  return 'lat' in place ? { lat: place.lat, lon: place.lon } : placeOf(place.postalCode, place.country ?? 'US');
}

/** When a thing says it was created; Infinity where it says nothing: with the document. */
function creationOf(body: { createdAt?: string }, zone: string): number {
  return body.createdAt === undefined ? Infinity : instantOfDate(body.createdAt, zone);
}

export class ClientTerms {
  readonly id: string;
  readonly createdAt: number;
  readonly zone: string;
  readonly limits: Limit[];
  readonly qualified: QualifiedShare | null;
  readonly creditLimit: number;
  readonly priority: number;
  readonly weight: number;
  readonly percentage: number;
  readonly place: Place | undefined;
  /** Numbers of its contracts. */
  readonly members = new Set<number>();
  /** Where its turn stands in a state. */
  turnOwner: State | null = null;
  turnSlot = -1;

  constructor(readonly body: Client, readonly entry: number, ground: Ground) {
    this.id = body.id;
    this.zone = zoneOf(body.timezone ?? ground.zone);
    this.createdAt = creationOf(body, this.zone);
    this.limits = limitsOf('client', body.id, body.caps, this.zone, (amount) => minorOf(ground, amount));
    this.qualified = qualifiedShareOf('client', body.id, body.percentageLimit, this.zone);
    this.creditLimit = body.creditLimit === undefined ? Infinity : minorOf(ground, body.creditLimit);
    this.priority = body.priority ?? Infinity;
    this.weight = body.weight ?? 0;
    this.percentage = body.percentage ?? -1;
    this.place = body.address && placeOfText(body.address);
  }
}

export interface OrderTerms { id: string; entry: number; quantity: number; amount: number; start: number; end: number;
  status: 'active' | 'closed' | 'pastDue' }

/** Throws RangeError. An amount may be passed by its overdraw. */
export function orderTerms(body: Order, entry: number, zone: string, ground: Ground): OrderTerms {
  return {
    id: body.id, entry, quantity: body.quantity ?? Infinity,
    amount: body.amount === undefined ? Infinity : minorOf(ground, body.amount)
      + (body.overdraw === undefined ? 0 : minorOf(ground, body.overdraw)),
    start: instantOfDate(body.start, zone), end: body.end === undefined ? Infinity : instantOfDate(body.end, zone), status: body.status
      ?? 'active',
  };
}

export class ContractTerms {
  readonly id: string;
  readonly createdAt: number;
  readonly alternatives: Conjunction[];
  readonly campaigns: readonly string[] | null;
  readonly price: number;
  /** By number of buyers: keys ascending. */
  readonly prices: { from: number[]; price: number[] } | null;
  readonly trialLeads: number;
  readonly maxShareCount: number;
  readonly quality: number;
  readonly priority: number;
  readonly weight: number;
  readonly percentage: number;
  readonly minScore: number;
  readonly maxAgeMs: number;
  readonly lookBackMs: number;
  readonly radiusSteps: number;
  readonly orderRequired: boolean;
  readonly tags: ReadonlySet<string>;
  readonly contractGroup: string | undefined;
  readonly deliveryMethod: string | undefined;
  private readonly ownPlaces: Place[];

  // Linked: what depends on other items. Set by the market, again whenever one of those changes.
  client!: ClientTerms;
  group: string | null = null;
  opening: Opening | null = null;
  limits: Limit[] = [];
  /** Of them, those that several contracts of one plan can use up together. */
  sharedLimits: Limit[] = [];
  qualified: QualifiedShare[] = [];
  orders: OrderTerms[] = [];
  places: Place[] = [];
  /** Gates that are shut whatever the lead and the time, as a mask. */
  shut = 0;
  /** Nothing but `shut` and the sharing needs to be looked at. */
  plain = false;
  hasDelivery = true;

  turnOwner: State | null = null;
  turnSlot = -1;
  /** Its number in the market. */
  index = -1;
  private isHashed = false;
  /** With its sign: so it stands in the object, while a larger number would stand in a place of its own. */
  private hash = 0;

  constructor(readonly body: Contract, readonly entry: number, ground: Ground) {
    this.id = body.id;
    this.createdAt = creationOf(body, ground.zone);
    this.alternatives = alternatives(body.criteria, ground.regex);
    this.campaigns = body.campaigns && body.campaigns.length > 0 ? body.campaigns : null;
    this.prices = pricesOf(body, ground);
    this.price = body.price === undefined ? 0 : minorOf(ground, body.price);
    this.trialLeads = body.trial?.leads ?? 0;
    this.maxShareCount = body.maxShareCount ?? Infinity;
    this.quality = body.qualityScore ?? 100;
    this.priority = body.priority ?? Infinity;
    this.weight = body.weight ?? 0;
    this.percentage = body.percentage ?? -1;
    this.minScore = body.minScore ?? -Infinity;
    this.maxAgeMs = body.maxAge === undefined ? Infinity : parseDuration(body.maxAge);
    this.lookBackMs = body.duplicateLookBack === undefined ? 0 : parseDuration(body.duplicateLookBack);
    this.radiusSteps = body.radiusKm === undefined ? Infinity : body.radiusKm * 10;
    this.orderRequired = body.order === 'required';
    this.tags = body.tags === undefined ? NO_TAGS : new Set(body.tags);
    this.contractGroup = body.contractGroup;
    this.deliveryMethod = body.deliveryMethod;
    this.ownPlaces = (body.locations ?? []).flatMap((place) => placeOfText(place) ?? []);
  }

  link(
    client: ClientTerms, links: { limits: Limit[]; groupLimits: Limit[]; orders: OrderTerms[]; opening: Opening | null; shut: number;
      hasDelivery: boolean },
  ): void {
    if (this.client !== undefined && this.client !== client) this.client.members.delete(this.index);
    this.client = client;
    client.members.add(this.index);
    const members = [this.index];
    for (const limit of links.limits) limit.members = members;
    for (const limit of client.limits) limit.members = client.members;
    this.opening = links.opening;
    this.limits = [...links.limits, ...client.limits, ...links.groupLimits];
    this.sharedLimits = links.groupLimits;
    this.orders = links.orders;
    this.shut = links.shut;
    this.hasDelivery = links.hasDelivery;
    this.places = this.ownPlaces.length > 0 || !client.place ? this.ownPlaces : [client.place];
    const own = qualifiedShareOf('contract', this.id, this.body.percentageLimit, client.zone);
    this.qualified = [own, client.qualified].filter((share) => share !== null);
    this.plain = this.limits.length === 0 && this.qualified.length === 0 && this.orders.length === 0 && !this.orderRequired && !this.opening
      && this.radiusSteps === Infinity && this.minScore === -Infinity && this.maxAgeMs === Infinity && this.lookBackMs === 0
      && client.creditLimit === Infinity && !client.body.requireConsent;
  }

  /** What it pays as one of `buyers`. */
  priceFor(buyers: number): number {
    const { prices } = this;
    if (!prices) return this.price;
    let price = prices.price[0]!;
    for (let place = 1; place < prices.from.length && prices.from[place]! <= buyers; place++) price = prices.price[place]!;
    return price;
  }

  /** The highest it could pay as one of at least `from` and at most `to` buyers. */
  highestPrice(from: number, to: number): number {
    const { prices } = this;
    if (!prices) return this.price;
    let highest = this.priceFor(from);
    for (let place = 0; place < prices.from.length; place++) {
      if (prices.from[place]! > from && prices.from[place]! <= to) highest = Math.max(highest, prices.price[place]!);
    }
    return highest;
  }

  /** Whole steps of 100 m to the nearest of its places; Infinity where either side has none. */
  distanceTo(place: Place | undefined): number {
    let nearest = Infinity;
    if (place) for (const own of this.places) nearest = Math.min(nearest, distanceSteps(own, place));
    return nearest;
  }

  /** Hash of what it offers: who turned a lead down is tried again only when this changed. */
  get terms(): number {
    if (!this.isHashed) {
      this.hash = fnv1a(JSON.stringify({ ...this.body, status: undefined, name: undefined, automation: undefined })) | 0;
      this.isHashed = true;
    }
    return this.hash >>> 0;
  }
}

const NO_TAGS: ReadonlySet<string> = new Set();

function pricesOf(body: Contract, ground: Ground): { from: number[]; price: number[] } | null {
  const entries = Object.entries(body.prices ?? {}).map(([buyers, amount]) => [Number(buyers), minorOf(ground, amount)] as const);
  if (entries.length === 0) return null;
  if (entries.some(([buyers]) => !Number.isInteger(buyers)
    || buyers < 1)) throw new RangeError('prices: expected numbers of buyers ≥ 1 as keys');
  entries.sort((a, b) => a[0] - b[0]);
  return { from: entries.map(([buyers]) => buyers), price: entries.map(([, price]) => price) };
}

export function openingOf(body: Contract, zone: string): Opening | null {
  if (!body.schedule) return null;
  return new Opening(compileSchedule({ timezone: body.schedule.timezone ?? zone, open: body.schedule.open, closed: body.schedule.closed }));
}
