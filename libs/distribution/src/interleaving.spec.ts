/** Limits hold under any interleaving of leads, answers, returns, what people do, and changes of the configuration. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CapWindow } from './document.js';
import { action, Bookkeeper, minorOf, scopesOf, tight, usedOf, type Reserved, type Sale } from './interleaving.suite.js';

const RUNS = { numRuns: 1000 };
const actions = fc.array(action, { minLength: 15, maxLength: 50 });

/** Runs any actions on any set-up; `check` sees each reservation, with all the sales so far. Says how many there were. */
function inAnyRun(check: (reserved: Reserved, sales: readonly Sale[], now: number) => void): number {
  let reservations = 0;
  fc.assert(fc.property(tight, actions, (document, all) => {
    const keeper: Bookkeeper = new Bookkeeper(document, (reserved) => {
      reservations++;
      check(reserved, keeper.sales, keeper.now);
    });
    for (const one of all) keeper.act(one);
  }), RUNS);
  return reservations;
}

const isDistribution = ({ trigger }: Reserved) => trigger !== 'cherryPick';

describe('under any interleaving of leads, answers, returns, people and changes', () => {
  it('no reservation passes a cap: of no scope, no window, in leads or in money (C1, C2, F4)', () => {
    let full = 0;
    const made = inAnyRun((reserved, sales, now) => {
      if (!isDistribution(reserved)) return;
      for (const scope of scopesOf(reserved)) {
        for (const [window, cap] of Object.entries(scope.caps)) {
          if (typeof cap === 'string') continue;
          const { count, amount } = typeof cap === 'number' ? { count: cap, amount: undefined } : cap as { count?: number; amount?: number };
          const { leads, minor } = usedOf(sales, scope, window as CapWindow, now);
          if (leads === count || (amount !== undefined && minor === minorOf(amount))) full++;
          expect([scope.what, window, leads]).toEqual([scope.what, window, Math.min(leads, count ?? Infinity)]);
          if (amount !== undefined) expect(minor).toBeLessThanOrEqual(minorOf(amount));
        }
      }
    });
    // It was tight: caps were really reached.
    expect([made > 4000, full > 500]).toEqual([true, true]);
  });

  it('no lead has more buyers than its workflow and each of them accept, nor two of one client or contract group (M2, M3, M5)', () => {
    let shared = 0;
    inAnyRun((reserved, sales) => {
      const { sale, document } = reserved;
      const [workflow] = document.workflows!;
      const holders = sales.filter((each) => each.lead === sale.lead && !each.gone);
      const clients = holders.map(({ holding }) => holding.clientId);
      expect(new Set(clients).size).toBe(clients.length);
      const pairs = holders.filter(({ holding }) => holding.contractGroup !== undefined);
      expect(pairs.length).toBeLessThan(2);
      if (!isDistribution(reserved)) return;
      // Nobody who took it from the pool is counted, unless the workflow says so (A4).
      const sharers = holders.filter(({ holding }) => holding.rule !== 'cherryPick' || workflow!.cherryPickCountsForShare);
      const most = Math.min(workflow!.maxMultiplication ?? Infinity, ...sharers.map(({ holding }) => holding.maxShareCount ?? Infinity));
      if (sharers.length > 1) shared++;
      expect(sharers.length).toBeLessThanOrEqual(most);
    });
    expect(shared).toBeGreaterThan(500);
  });

  it('no order is passed in leads, nor in money beyond its overdraw, and where one is required each lead has one (O1)', () => {
    let paid = 0;
    inAnyRun((reserved, sales) => {
      if (!isDistribution(reserved)) return;
      const { sale: { holding }, document } = reserved;
      const { order: wanted } = document.contracts!.find(({ id }) => id === holding.contractId)!;
      if (wanted === 'required') expect(holding.order).toBeDefined();
      const order = document.orders!.find(({ id }) => id === holding.order);
      if (!order) return;
      paid++;
      const own = sales.filter((sale) => sale.holding.order === order.id && !sale.gone && !sale.unitBack);
      expect(own.length).toBeLessThanOrEqual(order.quantity ?? Infinity);
      const most = order.amount === undefined ? undefined : minorOf(order.amount) + minorOf(order.overdraw ?? 0);
      if (most !== undefined) expect(own.reduce((sum, sale) => sum + BigInt(sale.holding.price), 0n)).toBeLessThanOrEqual(most);
    });
    expect(paid).toBeGreaterThan(500);
  });

  it('no client owes more than it may, also by what it takes from the pool', () => {
    let owed = 0;
    inAnyRun(({ sale, document }, sales) => {
      const { creditLimit } = document.clients!.find(({ id }) => id === sale.holding.clientId)!;
      if (creditLimit === undefined) return;
      owed++;
      const own = sales.filter(({ holding, gone, returned }) => holding.clientId === sale.holding.clientId && !gone && !returned);
      expect(own.reduce((sum, { holding }) => sum + BigInt(holding.price), 0n)).toBeLessThanOrEqual(minorOf(creditLimit));
    });
    expect(owed).toBeGreaterThan(200);
  });
});
