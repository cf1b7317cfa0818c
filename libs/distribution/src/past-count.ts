/**
 * What a limit that is new has used already: it counts what its bucket holds, as if it had always been there. Sales are told one by one, or
 * added up by whoever stores them; what comes of it are counters.
 */
import type { Holding } from './lead.js';
import { ROLLING_MS, type BucketClock, type Limit } from './limits.js';
import type { State, StateEntry } from './state.js';

/** What is to be added up: the sales of a scope (`contract|acme-ny`) since an instant, epoch ms; -Infinity = all. */
export interface CountAsked {
  readonly scope: string;
  readonly since: number;
  /** Apart for each instant: a rolling hour forgets them one by one. */
  readonly byInstant: boolean;
}

/** A sum of some of the sales that were asked for, by its place in the list. */
export interface CountedSales {
  readonly place: number;
  /** The instant of the reservations, where they were asked for so. */
  readonly at: number;
  readonly count: number;
  /** Minor units. */
  readonly amount: number;
}

export class PastCount {
  readonly asked: CountAsked[] = [];
  private readonly sums: Map<number, { count: number; amount: number }>[] = [];
  /** Places by scope. */
  private readonly places = new Map<string, number[]>();
  private readonly starts = new Map<BucketClock, number>();
  private readonly placeOf = new Map<Limit, number>();

  constructor(private readonly limits: readonly Limit[], readonly now: number) {
    for (const limit of limits) this.placeOf.set(limit, this.ask(limit));
  }

  private ask({ scope: kind, id, clock }: Limit): number {
    const scope = `${kind}|${id}`;
    const since = this.startOf(clock);
    const byInstant = clock === null;
    let places = this.places.get(scope);
    if (!places) this.places.set(scope, (places = []));
    const same = places.find((place) => this.asked[place]!.since === since && this.asked[place]!.byInstant === byInstant);
    if (same !== undefined) return same;
    places.push(this.asked.push({ scope, since, byInstant }) - 1);
    this.sums.push(new Map());
    return places[places.length - 1]!;
  }

  private startOf(clock: BucketClock | null): number {
    if (clock === null) return this.now - ROLLING_MS + 1;
    let start = this.starts.get(clock);
    if (start === undefined) this.starts.set(clock, (start = clock.start(this.now)));
    return start;
  }

  /** The earliest instant that is asked for. */
  get since(): number {
    return this.asked.reduce((first, { since }) => Math.min(first, since), Infinity);
  }

  /** Places that count a sale of these scopes; none = it need not be told. */
  placesOf(scopes: readonly string[]): readonly number[] {
    return scopes.flatMap((scope) => this.places.get(scope) ?? []);
  }

  /** One sale that stands; `places` as `placesOf` has them. */
  tell(places: readonly number[], at: number, priceMinor: number): void {
    for (const place of places) if (at >= this.asked[place]!.since) this.add({ place, at, count: 1, amount: priceMinor });
  }

  /** All that a lead was sold for, as its story has it. */
  tellAll(picks: readonly Holding[]): void {
    for (const holding of picks) {
      if (holding.at !== undefined && countsInCaps(holding)) this.tell(this.placesOf(scopesOf(holding)), holding.at, Number(holding.price));
    }
  }

  add({ place, at, count, amount }: CountedSales): void {
    const sums = this.sums[place]!;
    const instant = this.asked[place]!.byInstant ? at : 0;
    const sum = sums.get(instant);
    if (!sum) sums.set(instant, { count, amount }); else { sum.count += count; sum.amount += amount; }
  }

  /**
   * The counters as they have to stand, where they do not in the state. By key, whoever compiled the market in whatever
   * order. A limit that comes back may find what it once counted.
   */
  entries(state: State): StateEntry[] {
    const entries: StateEntry[] = [];
    const put = (key: string, value: number) => { if (state.get(key) !== value) entries.push({ key, value }); };
    for (const limit of this.limits) {
      const { prefix, metric, clock } = limit;
      const sums = this.sums[this.placeOf.get(limit)!]!;
      if (clock !== null) {
        const { name, until } = clock.at(this.now);
        put(prefix + name, sums.get(0)?.[metric] ?? 0);
        // In a zone further east tomorrow has begun: what was counted there by its name is not of the tomorrow of this zone.
        if (Number.isFinite(until)) put(prefix + clock.nameOf(until), 0);
        continue;
      }
      for (const at of state.rollingInstants(prefix, this.now - ROLLING_MS)) if (!sums.has(at)) put(prefix + String(at), 0);
      for (const [at, sum] of sums) put(prefix + String(at), sum[metric]);
    }
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

/** Reserved, taken, or never answered. What was turned down or returned has given its units back, and the pool's count in no cap. */
export function countsInCaps({ state }: Holding): boolean {
  return state === 'reserved' || state === 'accepted';
}

/** The scopes whose caps count a sale: `contract|acme-ny`, `client|acme`, `campaign|solar`, `group|gold`; pushed, the ways down to it. */
export function scopesOf({ contractId, clientId, also }: Holding): readonly string[] {
  if (also === undefined || also[0]?.startsWith('recipient|')) return also ?? [];
  return [`contract|${contractId}`, `client|${clientId}`, ...also];
}
