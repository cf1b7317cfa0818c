import type { ConfigItem } from './items.js';

/** Compiles a pattern for the operator `matches`; the caller gives a linear-time engine. */
export type RegexEngine = (pattern: string) => { test(text: string): boolean };

export interface MarketOptions {
  regex?: RegexEngine;
  /** Simulations: a contract that names no delivery method has one that accepts. */
  deliversAlways?: boolean;
}

/** The configuration of one tenant, compiled: an index over criteria, gates and rules ready to be asked. Holds nothing that moves. */
export class Market {
  /** Items → market. Throws RangeError that names the item and what is wrong with it. */
  static compile(items: Iterable<ConfigItem>, options: MarketOptions = {}): Market {
    return new Market(items, options);
  }

  protected constructor(_items: Iterable<ConfigItem>, _options: MarketOptions) {
    throw new Error('not built yet');
  }

  /** Takes in changed items (body null = removed). One contract costs microseconds; nothing is rebuilt. Throws as compile, changing nothing. */
  change(_items: Iterable<ConfigItem>): void {
    throw new Error('not built yet');
  }
}
