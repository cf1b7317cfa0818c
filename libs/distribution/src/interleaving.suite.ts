/**
 * For properties of any run: a tight set-up, whatever can happen to its leads in any order, and a bookkeeper who writes down what was sold
 * and reckons from that alone, with no counter of the library's.
 */
import { bucketOf, parseMoney, type BucketWindow } from '@sluice/kernel';
import fc from 'fast-check';
import { decide } from './decide.js';
import type { Request } from './decision.js';
import type { Caps, CapWindow, ConfigDocument, Contract, Method, Order, Workflow } from './document.js';
import { itemsOf } from './items.js';
import { newLife, type Holding, type Lead, type Life } from './lead.js';
import { Market } from './market.js';
import type { Gate } from './reasons.js';
import { accept, release, reserve, returned } from './reserve.js';
import { SalesLog } from './sales-log.js';
import { State } from './state.js';

const START = Date.UTC(2026, 2, 7, 3);
const ZONES = ['America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
const WINDOWS = ['hour', 'rolling60m', 'day', 'week', 'month', 'total'] as const;
const METHODS: Method[] = [
  'price', 'priority', 'roundRobin', 'weighted', 'percentage', 'qualityScore', 'random', 'freeTrial', 'turnover', 'leadCount',
];

const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined, freq: 2 });
/** Not so often that everything is shut. */
const seldom = <T>(some: fc.Arbitrary<T>) => fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: some });
const limit = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.record({ amount: fc.constantFrom(15, 30, 55) }),
  fc.record({ count: fc.integer({ min: 1, max: 3 }), amount: fc.constantFrom(20, 45) }));
const caps = fc.dictionary(fc.constantFrom(...WINDOWS), limit, { maxKeys: 2 }).map((all): Caps => ({ ...all }));
const zoned = fc.record({ caps, timezone: maybe(fc.constantFrom(...ZONES)) })
  .map(({ caps: all, timezone }): Caps => (timezone === undefined ? all : { ...all, timezone }));

const contract = fc.record({
  client: fc.constantFrom('c0', 'c1', 'c2', 'c3'), price: fc.constantFrom(0, 5, 10, 20, 40),
  prices: maybe(fc.constantFrom({ 1: 40, 2: 25, 3: 10 }, { 2: 12 }, { 1: 5, 3: 20 })),
  maxShareCount: maybe(fc.integer({ min: 1, max: 4 })), group: maybe(fc.constantFrom('g', 'h')), contractGroup: maybe(fc.constant('pair')),
  caps: seldom(zoned), order: seldom(fc.constantFrom('required' as const, 'optional' as const)), weight: fc.integer({ min: 1, max: 4 }),
  percentage: maybe(fc.constantFrom(10, 25)), trial: maybe(fc.constant({ leads: 2 })),
});
const orders = fc.array(fc.record({
  of: fc.nat({ max: 6 }), quantity: maybe(fc.integer({ min: 1, max: 3 })), amount: maybe(fc.constantFrom(20, 45)),
  overdraw: maybe(fc.constantFrom(5, 20)), start: fc.constantFrom('2026-03-01', '2026-03-07T09:00:00Z'), end: maybe(fc.constant('2026-03-10')),
}), { maxLength: 5 });
const rule = fc.record({
  method: fc.constantFrom(...METHODS), by: fc.constantFrom('contract' as const, 'client' as const), take: maybe(fc.integer({ min: 1, max: 3 })),
  reset: fc.constantFrom('never' as const, 'daily' as const), minTurnover: maybe(fc.constantFrom(10, 25)),
});

/** Documents full of limits of every scope. */
export const tight = fc.record({
  contracts: fc.array(contract, { minLength: 2, maxLength: 6 }), orders, rules: fc.array(rule, { minLength: 1, maxLength: 2 }),
  maxMultiplication: maybe(fc.integer({ min: 1, max: 4 })), priceOptimization: fc.constantFrom('pooled' as const, 'separate' as const),
  clientCaps: fc.array(seldom(zoned), { minLength: 4, maxLength: 4 }), credit: maybe(fc.constantFrom(30, 60)), groupCaps: seldom(zoned),
  campaignCaps: seldom(zoned), stop: fc.boolean(), counts: fc.boolean(),
}).map((drawn): ConfigDocument => ({
  apiVersion: 'v1', timezone: 'America/New_York', groups: [{ id: 'g', caps: drawn.groupCaps }],
  clients: drawn.clientCaps.map((all, place) => ({
    id: `c${place}`, caps: all, weight: place + 1, tierDelivery: place === 2, ...(place === 1 ? { timezone: ZONES[1] } : {}),
    ...(place === 0 && drawn.credit !== undefined ? { creditLimit: drawn.credit } : {}),
  })),
  contracts: drawn.contracts.map((body, place) => ({ id: `k${place}`, ...body }) as Contract),
  campaigns: [{ id: 'x', workflow: 'w', caps: drawn.campaignCaps }],
  workflows: [{
    id: 'w', maxMultiplication: drawn.maxMultiplication, priceOptimization: drawn.priceOptimization, rules: drawn.rules,
    cherryPickCountsForShare: drawn.counts,
    groups: [{ group: 'h', method: 'price', take: 1, onSold: drawn.stop ? 'stop' : 'continue' }],
  } as Workflow],
  orders: drawn.orders.map(({ of, quantity, amount, ...body }, place): Order => ({
    id: `o${place}`, contract: `k${of % drawn.contracts.length}`, ...body, amount,
    quantity: quantity === undefined && amount === undefined ? 2 : quantity,
  })),
}));

/** What can happen, in any order. `lead`, `pick` and the like choose among what there is at that moment. */
export const action = fc.record({
  what: fc.constantFrom('arrive', 'arrive', 'arrive', 'round', 'answer', 'answer', 'back', 'byHand', 'byRules', 'fromPool', 'limits', 'terms'),
  minutes: fc.constantFrom(0, 0, 1, 13, 40, 200, 1000), lead: fc.nat(), pick: fc.nat(), number: fc.nat({ max: 5 }),
  answers: fc.array(fc.constantFrom('yes', 'yes', 'no', 'failed', 'silent'), { maxLength: 4 }),
});
export type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

export interface Sale {
  lead: string; holding: Holding; at: number; campaign: string; group: string | undefined;
  /** Turned down or let go: as if it had never been. */
  gone: boolean;
  returned: boolean;
  /** Its order was open when it was returned. */
  unitBack: boolean;
}

/** What was just reserved, and under which configuration. */
export interface Reserved { sale: Sale; document: ConfigDocument; overridden: readonly Gate[]; trigger: string }

export class Bookkeeper {
  readonly market: Market;
  readonly state = State.load();
  readonly sales: Sale[] = [];
  readonly lives: { lead: Lead; life: Life }[] = [];
  now = START;
  private outbound = 0;

  /** `hear` is told of each reservation, after it and all before it are written down. */
  constructor(public document: ConfigDocument, private readonly hear: (reserved: Reserved) => void) {
    this.market = Market.compile(itemsOf(document), { deliversAlways: true });
    this.state.sales = new SalesLog();
    this.state.follow(this.market, this.now);
  }

  act({ what, minutes, lead, pick, number, answers }: Action): void {
    this.now += minutes * 60_000;
    const known = this.lives[lead % Math.max(1, this.lives.length)];
    const ids = this.document.contracts!.map(({ id }) => id);
    const chosen = [ids[pick % ids.length]!, ids[(pick + number) % ids.length]!];
    if (what === 'arrive') this.arrive(answers);
    else if (what === 'limits') this.change(lead % 2 === 0 ? this.otherLimits(pick, number) : this.otherCaps(pick, number));
    else if (what === 'terms') this.change(this.otherTerms(pick, number));
    else if (!known) return;
    else if (what === 'round') this.distribute(known, { trigger: 'window' }, answers);
    else if (what === 'byHand') {
      const overrides: Gate[] = number > 3 ? ['rejected_before', 'share_count', 'already_received'] : [];
      this.distribute(known, { trigger: 'manual', contracts: chosen, overrides }, answers);
    } else if (what === 'byRules') this.distribute(known, { trigger: 'manual', workflow: 'w' }, answers);
    else if (what === 'fromPool') this.distribute(known, { trigger: 'cherryPick', contracts: [chosen[0]!] }, []);
    else if (what === 'answer') this.answerLate(known, pick, answers);
    else this.giveBack(known, pick);
  }

  private arrive(answers: readonly string[]): void {
    const lead: Lead = { leadId: `L${this.lives.length}`, tenantId: 't', campaignId: 'x', receivedAt: this.now, attributes: {} };
    const known = { lead, life: newLife() };
    this.lives.push(known);
    this.distribute(known, { trigger: 'arrival' }, answers);
  }

  private distribute(known: { lead: Lead; life: Life }, request: Request, answers: readonly string[]): void {
    const left = [...answers];
    let asked = request;
    for (let round = 0; round < 9; round++) {
      const decision = decide(this.market, this.state, known.lead, known.life, asked, this.now, (text) => (text.length % 97) / 97);
      const done = reserve(this.market, this.state, known.lead, known.life, decision, this.now, () => `O${++this.outbound}`);
      known.life = done.life;
      done.holdings.forEach((holding, place) => this.note(known.lead, holding, decision.picks[place]!.overridden, asked.trigger));
      const refused = done.holdings.map(({ outboundLeadId, state }) => (
        state === 'reserved' && this.hearAnswer(known, outboundLeadId, left.shift() ?? 'yes')));
      if (!refused.includes(true)) return;
      asked = { trigger: 'fallback' };
    }
  }

  /** True where it was turned down. */
  private hearAnswer(known: { life: Life }, id: string, answer: string): boolean {
    if (answer === 'silent') return false;
    if (answer === 'yes') { known.life = accept(known.life, id); return false; }
    known.life = release(this.market, this.state, known.life, id, answer === 'no' ? 'rejected' : 'failed');
    this.sale(id).gone = true;
    return true;
  }

  /** An answer after a silence, or another one after the first (a bounce). */
  private answerLate(known: { lead: Lead; life: Life }, pick: number, answers: readonly string[]): void {
    const open = known.life.picks.filter(({ state }) => state === 'reserved' || state === 'accepted');
    const holding = open[pick % Math.max(1, open.length)];
    if (!holding) return;
    const [answer = 'no', ...rest] = answers;
    if (this.hearAnswer(known, holding.outboundLeadId, answer)) this.distribute(known, { trigger: 'fallback' }, rest);
  }

  private giveBack(known: { life: Life }, pick: number): void {
    const held = known.life.picks.filter(({ state }) => state === 'accepted' || state === 'cherryPicked');
    const holding = held[pick % Math.max(1, held.length)];
    if (!holding) return;
    known.life = returned(this.market, this.state, known.life, holding.outboundLeadId, this.now);
    const sale = this.sale(holding.outboundLeadId);
    const order = this.document.orders!.find(({ id }) => id === holding.order);
    sale.returned = true;
    sale.unitBack = order !== undefined && (order.end === undefined || this.now < this.endOf(order));
  }

  /** Ends stand as dates: midnight in the zone of the client. */
  private endOf({ contract: id, end }: Order): number {
    const { client } = this.document.contracts!.find((each) => each.id === id)!;
    const zone = this.document.clients!.find((each) => each.id === client)!.timezone ?? this.document.timezone!;
    for (let at = Date.parse(`${end}T00:00:00Z`) - 86_400_000; ; at += 900_000) if (bucketOf(at, zone, 'day') === end) return at;
  }

  private note({ leadId, campaignId }: Lead, holding: Holding, overridden: readonly Gate[], trigger: string): void {
    const { client, group } = this.document.contracts!.find(({ id }) => id === holding.contractId)!;
    const sale: Sale = {
      lead: leadId, holding, at: this.now, campaign: campaignId, gone: false, returned: false, unitBack: false,
      group: group ?? this.document.clients!.find(({ id }) => id === client)!.group,
    };
    this.sales.push(sale);
    this.hear({ sale, document: this.document, overridden, trigger });
  }

  private sale(id: string): Sale {
    return this.sales.find(({ holding }) => holding.outboundLeadId === id)!;
  }

  private change(document: ConfigDocument): void {
    const before = new Map(itemsOf(this.document).map((item) => [`${item.kind}|${item.id}`, JSON.stringify(item.body)]));
    this.market.change(itemsOf(document).filter((item) => before.get(`${item.kind}|${item.id}`) !== JSON.stringify(item.body)));
    this.state.follow(this.market, this.now);
    this.document = document;
  }

  /** Every limit of one scope has another number; the limits themselves stay. */
  private otherLimits(pick: number, number: number): ConfigDocument {
    const other = (one: unknown) => (typeof one === 'number' ? number : typeof one === 'object' ? { ...one, amount: 10 * number } : one);
    const renumbered = (all: Caps | undefined): Caps | undefined => (
      all && Object.fromEntries(Object.entries(all).map(([window, one]) => [window, other(one)])));
    const { contracts = [], clients = [], campaigns = [], groups = [], orders: all = [] } = this.document;
    switch (pick % 5) {
      case 0: return { ...this.document, contracts: contracts.map((body) => ({ ...body, caps: renumbered(body.caps) })) };
      case 1: return { ...this.document, clients: clients.map((body) => ({ ...body, caps: renumbered(body.caps) })) };
      case 2: return { ...this.document, campaigns: campaigns.map((body) => ({ ...body, caps: renumbered(body.caps) })) };
      case 3: return { ...this.document, groups: groups.map((body) => ({ ...body, caps: renumbered(body.caps) })) };
      default: return { ...this.document, orders: all.map((body) => (
        body.quantity === undefined ? { ...body, amount: 12 * number } : { ...body, quantity: number })) };
    }
  }

  /** A cap where none was, one less, other buckets for those that are there. */
  private otherCaps(pick: number, number: number): ConfigDocument {
    const window = WINDOWS[(pick >> 3) % WINDOWS.length]!;
    const limit = [number, { amount: 15 * number }, { count: number, amount: 40 }, undefined][(pick >> 6) % 4];
    const timezone = ZONES[(pick >> 8) % 4];
    const changed = (all: Caps | undefined, place = 0): Caps | undefined => {
      if ((pick >> place) % 3 === 0) return all;
      const rest = Object.entries(all ?? {}).filter(([key]) => key !== window && key !== 'timezone');
      return Object.fromEntries([...rest, ...(limit === undefined ? [] : [[window, limit]]), ...(timezone === undefined ? [] : [['timezone', timezone]])]);
    };
    const { contracts = [], clients = [], campaigns = [], groups = [] } = this.document;
    switch (pick % 4) {
      case 0: return { ...this.document, contracts: contracts.map((body, place) => ({ ...body, caps: changed(body.caps, place) })) };
      case 1: return { ...this.document, clients: clients.map((body, place) => ({ ...body, caps: changed(body.caps, place) })) };
      case 2: return { ...this.document, campaigns: campaigns.map((body) => ({ ...body, caps: changed(body.caps) })) };
      default: return { ...this.document, groups: groups.map((body) => ({ ...body, caps: changed(body.caps) })) };
    }
  }

  /** Prices, shares, whether it is open. */
  private otherTerms(pick: number, number: number): ConfigDocument {
    const { contracts = [], workflows = [] } = this.document;
    const most = number || undefined;
    if (pick % 4 === 3) return { ...this.document, workflows: workflows.map((body) => ({ ...body, maxMultiplication: most })) };
    const status = number > 2 ? 'open' as const : 'paused' as const;
    const terms = [{ price: 10 * number, prices: undefined }, { maxShareCount: most }, { status }][pick % 4];
    return { ...this.document, contracts: contracts.map((body, place) => (place % 3 === pick % 3 ? { ...body, ...terms } : body)) };
  }
}

export interface Scope { what: string; caps: Caps; zone: string; covers: (sale: Sale) => boolean }

/** The caps that bind a sale: the contract's, its client's, its group's, the campaign's. */
export function scopesOf({ sale, document }: Reserved): Scope[] {
  const own = document.contracts!.find(({ id }) => id === sale.holding.contractId)!;
  const client = document.clients!.find(({ id }) => id === own.client)!;
  const group = document.groups!.find(({ id }) => id === sale.group);
  const campaign = document.campaigns!.find(({ id }) => id === sale.campaign)!;
  const zone = client.timezone ?? document.timezone!;
  const scope = (what: string, all: Caps | undefined, of: string, covers: Scope['covers']): Scope[] => (
    all ? [{ what, caps: all, zone: all.timezone ?? of, covers }] : []);
  return [
    ...scope(own.id, own.caps, zone, ({ holding }) => holding.contractId === own.id),
    ...scope(client.id, client.caps, zone, ({ holding }) => holding.clientId === client.id),
    ...scope('group', group?.caps, document.timezone!, (other) => other.group === sale.group),
    ...scope('campaign', campaign.caps, document.timezone!, (other) => other.campaign === sale.campaign),
  ];
}

/** What of the sales counts in the bucket of an instant. What a client took from the pool counts in no cap. */
export function usedOf(
  sales: readonly Sale[], { caps: all, zone, covers }: Scope, window: CapWindow, at: number,
): { leads: number; minor: bigint } {
  const bucket = (instant: number) => bucketOf(instant, zone, window as BucketWindow, all.weekStart ?? 'mon');
  const counted = sales.filter((sale) => covers(sale) && !sale.gone && !sale.returned && sale.holding.rule !== 'cherryPick'
    && (window === 'rolling60m' ? sale.at > at - 3_600_000 : bucket(sale.at) === bucket(at)));
  return { leads: counted.length, minor: counted.reduce((sum, { holding }) => sum + BigInt(holding.price), 0n) };
}

export const minorOf = (amount: string | number): bigint => parseMoney(amount, 'USD');
