/**
 * Every sale that counts in caps, so that a cap which comes later knows what its bucket holds: twenty bytes a sale. For runs that change
 * their configuration on the way and keep no table of what was sold.
 */
import type { Holding } from './lead.js';
import { scopesOf, type PastCount } from './past-count.js';

const FIRST = 1024;

export class SalesLog {
  private size = 0;
  /** In order of time. */
  private at = new Float64Array(FIRST);
  private price = new Float64Array(FIRST);
  /** Number of the scopes that count it; 0 = it was given back. */
  private kind = new Uint32Array(FIRST);
  private readonly kinds = new Map<string, number>();
  /** The kind that a contract's last sale was of; most are of the same again. */
  private readonly lastOf = new Map<string, { clientId: string; also: readonly string[]; kind: number }>();
  private readonly scopes: (readonly string[])[] = [[]];

  add(holding: Holding): void {
    const kind = this.kindOf(holding);
    if (kind === 0) return;
    if (this.size === this.at.length) this.widen();
    this.at[this.size] = holding.at!;
    this.price[this.size] = Number(holding.price);
    this.kind[this.size++] = kind;
  }

  /** One like it is gone: which of those that are the same makes no difference. */
  remove(holding: Holding): void {
    const kind = this.kindOf(holding);
    if (kind === 0) return;
    const price = Number(holding.price);
    for (let place = this.lastAt(holding.at!); place >= 0 && this.at[place] === holding.at; place--) {
      if (this.kind[place] !== kind || this.price[place] !== price) continue;
      this.kind[place] = 0;
      return;
    }
  }

  tell(count: PastCount): void {
    const places: (readonly number[])[] = [[]];
    const { since } = count;
    for (let place = this.size - 1; place >= 0 && this.at[place]! >= since; place--) {
      const kind = this.kind[place]!;
      count.tell(places[kind] ??= count.placesOf(this.scopes[kind]!), this.at[place]!, this.price[place]!);
    }
  }

  /** The last place that is no later. */
  private lastAt(at: number): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at[middle]! <= at) low = middle + 1; else high = middle;
    }
    return low - 1;
  }

  private kindOf(holding: Holding): number {
    const { also, contractId, clientId } = holding;
    if (also === undefined) return 0;
    const last = this.lastOf.get(contractId);
    if (last !== undefined && last.clientId === clientId && isSame(last.also, also)) return last.kind;
    const name = [contractId, clientId, ...also].join('\n');
    let kind = this.kinds.get(name);
    if (kind === undefined) this.kinds.set(name, (kind = this.scopes.push(scopesOf(holding)) - 1));
    this.lastOf.set(contractId, { clientId, also, kind });
    return kind;
  }

  private widen(): void {
    const { at, price, kind } = this;
    this.at = new Float64Array(at.length * 2);
    this.price = new Float64Array(at.length * 2);
    this.kind = new Uint32Array(at.length * 2);
    this.at.set(at);
    this.price.set(price);
    this.kind.set(kind);
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((scope, place) => scope === other[place]);
}
