/**
 * The configuration of one tenant, compiled: an index over criteria, gates and rules ready to be asked. It holds nothing that moves. A
 * changed contract is taken out of its slots and put in anew; nothing else is touched.
 */
import { compileItem, named, type Compiled } from './compile-item.js';
import type { Campaign, List, Script, Settings } from './document.js';
import type { ConfigItem, ItemKind } from './items.js';
import { limitsOf, type Limit } from './limits.js';
import { linkContract, type Links } from './links.js';
import { limitsBehind, newLimits } from './new-limits.js';
import type { Arrival } from './newcomers.js';
import { Found, Partition } from './partition.js';
import type { StrategyTerms, WorkflowTerms } from './phases.js';
import { Values } from './values.js';
import { groundOf, minorOf, type ContractTerms, type Ground } from './terms.js';
import type { Lead } from './lead.js';

/** Compiles a pattern for the operator `matches`; the caller gives a linear-time engine. */
export type RegexEngine = (pattern: string) => { test(text: string): boolean };

export interface MarketOptions {
  regex?: RegexEngine;
  /** Simulations: a contract that names no delivery method has one that accepts. */
  deliversAlways?: boolean;
}

export interface CampaignTerms { body: Campaign; limits: Limit[] }
interface Place { partition: Partition; slot: number }

const EVERYWHERE = '*';
/** A change of fewer items is not worth counting first. */
const FEW = 64;
/** In order of entry: clients before contracts. */
const ARRIVAL_ORDER = ['client', 'contract', 'recipient', 'rule'];

export class Market {
  ground: Ground;
  readonly links: Links = { clients: new Map(), deliveryMethods: new Map(), groupLimits: new Map(), orders: new Map() };
  readonly contracts = new Map<string, ContractTerms>();
  readonly campaigns = new Map<string, CampaignTerms>();
  readonly workflows = new Map<string, WorkflowTerms>();
  readonly strategies = new Map<string, StrategyTerms>();
  readonly lists = new Map<string, { clients: ReadonlySet<string>; contracts: ReadonlySet<string> }>();
  /** In order of entry. */
  scripts: readonly Script[] = [];
  /** Contracts by number; a number stays a contract's for as long as there is one of its id. */
  readonly byIndex: (ContractTerms | undefined)[] = [];
  /** Numbers of contracts that changed, in order; what is cached of them elsewhere is out of date. */
  readonly touched: number[] = [];
  /** Who came, ever, in order; a state follows it. */
  readonly arrivals: Arrival[] = [];
  private came: Limit[] = [];
  private readonly items = new Map<ItemKind, Map<string, ConfigItem>>();
  private readonly partitions = new Map<string, Partition>();
  private readonly values = new Values();
  private readonly places = new Map<string, Place[]>();
  private readonly byClient = new Map<string, Set<string>>();
  private readonly byMethod = new Map<string, Set<string>>();
  private readonly arrived = new Map<Arrival['kind'], Set<string>>();
  private readonly marks: number[] = [];
  private mark = 0;
  /** Contracts that stand in the index more than once. */
  private alternatives = 0;

  /** Items → market. Throws RangeError that names the item and what is wrong with it. */
  static compile(items: Iterable<ConfigItem>, options: MarketOptions = {}): Market {
    const market = new Market(options);
    market.takeIn([...items]);
    return market;
  }

  /** Another market on the same terms; to try something out. */
  derive(items: Iterable<ConfigItem>): Market {
    return Market.compile(items, this.options);
  }

  private constructor(private readonly options: MarketOptions) {
    this.ground = groundOf({}, options);
  }

  /**
   * Takes in changed items (body null = removed). One contract costs microseconds; nothing is rebuilt. Throws as compile, changing nothing.
   */
  change(items: Iterable<ConfigItem>): void {
    const changed = [...items];
    const before = limitsBehind(this, changed);
    this.takeIn(changed);
    this.came.push(...newLimits(before, limitsBehind(this, changed)));
  }

  /** Limits that came with changes since they were last taken; a state that follows the market takes them. */
  takeNewLimits(): readonly Limit[] {
    const { came } = this;
    if (came.length > 0) this.came = [];
    return came;
  }

  private takeIn(changed: readonly ConfigItem[]): void {
    const settings = changed.find((item) => item.kind === 'settings');
    if (settings) { this.changeAll(changed, settings.body as Settings | null); return; }
    this.apply(changed.map((item) => compileItem(item, this.ground)));
  }

  /**
   * The contracts a campaign's lead could go to: how many there are, and the numbers of those whose criteria let it in, each once, in
   * `into`.
   */
  match(lead: Lead, into: Found): number {
    into.count = 0;
    const own = this.partitions.get(lead.campaignId);
    const everywhere = this.partitions.get(EVERYWHERE);
    own?.match(lead, into);
    if (everywhere !== own) everywhere?.match(lead, into);
    if (this.alternatives > 0) this.unify(into);
    return (own?.contracts ?? 0) + (everywhere?.contracts ?? 0);
  }

  /** A contract with alternatives may be found by several of them. */
  private unify(found: Found): void {
    const mark = ++this.mark;
    let kept = 0;
    for (let place = 0; place < found.count; place++) {
      const owner = found.owners[place]!;
      if (this.marks[owner] === mark) continue;
      this.marks[owner] = mark;
      found.owners[kept++] = owner;
    }
    found.count = kept;
  }

  /** The contracts whose criteria let the lead in, in order of entry. */
  matching(lead: Lead): ContractTerms[] {
    const found = new Found();
    this.match(lead, found);
    const contracts: ContractTerms[] = [];
    let isSorted = true;
    for (let place = 0, last = -1; place < found.count; place++) {
      const contract = this.byIndex[found.owners[place]!]!;
      contracts.push(contract);
      isSorted &&= contract.entry > last;
      last = contract.entry;
    }
    return isSorted ? contracts : contracts.sort((a, b) => a.entry - b.entry);
  }

  /** Every contract in scope of a campaign, in order of entry. */
  inScope(campaignId: string): ContractTerms[] {
    const scope = [...this.contracts.values()].filter(({ campaigns }) => campaigns === null || campaigns.includes(campaignId));
    return scope.sort((a, b) => a.entry - b.entry);
  }

  /** The workflow of a campaign; undefined where it has none. */
  workflowOf(campaignId: string): WorkflowTerms | undefined {
    const id = this.campaigns.get(campaignId)?.body.workflow;
    return id === undefined ? undefined : this.workflows.get(id);
  }

  /**
   * Push strategies that a campaign's leads begin with, in order of entry: the one it names, else those from corporate, else any that name
   * it.
   */
  strategiesOf(campaignId: string): StrategyTerms[] {
    const named = this.strategies.get(this.campaigns.get(campaignId)?.body.pushStrategy ?? '');
    if (named) return [named];
    const all = byEntry([...this.strategies.values()].filter((strategy) => strategy.campaigns.has(campaignId)));
    const corporate = all.filter(({ from }) => from === 'corporate');
    return corporate.length > 0 ? corporate : all;
  }

  /** Strategies by which a branch hands a campaign's leads on; none = it is no branch but a user. */
  strategiesFrom(branch: string, campaignId: string): StrategyTerms[] {
    return byEntry([...this.strategies.values()].filter(({ from, campaigns }) => from === branch
      && (campaigns.size === 0 || campaigns.has(campaignId))));
  }

  /** The items it was made of. */
  allItems(): ConfigItem[] {
    return [...this.items.values()].flatMap((ofKind) => [...ofKind.values()]);
  }

  private changeAll(changed: readonly ConfigItem[], settings: Settings | null): void {
    const ground = groundOf(settings ?? {}, this.options);
    const key = (item: ConfigItem) => `${item.kind}|${item.id}`;
    const next = new Map(this.allItems().map((item) => [key(item), item]));
    for (const item of changed) if (item.body === null) next.delete(key(item)); else next.set(key(item), item);
    const groupLimits = (settings?.groups ?? []).map((group) => named({ kind: 'settings', id: `groups.${group.id}` }, () =>
      [group.id, limitsOf('group', group.id, group.caps, group.timezone ?? ground.zone, (amount) => minorOf(ground, amount))] as const));
    // A setting such as the zone or the currency changes what every other item means: all are compiled anew.
    const compiled = [...next.values()].map((item) => compileItem(item, ground));
    this.clear();
    this.ground = ground;
    for (const [id, limits] of groupLimits) this.links.groupLimits.set(id, limits);
    this.apply(compiled);
  }

  private clear(): void {
    const { clients, deliveryMethods, groupLimits, orders } = this.links;
    for (const map of [
      clients, deliveryMethods, groupLimits, orders, this.contracts, this.campaigns, this.workflows, this.strategies, this.lists,
      this.items,
      this.partitions, this.places, this.byClient, this.byMethod,
    ]) map.clear();
    this.scripts = [];
    // Numbers are given anew from where they ended, so that nothing cached under an old one is taken for a new contract's.
    for (let index = 0; index < this.byIndex.length; index++) this.byIndex[index] = undefined;
    this.alternatives = 0;
  }

  private apply(compiled: readonly Compiled[]): void {
    const relink = new Set<string>();
    this.expect(compiled);
    for (const { item } of compiled) this.keep(item);
    for (const one of compiled) this.place(one, relink);
    for (const one of compiled) if (one.item.kind === 'contract') this.placeContract(one.item, one.contract);
    this.putIn(compiled);
    for (const one of compiled) if (one.contract) relink.add(one.item.id);
    for (const id of relink) {
      const contract = this.contracts.get(id);
      if (!contract) continue;
      linkContract(contract, this.links, this.ground);
      this.touched.push(contract.index);
    }
    this.announce(compiled);
    if (compiled.some(({ item }) => item.kind === 'script')) this.scripts = this.scriptsNow();
  }

  private scriptsNow(): Script[] {
    const items = [...this.items.get('script')?.values() ?? []].sort((a, b) => a.entry - b.entry);
    return items.flatMap(({ body }) => (body === null ? [] : body as Script));
  }

  private keep(item: ConfigItem): void {
    let ofKind = this.items.get(item.kind);
    if (!ofKind) this.items.set(item.kind, (ofKind = new Map()));
    if (item.body === null) ofKind.delete(item.id); else ofKind.set(item.id, item);
  }

  /** Everything but contracts; what hangs on it is linked anew afterwards. */
  private place({ item, client, workflow, strategy, campaign }: Compiled, relink: Set<string>): void {
    const { id } = item;
    if (item.kind === 'client') {
      set(this.links.clients, id, client);
      for (const contract of this.byClient.get(id) ?? []) relink.add(contract);
    } else if (item.kind === 'deliveryMethod') {
      set(this.links.deliveryMethods, id, item.body ?? undefined);
      for (const contract of this.byMethod.get(id) ?? []) relink.add(contract);
    } else if (item.kind === 'order') {
      for (const [contract, orders] of this.links.orders) if (orders.delete(id)) relink.add(contract);
      if (item.body) {
        const { contract } = item.body;
        if (!this.links.orders.has(contract)) this.links.orders.set(contract, new Map());
        this.links.orders.get(contract)!.set(id, item);
        relink.add(contract);
      }
    } else if (item.kind === 'list') {
      set(this.lists, id, item.body ? membersOf(item.body) : undefined);
    } else if (item.kind === 'workflow') set(this.workflows, id, workflow);
    else if (item.kind === 'pushStrategy') set(this.strategies, id, strategy);
    else if (item.kind === 'campaign') set(this.campaigns, id, campaign);
  }

  private placeContract(item: ConfigItem, contract: ContractTerms | undefined): void {
    const before = this.contracts.get(item.id);
    if (before) this.takeOut(item.id, before, contract);
    if (!contract) {
      this.contracts.delete(item.id);
      this.places.delete(item.id);
      if (before) { this.byIndex[before.index] = undefined; before.client.members.delete(before.index); }
      return;
    }
    if (before) contract.index = before.index; else if (contract.index < 0) contract.index = this.byIndex.length;
    if (contract.alternatives.length > 1) this.alternatives++;
    this.byIndex[contract.index] = contract;
    this.contracts.set(item.id, contract);
    this.count(contract, 1);
    if (before?.body.client !== contract.body.client) add(this.byClient, contract.body.client, item.id);
    if (contract.body.deliveryMethod) add(this.byMethod, contract.body.deliveryMethod, item.id);
  }

  /** Puts contracts into the index, those of one campaign after each other: what is written then is still at hand. */
  private putIn(compiled: readonly Compiled[]): void {
    const placed = compiled.flatMap(({ contract }) => (contract && this.contracts.get(contract.id) === contract ? contract : []));
    for (const contract of placed.sort((a, b) => a.index - b.index)) {
      const places: Place[] = [];
      for (const campaign of contract.campaigns ?? [EVERYWHERE]) {
        const partition = this.partitionOf(campaign);
        for (const conjunction of contract.alternatives) places.push({ partition, slot: partition.add(contract.index, conjunction) });
      }
      this.places.set(contract.id, places);
    }
  }

  private takeOut(id: string, before: ContractTerms, after: ContractTerms | undefined): void {
    for (const { partition, slot } of this.places.get(id) ?? []) partition.remove(slot);
    this.count(before, -1);
    if (before.body.client !== after?.body.client) this.byClient.get(before.body.client)?.delete(id);
    if (before.body.deliveryMethod) this.byMethod.get(before.body.deliveryMethod)?.delete(id);
    if (before.alternatives.length > 1) this.alternatives--;
  }

  private count(contract: ContractTerms, by: number): void {
    for (const campaign of contract.campaigns ?? [EVERYWHERE]) this.partitionOf(campaign).contracts += by;
  }

  private partitionOf(campaign: string, expected = 0): Partition {
    let partition = this.partitions.get(campaign);
    if (!partition) this.partitions.set(campaign, (partition = new Partition(this.values, expected)));
    return partition;
  }

  /** Makes the partitions that do not exist yet as wide as they will be, and numbers the contracts that do not exist yet. */
  private expect(compiled: readonly Compiled[]): void {
    if (compiled.length < FEW) return;
    const slots = new Map<string, number>();
    for (const { contract } of compiled) {
      for (const campaign of contract?.campaigns ?? (contract ? [EVERYWHERE] : [])) {
        slots.set(campaign, (slots.get(campaign) ?? 0) + contract!.alternatives.length);
      }
    }
    for (const [campaign, expected] of slots) this.partitionOf(campaign, expected);
    // Who are looked at together get numbers that follow each other: what is kept under them then lies together in memory.
    const fresh = compiled.flatMap(({ contract }) => (contract && !this.contracts.has(contract.id) ? contract : []));
    const order = new Map([...slots.keys()].map((campaign, place) => [campaign, place]));
    const placeOf = ({ campaigns }: ContractTerms) => order.get(campaigns?.[0] ?? EVERYWHERE)!;
    for (const contract of fresh.sort((a, b) => placeOf(a) - placeOf(b))) contract.index = this.byIndex.push(undefined) - 1;
  }

  private announce(compiled: readonly Compiled[]): void {
    const arrivals: { arrival: Arrival; entry: number; created: number }[] = [];
    const arrive = (kind: Arrival['kind'], id: string, entry: number, arrival: Arrival, created = Infinity) => {
      let known = this.arrived.get(kind);
      if (!known) this.arrived.set(kind, (known = new Set()));
      if (known.has(id)) return;
      known.add(id);
      arrivals.push({ arrival, entry, created });
    };
    for (const { item, client, contract, workflow, strategy } of compiled) {
      const { id, entry } = item;
      if (client) arrive('client', id, entry, { kind: 'client', id }, client.createdAt);
      if (contract) arrive('contract', id, entry, { kind: 'contract', id }, contract.createdAt);
      for (const { key, zone, reset } of workflow?.phases ?? NONE) if (reset === '7days') arrive('rule', key, entry,
        { kind: 'rule', key, zone });
      for (const { to } of strategy?.recipients ?? NONE) arrive('recipient', to, entry, { kind: 'recipient', id: to });
      if (strategy?.reset === '7days') arrive('rule', id, entry, { kind: 'rule', key: id, zone: strategy.zone });
    }
    // What comes in one change was created in the order of its dates, before what says none (RR1). A stable sort: recipients of one
    // strategy stay in their order.
    arrivals.sort((a, b) => ARRIVAL_ORDER.indexOf(a.arrival.kind) - ARRIVAL_ORDER.indexOf(b.arrival.kind)
      || (a.created === b.created ? 0 : a.created - b.created) || a.entry - b.entry);
    for (const { arrival } of arrivals) this.arrivals.push(arrival);
  }
}

const NONE: readonly never[] = [];

function byEntry(strategies: StrategyTerms[]): StrategyTerms[] {
  return strategies.sort((a, b) => a.entry - b.entry);
}

function set<T>(map: Map<string, T>, id: string, value: T | undefined): void {
  if (value === undefined) map.delete(id); else map.set(id, value);
}

function add(map: Map<string, Set<string>>, key: string, id: string): void {
  const ids = map.get(key);
  if (ids) ids.add(id); else map.set(key, new Set([id]));
}

function membersOf(list: List): { clients: ReadonlySet<string>; contracts: ReadonlySet<string> } {
  return { clients: new Set(list.clients), contracts: new Set(list.contracts) };
}
