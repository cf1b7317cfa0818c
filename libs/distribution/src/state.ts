/**
 * Everything that moves, as numbers under keys. Keys are text and made once; what is asked in every decision remembers its slot, so that a
 * decision reads an array. Counters never fall below 0.
 */
import { GateCache } from './gate-cache.js';
import { ROLLING_MS, type Limit } from './limits.js';
import type { Market } from './market.js';
import { PastCount } from './past-count.js';
import { welcome } from './newcomers.js';
import { Rolling } from './rolling.js';
import { resetPointers } from './rotation.js';
import type { SalesLog } from './sales-log.js';
import type { ClientTerms, ContractTerms } from './terms.js';

/** What is kept of a moving thing: its key and value. Value 0 may be forgotten. */
export interface StateEntry { key: string; value: number | string }

const FIRST_SLOTS = 1024;
/** A credit survives absence, but not for ever: nobody is owed more than five leads (W2). */
const CREDIT_MAX = 5;

export class State {
  private readonly slots = new Map<string, number>();
  private readonly keys: string[] = [];
  private values = new Float64Array(FIRST_SLOTS);
  private dirtyMark = new Uint8Array(FIRST_SLOTS);
  private dirty: number[] = [];
  private readonly free: number[] = [];
  private readonly rolling = new Rolling();
  /** The limit that counts under a slot; only of limits that were asked. */
  private readonly limitAt: (Limit | undefined)[] = [];
  private cache: GateCache | null = null;
  private sequenceSlot = -1;
  private isAside = false;
  /**
   * For a state that is filled as it is asked: told of every key that is not here; of a rolling limit, each time, what its keys begin with.
   * Null: what is not here is 0.
   */
  missing: ((key: string) => void) | null = null;
  /** Told of every sale, so that limits that come later know what their buckets hold. Null: whoever follows changes counts for them. */
  sales: SalesLog | null = null;
  /** Delivery methods that were ever suspended; none = nobody needs to ask. */
  suspensions = 0;
  /** How far the market's arrivals were taken in. */
  private followed: { market: Market; arrivals: number } | null = null;

  /** Entries as `entries` or `takeDirty` gave them; none of them is dirty. */
  static load(entries: Iterable<StateEntry> = []): State {
    const state = new State();
    for (const { key, value } of entries) state.values[state.slot(key)] = Number(value);
    return state;
  }

  /** Entries that were missing: they stand as if they had been loaded. Whoever asks meanwhile must ask `aside`, which remembers nothing. */
  fill(entries: Iterable<StateEntry>): void {
    const { missing } = this;
    this.missing = null;
    for (const { key, value } of entries) this.values[this.slot(key)] = Number(value);
    this.missing = missing;
  }

  /**
   * Gives contracts, clients, recipients and rules that are new their place in the rotations, and limits that are new the count of what
   * their buckets hold. Call after compile and after every change, before anything is decided. Answers the new limits where this state has
   * no log of sales to count them from: the caller counts, and calls `take` with what comes of it.
   */
  follow(market: Market, now: number): readonly Limit[] {
    const from = this.followed?.market === market ? this.followed.arrivals : 0;
    // Who comes only now was sold nothing.
    const limits = market.takeNewLimits().filter(({ scope, id }) => (
      (scope !== 'contract' && scope !== 'client') || this.get(`rr|${scope}|${id}`) > 0));
    welcome(market, this, now, from);
    resetPointers(market, this);
    this.followed = { market, arrivals: market.arrivals.length };
    if (this.sales === null || limits.length === 0) return limits;
    const count = new PastCount(limits, now);
    this.sales.tell(count);
    this.take(count.entries(this));
    return [];
  }

  /** Counters as they have to stand. */
  take(entries: readonly StateEntry[]): void {
    for (const { key, value } of entries) this.set(key, Number(value));
  }

  /** All entries that are not 0, for a snapshot. */
  *entries(): Iterable<StateEntry> {
    for (let slot = 0; slot < this.keys.length; slot++) {
      const value = this.values[slot]!;
      if (value !== 0 && this.keys[slot] !== '') yield { key: this.keys[slot]!, value };
    }
  }

  /** What changed since the last call, each key once, with its value now. */
  takeDirty(): StateEntry[] {
    const taken = this.dirty.map((slot) => {
      this.dirtyMark[slot] = 0;
      return { key: this.keys[slot]!, value: this.values[slot]! };
    });
    this.dirty = [];
    return taken;
  }

  /** Forgets counters of calendar days and hours that ended before the instant; their keys, for the store to delete. */
  sweep(before: number): string[] {
    const swept: string[] = [];
    const turns = this.get('seq');
    for (let slot = 0; slot < this.keys.length; slot++) {
      const key = this.keys[slot]!;
      if (this.dirtyMark[slot] === 1 || !isOver(key, this.values[slot]!, before, turns)) continue;
      swept.push(key);
      this.values[slot] = 0;
      this.slots.delete(key);
      this.keys[slot] = '';
      this.limitAt[slot] = undefined;
      this.free.push(slot);
    }
    this.rolling.prune(before);
    return swept;
  }

  get(key: string): number {
    const slot = this.slots.get(key);
    if (slot !== undefined) return this.values[slot]!;
    this.missing?.(key);
    return 0;
  }

  /** A user was active (push). */
  seen(userId: string, at: number): void {
    this.set(`seen|${userId}`, Math.max(at, this.get(`seen|${userId}`)));
  }

  /** The circuit of a delivery method opened until that instant (Infinity: until told otherwise), or closed (0). */
  suspend(deliveryMethodId: string, until: number): void {
    this.set(`suspended|${deliveryMethodId}`, Math.min(until, Number.MAX_SAFE_INTEGER));
  }

  /** What a client owes now, in minor units, as billing has it. */
  setCreditUsed(clientId: string, minor: bigint): void {
    this.set(`credit|${clientId}`, Number(minor));
  }

  // What follows is for this library's own parts.

  /** Slot of a key, made if it is new. */
  slot(key: string): number {
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = this.free.pop() ?? this.keys.length;
      if (slot === this.values.length) this.widen();
      this.keys[slot] = key;
      this.slots.set(key, slot);
      this.rolling.know(key, slot);
      this.missing?.(key);
      if (key.startsWith('suspended|')) this.suspensions++;
    }
    return slot;
  }

  at(slot: number): number {
    return this.values[slot]!;
  }

  keyAt(slot: number): string {
    return this.keys[slot]!;
  }

  put(slot: number, value: number): void {
    const limit = this.limitAt[slot];
    if (limit !== undefined && this.cache !== null) this.spoil(limit, this.values[slot]!, value);
    this.putUnlimited(slot, value);
  }

  /** As put, where no limit counts: turns. */
  putUnlimited(slot: number, value: number): void {
    this.values[slot] = value;
    if (this.dirtyMark[slot] === 0) {
      this.dirtyMark[slot] = 1;
      this.dirty.push(slot);
    }
  }

  set(key: string, value: number): void {
    if (value !== this.get(key)) this.put(this.slot(key), value);
  }

  /** Counters: what was given back twice, or was swept away, stays 0. */
  add(key: string, amount: number): void {
    if (amount <= 0 && !this.slots.has(key)) return;
    const slot = this.slot(key);
    this.put(slot, Math.max(0, this.values[slot]! + amount));
  }

  /** A weight's credit, up or down. */
  moveCredit(key: string, by: number): void {
    this.set(key, Math.max(-CREDIT_MAX, Math.min(CREDIT_MAX, this.get(key) + by)));
  }

  /** What a limit has used at the moment. Makes no slot: asking must not grow the state. */
  used(limit: Limit, now: number): number {
    if (!this.knows(limit, now)) this.find(limit, now);
    if (limit.clock === null) {
      this.missing?.(limit.prefix);
      return this.rolling.used(limit.prefix, now - ROLLING_MS, this.values);
    }
    return limit.slot < 0 ? 0 : this.values[limit.slot]!;
  }

  /** Uses a limit. */
  use(limit: Limit, amount: number, now: number): void {
    if (!this.knows(limit, now)) this.find(limit, now);
    let { slot } = limit;
    if (slot < 0 || limit.clock === null) {
      slot = this.slot(limit.prefix + (limit.clock === null ? String(now) : limit.clock.at(now).name));
      limit.slot = slot;
      this.limitAt[slot] = limit;
    }
    const before = this.values[slot]!;
    // Asked aside, the limit may be another market's than the one that is remembered.
    if (this.isAside) { this.put(slot, before + amount); return; }
    if (this.cache !== null) this.spoil(limit, before, before + amount);
    this.putUnlimited(slot, before + amount);
  }

  /** Gives back what was used at an instant, in the bucket of then. */
  giveBack(limit: Limit, amount: number, at: number): void {
    this.add(limit.prefix + (limit.clock === null ? String(at) : limit.clock.nameOf(at)), -amount);
  }

  /** Instants after the given one under which a rolling limit may count something. */
  rollingInstants(prefix: string, after: number): number[] {
    return this.rolling.instants(prefix, after);
  }

  /** Instant of the oldest reservation that a rolling limit still counts; Infinity where it counts none. */
  rollsOffAt(limit: Limit, now: number): number {
    this.missing?.(limit.prefix);
    return this.rolling.oldest(limit.prefix, now - ROLLING_MS, this.values);
  }

  /** Last turn of a contract in the rotation that all rules share; 0 = never met. */
  turnOf(terms: ContractTerms): number {
    return this.values[this.turnSlotOf(terms)]!;
  }

  turnSlotOf(terms: ContractTerms): number {
    if (terms.turnOwner !== this) { terms.turnOwner = this; terms.turnSlot = this.slot(`rr|contract|${terms.id}`); }
    return terms.turnSlot;
  }

  clientTurnOf(terms: ClientTerms): number {
    return this.values[this.clientTurnSlotOf(terms)]!;
  }

  clientTurnSlotOf(terms: ClientTerms): number {
    if (terms.turnOwner !== this) { terms.turnOwner = this; terms.turnSlot = this.slot(`rr|client|${terms.id}`); }
    return terms.turnSlot;
  }

  /** The next number of the sequence that turns and creations are ordered by (RR1). */
  nextTurn(): number {
    if (this.sequenceSlot < 0) this.sequenceSlot = this.slot('seq');
    this.putUnlimited(this.sequenceSlot, this.values[this.sequenceSlot]! + 1);
    return this.values[this.sequenceSlot]!;
  }

  /** Whether what a limit remembers is of this state, and of the bucket at the instant. */
  private knows(limit: Limit, now: number): boolean {
    return limit.owner === this && (limit.clock === null || limit.version === limit.clock.at(now).version);
  }

  private find(limit: Limit, now: number): void {
    // Asked aside, a limit is not watched; so it may not be remembered either.
    limit.owner = this.isAside ? null : this;
    if (limit.clock === null) return;
    const clock = limit.clock.at(now);
    limit.version = clock.version;
    limit.slot = this.slots.get(limit.prefix + clock.name) ?? -1;
    if (limit.slot < 0) this.missing?.(limit.prefix + clock.name);
    if (limit.slot >= 0 && !this.isAside) this.limitAt[limit.slot] = limit;
  }

  /** Lets another market be asked without what is remembered for this one being touched. */
  aside<T>(work: () => T): T {
    const was = this.isAside;
    this.isAside = true;
    try {
      return work();
    } finally {
      this.isAside = was;
    }
  }

  /** Gates of the market's contracts as they stand at the moment; null where nothing is to be remembered. */
  gates(market: Market): GateCache | null {
    if (this.isAside) return null;
    if (this.cache?.market !== market) this.cache = new GateCache(market, this); else this.cache.sync();
    return this.cache;
  }

  /** A counter moved: what is remembered of its limit's gate holds on only while the gate was and stays open. */
  private spoil(limit: Limit, before: number, after: number): void {
    if (limit.metric === 'count' && Math.max(before, after) + 1 <= limit.limit) return;
    for (const index of limit.members) this.cache!.spoil(index);
  }

  private widen(): void {
    const values = new Float64Array(this.values.length * 2);
    values.set(this.values);
    this.values = values;
    const dirtyMark = new Uint8Array(values.length);
    dirtyMark.set(this.dirtyMark);
    this.dirtyMark = dirtyMark;
  }
}

/** Keys that end in somebody's id, which may look like a date: turns, credits, what is owed, pointers. */
const ENDLESS = /^(?:rr|w|credit|ptr|ptrlist)\|/;

/** Whether a key can be forgotten. Of a million keys most are told by their first letter. */
function isOver(key: string, value: number, before: number, turns: number): boolean {
  switch (key.charCodeAt(0)) {
    // cap, pl, pct, rot, rot0, wint: they end in a bucket's name.
    case 99: case 112: case 114: case 119: return !ENDLESS.test(key) && endedBefore(key, before);
    // dup: a person that no contract can look back to any more; the longest look-back anybody asks for is a year.
    case 100: return key.startsWith('dup|') && value < before - 366 * 86_400_000;
    // gap: a turn given back so long ago that the one after it is settled.
    case 103: return key.startsWith('gap|') && Number(key.slice(key.lastIndexOf('|') + 1)) < turns - 50_000;
    default: return false;
  }
}

/** True where the key's bucket, which its last part dates, is over; two days' grace because zones differ by more than a day. */
function endedBefore(key: string, before: number): boolean {
  const name = key.slice(key.lastIndexOf('|') + 1);
  const dated = /(\d{4}-\d{2})(-\d{2})?/.exec(name);
  if (!dated) return /^\d{13}$/.test(name) && Number(name) < before;
  const start = Date.parse(dated[2] ? `${dated[1]}${dated[2]}` : `${dated[1]}-01`);
  const days = dated[2] === undefined ? 31 : name.startsWith('w') || name.startsWith('7d') ? 7 : 1;
  return start + (days + 2) * 86_400_000 < before;
}
