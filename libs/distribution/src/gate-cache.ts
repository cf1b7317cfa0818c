/**
 * The gates of a contract that do not hang on the lead, as one number with a time until which it holds: closed or open, schedule, caps. A
 * decision reads one line of memory for each contract it looks at. A counter that reaches or leaves its limit makes the line stale; who
 * hangs on more than that (orders, credit, places, …) is `complex` and asked in full.
 */
import { momentGates, type Details } from './gates.js';
import type { Market } from './market.js';
import type { State } from './state.js';
import type { ContractTerms } from './terms.js';

/** Numbers a line: 64 bytes, as a cache line has. */
export const LINE = 8;
// The first six, because the array's memory begins 16 bytes into a cache line: with eight every line would lie in two of them.
export const MASK = 0;
export const UNTIL = 1;
export const PRICE = 2;
export const SHARE = 3;
export const COMPLEX = 4;
export const FROM = 5;

export class GateCache {
  lines = new Float64Array(0);
  /** Figures of the limits that shut a gate, by contract number. */
  readonly details: (Details | undefined)[] = [];
  private taken = 0;

  constructor(readonly market: Market, private readonly state: State) {
    this.widen();
    for (let index = 0; index < market.byIndex.length; index++) this.renew(index);
    this.taken = market.touched.length;
  }

  /** Takes in what changed in the market since the last decision. */
  sync(): void {
    const { touched } = this.market;
    if (this.taken === touched.length) return;
    if (this.market.byIndex.length * LINE > this.lines.length) this.widen();
    for (; this.taken < touched.length; this.taken++) this.renew(touched[this.taken]!);
  }

  spoil(index: number): void {
    this.lines[index * LINE + UNTIL] = -Infinity;
  }

  private renew(index: number): void {
    const contract = this.market.byIndex[index];
    if (!contract) return;
    const { lines } = this;
    const line = index * LINE;
    lines[line + UNTIL] = -Infinity;
    lines[line + PRICE] = contract.price;
    lines[line + SHARE] = contract.maxShareCount;
    lines[line + COMPLEX] = isComplex(contract) ? 1 : 0;
    this.details[index] = undefined;
  }

  /** Makes a line valid for the instant. The caller sees by UNTIL and FROM whether it must. */
  refresh(index: number, now: number): void {
    const line = index * LINE;
    const contract = this.market.byIndex[index]!;
    const details: Details = [];
    const { lines, state } = this;
    lines[line + MASK] = momentGates(state, contract, contract.price, now, details);
    lines[line + FROM] = now;
    let until = contract.opening === null ? Infinity : contract.opening.holdsUntil(now);
    // A rolling hour has no bucket; its contract is complex, and asked in full each time.
    for (const { clock } of contract.limits) if (clock !== null) until = Math.min(until, clock.at(now).until);
    lines[line + UNTIL] = until;
    this.details[index] = details.length > 0 ? details : undefined;
  }

  private widen(): void {
    const lines = new Float64Array(Math.ceil(Math.max(64, this.market.byIndex.length) * 1.5) * LINE);
    lines.set(this.lines);
    this.lines = lines;
  }
}

function isComplex(contract: ContractTerms): boolean {
  return contract.prices !== null || contract.trialLeads > 0 || contract.radiusSteps !== Infinity || contract.minScore !== -Infinity
    || contract.maxAgeMs !== Infinity || contract.lookBackMs > 0 || contract.orderRequired || contract.client.creditLimit !== Infinity
    || contract.client.body.requireConsent === true || contract.qualified.length > 0 || contract.sharedLimits.length > 0
    || contract.limits.some(({ clock }) => clock === null);
}
