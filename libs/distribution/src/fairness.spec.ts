/** What each method promises over many leads, and that a set is the best there is. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { bucketOf } from '@sluice/kernel';
import fc from 'fast-check';
import type { Workflow } from './document.js';
import { Table } from './table.suite.js';
import { sharesOf } from './weighted.js';

const RUNS = { numRuns: 1000 };

describe('round robin', () => {
  it('keeps all counts within one lead of each other, however many a lead is sold to (RR1)', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 }),
      (contracts, take, leads) => {
      const table = new Table(Array.from({ length: contracts }, () => ({})), { rules: [{ method: 'roundRobin', take }] });
      for (let lead = 0; lead < leads; lead++) table.deal();
      const counts = Object.values(table.received);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }), RUNS);
  });

  it('keeps clients so where they take turns, whichever of their contracts stands for them (RR1, K0)', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 }),
      (contracts, take, leads) => {
      const table = new Table(Array.from({ length: contracts }, (_, place) => ({ price: place % 2 })),
        { rules: [{ method: 'roundRobin', by: 'client', take }] }, { sameClient: true });
      const counts = Array.from({ length: Math.min(3, contracts) }, () => 0);
      for (let lead = 0; lead < leads; lead++) for (const id of table.deal()) counts[Number(id.slice(1)) % 3]! += 1;
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }), RUNS);
  });

  it('gives a turn back: who turned a lead down is next again', () => {
    const table = new Table([{}, {}, {}], { maxMultiplication: 1, rules: [{ method: 'roundRobin', take: 1 }] });
    expect(table.deal(({ contractId }) => contractId === 'k0')).toEqual(['k1']);
    expect([table.deal(), table.deal(), table.deal(), table.deal()].flat()).toEqual(['k0', 'k2', 'k1', 'k0']);
  });
});

describe('weighted', () => {
  it('keeps everybody less than one lead from its share after every lead, for any weights (W5)', () => {
    const one = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom(1, 3, 60, 0.1, 33.3, 1e6),
      fc.double({ min: 0.001, max: 1, noNaN: true }));
    fc.assert(fc.property(fc.array(one, { minLength: 1, maxLength: 13 }), fc.integer({ min: 1, max: 60 }), (all, leads) => {
      const table = new Table(all.map((weight) => ({ weight })), { maxMultiplication: 1, rules: [{ method: 'weighted', take: 1 }] });
      const sum = all.reduce((total, weight) => total + weight, 0);
      let worst = 0;
      for (let lead = 1; lead <= leads; lead++) {
        table.deal();
        all.forEach((weight, place) => { worst = Math.max(worst, Math.abs(table.received[`k${place}`]! - (weight / sum) * lead)); });
      }
      expect(worst).toBeLessThan(1);
    }), RUNS);
  });

  it('shares out no more than one lead each, and all of what there is to share', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 9 }),
      (weights, picks) => {
      const shares = sharesOf(weights, picks);
      expect(Math.max(...shares)).toBeLessThanOrEqual(1);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(Math.min(picks, weights.length), 9);
    }), RUNS);
  });

  it('gives nobody a flood after an absence: what was not earned is not owed (W2)', () => {
    const table = new Table([{ weight: 1 }, { weight: 1 }], { maxMultiplication: 1, rules: [{ method: 'weighted', take: 1 }] });
    const pause = (status: 'open' | 'paused') => table.market.change([{ kind: 'contract', id: 'k1', entry: 4,
      body: { id: 'k1', client: 'c1', price: 10, weight: 1, status } }]);
    pause('paused');
    for (let lead = 0; lead < 20; lead++) table.deal();
    pause('open');
    const after = Array.from({ length: 6 }, () => table.deal()).flat();
    expect(after.filter((id) => id === 'k1')).toHaveLength(3);
  });
});

describe('percentage', () => {
  const shares = fc.array(fc.constantFrom(5, 10, 12.5, 20, 33.3), { minLength: 1, maxLength: 3 });
  const timeframe = fc.constantFrom('hour' as const, 'day' as const, 'week' as const, 'month' as const);
  const one = fc.record({ minutes: fc.constantFrom(1, 7, 40, 700, 9000), refused: fc.nat({ max: 7 }) });
  const leads = fc.array(one, { minLength: 1, maxLength: 40 });

  it('strict never gives anybody more than its share of the leads of a timeframe, rounded up (P2)', () => {
    fc.assert(fc.property(shares, timeframe, fc.boolean(), leads, (all, frame, byClient, dealt) => {
      const clients = all.map((percentage, place) => ({ id: `c${place}`, percentage }));
      const table = new Table(all.map((percentage) => (byClient ? {} : { percentage })),
        { maxMultiplication: 1, rules: [{ method: 'percentage', timeframe: frame, take: 1, by: byClient ? 'client' : 'contract' }] },
        { document: byClient ? { clients } : {} });
      const counted = new Map<string, { leads: number; received: number[] }>();
      for (const { minutes, refused } of dealt) {
        table.now += minutes * 60_000;
        const bucket = bucketOf(table.now, 'UTC', frame);
        const count = counted.get(bucket) ?? { leads: 0, received: all.map(() => 0) };
        counted.set(bucket, count);
        count.leads++;
        // A refusal lets the lead through to somebody else, and is no part of anybody's share.
        for (const id of table.deal(({ contractId }) => contractId === `k${refused}`)) count.received[Number(id.slice(1))]! += 1;
        all.forEach((percent, place) => expect(count.received[place]!).toBeLessThanOrEqual(
          Number((BigInt(Math.round(percent * 10)) * BigInt(count.leads) + 999n) / 1000n)));
      }
    }), RUNS);
  });

  it('keeps everybody within one lead of its share where nothing is turned down and the shares are 100 percent (P1)', () => {
    const whole = fc.constantFrom([50, 50], [25, 75], [10, 20, 70], [33, 33, 34], [5, 5, 15, 25, 50]);
    fc.assert(fc.property(whole, fc.integer({ min: 1, max: 60 }), (all, count) => {
      const table = new Table(all.map((percentage) => ({ percentage })),
        { maxMultiplication: 1, rules: [{ method: 'percentage', timeframe: 'day', strict: false, base: 'price', take: 1 }] });
      for (let lead = 1; lead <= count; lead++) table.deal();
      const off = all.map((percent, place) => Math.abs(table.received[`k${place}`]! - (percent / 100) * count));
      expect(Math.max(...off)).toBeLessThan(all.length);
      expect(Object.values(table.received).reduce((sum, each) => sum + each, 0)).toBe(count);
    }), RUNS);
  });

  it('gives the rest by the base method to those without a percentage', () => {
    const table = new Table([{ percentage: 25 }, { price: 5 }, { price: 20 }],
      { maxMultiplication: 1, rules: [{ method: 'percentage', base: 'price', take: 1 }] });
    expect(Array.from({ length: 8 }, () => table.deal()).flat()).toEqual(['k0', 'k2', 'k2', 'k2', 'k0', 'k2', 'k2', 'k2']);
  });
});

interface Offer { price: number; share: number | undefined; quality: number; table: Record<string, number> | undefined }
const offer: fc.Arbitrary<Offer> = fc.record({
  price: fc.integer({ min: 0, max: 30 }), share: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  quality: fc.integer({ min: 1, max: 3 }),
  table: fc.option(fc.constantFrom<Record<string, number>>({ 1: 30, 2: 9, 3: 8 }, { 2: 14 }), { nil: undefined }),
});

function priceAt({ price, table }: Offer, buyers: number): number {
  if (!table) return price;
  const keys = Object.keys(table).map(Number).sort((a, b) => a - b);
  return table[String(keys.filter((key) => key <= buyers).pop() ?? keys[0])]!;
}

/** On top of a sold set: who has the lead already, of which client, and how many it lets share. */
interface Sold { clients: ReadonlySet<number>; count: number; most: number }
const NOBODY: Sold = { clients: new Set(), count: 0, most: Infinity };

function feasible(offers: Offer[], set: number[], most: number, sold: Sold = NOBODY): boolean {
  const clients = new Set(set.map((place) => place % 3));
  const buyers = sold.count + set.length;
  return set.length > 0 && buyers <= Math.min(most, sold.most) && clients.size === set.length
    && set.every((place) => buyers <= (offers[place]!.share ?? Infinity) && !sold.clients.has(place % 3));
}

function subsets(count: number): number[][] {
  return Array.from({ length: 2 ** count }, (_, mask) => Array.from({ length: count }, (__, place) => place)
    .filter((place) => (mask >> place) & 1));
}

function bought(offers: Offer[], workflow: Partial<Workflow>, sold: readonly number[] = []): number[] {
  const contracts = offers.map(({ price, share, quality, table }) => (
    { price, maxShareCount: share, qualityScore: quality, prices: table }));
  const winners = new Table(contracts, workflow, { sameClient: true }).deal(() => false, sold.map((place) => `k${place}`));
  return winners.map((id) => Number(id.slice(1)));
}

const sumOf = (offers: Offer[], set: number[], before = 0) => (
  set.reduce((sum, place) => sum + priceAt(offers[place]!, before + set.length), 0));

describe('the best set', () => {
  const offers = fc.array(offer, { minLength: 1, maxLength: 7 });
  const most = fc.integer({ min: 1, max: 5 });
  const take = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
  const before = fc.option(fc.nat({ max: 6 }), { nil: undefined });

  /** The one contract that has the lead already, if a person could give it to it. */
  const soldTo = (all: Offer[], place: number | undefined): { list: number[]; sold: Sold } => (
    place === undefined || place >= all.length ? { list: [], sold: NOBODY }
      : { list: [place], sold: { clients: new Set([place % 3]), count: 1, most: all[place]!.share ?? Infinity } });

  it('pays as much as any feasible set, with as few sharers, as trying them all shows, also beside those who have the lead already', () => {
    let shared = 0;
    fc.assert(fc.property(offers, most, take, before, fc.constantFrom<Partial<Workflow>>({ rules: [{ method: 'turnover' }] },
      { priceOptimization: 'separate', rules: [{ method: 'price' }] }), (all, limit, taken, first, how) => {
      const { list, sold } = soldTo(all, first);
      const sets = subsets(all.length).filter((set) => set.length <= (taken ?? Infinity) && feasible(all, set, limit, sold));
      const set = bought(all, { ...how, maxMultiplication: limit, rules: how.rules!.map((rule) => ({ ...rule, take: taken })) }, list);
      if (sets.length === 0) { expect(set).toEqual([]); return; }
      if (list.length > 0) shared++;
      expect(sets).toContainEqual([...set].sort());
      const richest = Math.max(...sets.map((one) => sumOf(all, one, sold.count)));
      expect(sumOf(all, set, sold.count)).toBe(richest);
      expect(set.length).toBe(Math.min(...sets.filter((one) => sumOf(all, one, sold.count) === richest).map((one) => one.length)));
    }), { numRuns: 3000 });
    expect(shared).toBeGreaterThan(300);
  });

  it('is the largest for leadCount, and of the largest the one of the best quality and price', () => {
    fc.assert(fc.property(offers, most, take, before, (all, limit, taken, first) => {
      const { list, sold } = soldTo(all, first);
      const sets = subsets(all.length).filter((set) => set.length <= (taken ?? Infinity) && feasible(all, set, limit, sold));
      const set = bought(all, { maxMultiplication: limit, rules: [{ method: 'leadCount', take: taken }] }, list);
      const largest = Math.max(0, ...sets.map((one) => one.length));
      expect(set.length).toBe(largest);
      if (largest === 0) return;
      const rank = (one: number[]) => [...one.map((place) => all[place]!.quality).sort((a, b) => b - a),
        ...one.map((place) => priceAt(all[place]!, sold.count + one.length)).sort((a, b) => b - a)];
      const best = sets.filter((one) => one.length === largest).map(rank)
        .sort((a, b) => b.map((value, place) => value - a[place]!).find((difference) => difference !== 0) ?? 0)[0]!;
      expect(rank(set).slice(0, largest)).toEqual(best.slice(0, largest));
    }), { numRuns: 2000 });
  });

  it('by pooled prices is what a scan from the top takes, an exclusive one on top alone', () => {
    fc.assert(fc.property(offers, most, take, (all, limit, taken) => {
      const flat = all.map((one) => ({ ...one, table: undefined }));
      const order = flat.map((_, place) => place)
        .sort((a, b) => flat[b]!.price - flat[a]!.price || flat[b]!.quality - flat[a]!.quality || a - b);
      const scanned: number[] = [];
      for (const place of order) {
        if (scanned.length < (taken ?? Infinity) && feasible(flat, [...scanned, place], limit)) scanned.push(place);
      }
      const pooled = { maxMultiplication: limit, priceOptimization: 'pooled', rules: [{ method: 'price', take: taken }] } as const;
      expect(bought(flat, { ...pooled, rules: [...pooled.rules] })).toEqual(scanned);
    }), RUNS);
  });
});

describe('what is drawn', () => {
  /** As the engine draws: HMAC of a secret, the first 48 bits of it. */
  const keyed = (text: string) => createHmac('sha256', 'a secret').update(text).digest().readUIntBE(0, 6) / 2 ** 48;

  it('is drawn from "lead id|rule|round|contract id" (F6)', () => {
    const table = new Table([{}, {}], { id: 'w', maxMultiplication: 1, rules: [{ id: 'lots', method: 'random' }] } as Partial<Workflow>);
    table.deal(({ contractId }) => contractId === 'k0');
    expect(table.drawn.slice(0, 4)).toEqual(['L1|w/lots|0|k0', 'L1|w/lots|0|k1', 'L1|w/lots|1|k1'].slice(0, table.drawn.length));
  });

  it('favours nobody over many leads: every order of three comes about as often as any other', () => {
    const table = new Table([{}, {}, {}], { rules: [{ method: 'random' }] }, { seed: keyed });
    const orders = new Map<string, number>();
    const leads = 12_000;
    for (let lead = 0; lead < leads; lead++) {
      const order = table.deal().join(' ');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    // Chi squared of five degrees of freedom passes 25.7 once in ten thousand times; the draw is keyed, so it is the same each run.
    const expected = leads / 6;
    expect([...orders.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(25.7);
  });

  it('is nothing that weights need: after whole rounds of them each has exactly its share', () => {
    const weights = [1, 2, 3, 5];
    const table = new Table(weights.map((weight) => ({ weight })), { maxMultiplication: 1, rules: [{ method: 'weighted', take: 1 }] });
    for (let lead = 0; lead < 11_000; lead++) table.deal();
    expect(weights.map((weight, place) => Math.round(table.received[`k${place}`]! - weight * 1000))).toEqual([0, 0, 0, 0]);
  });
});
