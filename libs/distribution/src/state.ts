import type { Market } from './market.js';

/** What is kept of a moving thing: its key and value. Value 0 may be forgotten. */
export interface StateEntry { key: string; value: number | string }

/** Everything that moves: caps by bucket, rotations, credits, percentage counts, orders, trials, presence. Flat; amounts are whole minor units. */
export class State {
  static load(_entries: Iterable<StateEntry> = []): State {
    throw new Error('not built yet');
  }

  /** Gives contracts, clients, recipients and rules that are new their place in the rotations. Call after compile and after every change. */
  follow(_market: Market, _now: number): void {
    throw new Error('not built yet');
  }

  /** All entries that are not 0, for a snapshot. */
  entries(): Iterable<StateEntry> {
    throw new Error('not built yet');
  }

  /** What changed since the last call, each key once, with its value now. */
  takeDirty(): StateEntry[] {
    throw new Error('not built yet');
  }

  /** Forgets counters of buckets that ended before the instant; their keys, for the store to delete. */
  sweep(_before: number): string[] {
    throw new Error('not built yet');
  }

  get(_key: string): number {
    throw new Error('not built yet');
  }

  /** A user was active (push). */
  seen(_userId: string, _at: number): void {
    throw new Error('not built yet');
  }

  /** The circuit of a delivery method opened until that instant (Infinity: until told otherwise), or closed (0). */
  suspend(_deliveryMethodId: string, _until: number): void {
    throw new Error('not built yet');
  }

  /** What a client owes now, in minor units, as billing has it. */
  setCreditUsed(_clientId: string, _minor: bigint): void {
    throw new Error('not built yet');
  }
}
