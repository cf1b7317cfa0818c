/** The methods that choose a whole set: separate price optimisation and turnover (the richest), lead count (the largest). */
import type { Contract } from '../document.js';
import type { Recipient } from './history.js';
import { priceFor, trialsLeft } from './limits.js';
import { fullOrder, type Order } from './orders.js';
import { conflicts, fitsWith, sharedCap, type Desk, type Outcome } from './phase.js';

/** Every set of up to `takeLeft` recipients that M2 and M5 allow is looked at; the best by the method's own words is taken. */
export function runSets(desk: Desk, recipients: readonly Recipient[], largest: boolean): Outcome {
  const { phase, document, sold, before } = desk;
  const buyersBefore = sold.length + before.length;
  const priceAt = (buyers: number) => ({ contract }: Recipient) => (
    trialsLeft(desk.history, contract) > 0 ? 0n : priceFor(document, contract, buyers));
  const tie = fullOrder(desk, [phase.secondary]);
  const orderAt = (buyers: number): Order => (a, b) => {
    const byPrice = compareHigh(priceAt(buyers)(a), priceAt(buyers)(b));
    const byQuality = (b.contract.qualityScore ?? 100) - (a.contract.qualityScore ?? 100);
    return (largest ? byQuality || byPrice : byPrice) || tie(a, b);
  };
  let best: Recipient[] = [];
  let bestSum = -1n;
  for (let k = 1; k <= Math.min(desk.takeLeft, recipients.length); k++) {
    const buyers = buyersBefore + k;
    const able = recipients.filter(({ contract }) => buyers <= (contract.maxShareCount ?? Infinity)).sort(orderAt(buyers));
    const set: Recipient[] = [];
    for (const each of able) if (set.length < k && mayJoin(desk, set, each)) set.push(each);
    if (set.length < k || !fitsWith(desk, set.map(({ contract }) => contract))) continue;
    const sum = set.map(priceAt(buyers)).reduce((a, b) => a + b, 0n);
    if (largest || sum > bestSum) { best = set; bestSum = sum; }
  }
  const picks = best.map(({ contract }) => contract);
  return { picks, reasons: reasonsOf(desk, recipients, picks), turned: new Set() };
}

function mayJoin(desk: Desk, set: readonly Recipient[], { contract }: Recipient): boolean {
  const picks = set.map((each) => each.contract);
  return ![...desk.before, ...picks].some((pick) => conflicts(pick, contract)) && sharedCap(desk, picks, contract) === undefined;
}

function compareHigh(a: bigint, b: bigint): number {
  return a > b ? -1 : a < b ? 1 : 0;
}

function reasonsOf(desk: Desk, recipients: readonly Recipient[], picks: readonly Contract[]): Map<string, string> {
  const rest = recipients.map(({ contract }) => contract).filter((contract) => !picks.includes(contract));
  if (picks.length >= desk.takeLeft) return new Map(rest.map((contract) => [contract.id, 'take_reached']));
  // Where only a limit that the set used up stands in the way, it is the reason.
  return new Map(rest.flatMap((contract) => {
    const sibling = [...desk.before, ...picks].some((pick) => conflicts(pick, contract));
    const cap = sibling || !fitsWith(desk, [...picks, contract]) ? undefined : sharedCap(desk, picks, contract);
    return cap === undefined ? [] : [[contract.id, cap] as const];
  }));
}
