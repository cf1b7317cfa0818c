/** What each method promises over many leads, and that a set is the best there is. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide } from './decide.js';
import type { ConfigDocument, Contract, Workflow } from './document.js';
import { itemsOf } from './items.js';
import { newLife, type Holding, type Lead, type Life } from './lead.js';
import { Market } from './market.js';
import { accept, release, reserve } from './reserve.js';
import { State } from './state.js';
import { sharesOf } from './weighted.js';

const RUNS = { numRuns: 1000 };
const NOW = Date.UTC(2026, 2, 2, 15);

/** Contracts of a client each, one workflow, and a hand that deals leads to them. */
class Table {
  readonly received: Record<string, number> = {};
  readonly market: Market;
  readonly state = State.load();
  private dealt = 0;

  constructor(contracts: Partial<Contract>[], workflow: Partial<Workflow>, sameClient = false) {
    const bodies = contracts.map((body, place): Contract =>
      ({ id: `k${place}`, client: sameClient ? `c${place % 3}` : `c${place}`, price: 10, ...body }));
    const clients = [...new Set(bodies.map(({ client }) => client))].map((id) => ({ id }));
    const document: ConfigDocument = { apiVersion: 'v1', timezone: 'UTC', clients, contracts: bodies,
      campaigns: [{ id: 'x', workflow: 'w' }], workflows: [{ id: 'w', ...workflow }] };
    this.market = Market.compile(itemsOf(document), { deliversAlways: true });
    this.state.follow(this.market, NOW);
    for (const { id } of bodies) this.received[id] = 0;
  }

  /** Who got the next lead; who is told to turn it down does so. */
  deal(refuses: (holding: Holding) => boolean = () => false): string[] {
    const lead: Lead = { leadId: `L${++this.dealt}`, tenantId: 't', campaignId: 'x', receivedAt: NOW, attributes: {} };
    let life: Life = newLife();
    for (let round = 0; round < 20; round++) {
      const decision = decide(this.market, this.state, lead, life, { trigger: round === 0 ? 'arrival' : 'fallback' }, NOW, (text) =>
        (text.length % 89) / 89);
      const { life: after, holdings } = reserve(this.market, this.state, lead, life, decision, NOW,
        (pick) => `${lead.leadId}/${round}/${pick.contractId}`);
      life = after;
      let refused = false;
      for (const holding of holdings) {
        if (!refuses(holding)) { life = accept(life, holding.outboundLeadId); continue; }
        life = release(this.market, this.state, life, holding.outboundLeadId, 'rejected');
        refused = true;
      }
      if (!refused) break;
    }
    const winners = life.picks.filter(({ state }) => state === 'accepted').map(({ contractId }) => contractId);
    for (const id of winners) this.received[id]! += 1;
    return winners;
  }
}

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

  it('gives a turn back: who turned a lead down is next again', () => {
    const table = new Table([{}, {}, {}], { maxMultiplication: 1, rules: [{ method: 'roundRobin', take: 1 }] });
    expect(table.deal(({ contractId }) => contractId === 'k0')).toEqual(['k1']);
    expect([table.deal(), table.deal(), table.deal(), table.deal()].flat()).toEqual(['k0', 'k2', 'k1', 'k0']);
  });
});

describe('weighted', () => {
  it('keeps everybody less than one lead from its share after every lead, for any weights (W5)', () => {
    const weights = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom(1, 3, 60)), { minLength: 1, maxLength: 13 });
    fc.assert(fc.property(weights, fc.integer({ min: 1, max: 60 }), (all, leads) => {
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
  it('strict never gives anybody more than its share of the leads, rounded up (P2)', () => {
    const shares = fc.array(fc.constantFrom(5, 10, 12.5, 20, 33.3), { minLength: 1, maxLength: 3 });
    fc.assert(fc.property(shares, fc.integer({ min: 1, max: 40 }), fc.nat({ max: 5 }), (all, leads, every) => {
      const table = new Table(all.map((percentage) => ({ percentage })),
        { maxMultiplication: 1, rules: [{ method: 'percentage', timeframe: 'day', take: 1 }] });
      let above = 0;
      for (let lead = 1; lead <= leads; lead++) {
        table.deal(({ contractId }) => every > 0 && lead % every === 0 && contractId === 'k0');
        all.forEach((percent, place) => { above = Math.max(above,
          table.received[`k${place}`]! - Math.ceil(Math.round(percent * 10 * lead) / 1000)); });
      }
      expect(above).toBeLessThanOrEqual(0);
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

function feasible(offers: Offer[], set: number[], most: number): boolean {
  const clients = new Set(set.map((place) => place % 3));
  return set.length > 0 && set.length <= most && clients.size === set.length
    && set.every((place) => set.length <= (offers[place]!.share ?? Infinity));
}

function subsets(count: number): number[][] {
  return Array.from({ length: 2 ** count }, (_, mask) => Array.from({ length: count }, (__, place) => place)
    .filter((place) => (mask >> place) & 1));
}

const bought = (offers: Offer[], workflow: Partial<Workflow>) => new Table(
  offers.map(({ price, share, quality, table }) => ({ price, maxShareCount: share, qualityScore: quality, prices: table })), workflow, true,
).deal().map((id) => Number(id.slice(1)));
const sumOf = (offers: Offer[], set: number[]) => set.reduce((sum, place) => sum + priceAt(offers[place]!, set.length), 0);

describe('the best set', () => {
  const offers = fc.array(offer, { minLength: 1, maxLength: 7 });
  const most = fc.integer({ min: 1, max: 5 });

  it('pays as much as any feasible set, with as few sharers, as trying them all shows', () => {
    fc.assert(fc.property(offers, most, fc.constantFrom<Partial<Workflow>>({ rules: [{ method: 'turnover' }] },
      { priceOptimization: 'separate', rules: [{ method: 'price' }] }), (all, limit, how) => {
      const sets = subsets(all.length).filter((set) => feasible(all, set, limit));
      const set = bought(all, { maxMultiplication: limit, ...how });
      expect(feasible(all, set, limit)).toBe(true);
      const richest = Math.max(...sets.map((one) => sumOf(all, one)));
      expect(sumOf(all, set)).toBe(richest);
      expect(set.length).toBe(Math.min(...sets.filter((one) => sumOf(all, one) === richest).map((one) => one.length)));
    }), RUNS);
  });

  it('is the largest for leadCount, and of the largest the one of the best quality and price', () => {
    fc.assert(fc.property(offers, most, (all, limit) => {
      const sets = subsets(all.length).filter((set) => feasible(all, set, limit));
      const set = bought(all, { maxMultiplication: limit, rules: [{ method: 'leadCount' }] });
      const largest = Math.max(...sets.map((one) => one.length));
      expect(set.length).toBe(largest);
      const rank = (one: number[]) => [...one.map((place) => all[place]!.quality).sort((a, b) => b - a),
        ...one.map((place) => priceAt(all[place]!, one.length)).sort((a, b) => b - a)];
      const best = sets.filter((one) => one.length === largest).map(rank)
        .sort((a, b) => b.map((value, place) => value - a[place]!).find((difference) => difference !== 0) ?? 0)[0]!;
      expect(rank(set).slice(0, largest)).toEqual(best.slice(0, largest));
    }), RUNS);
  });
});
