/**
 * The gates of a contract that do not hang on the lead, as one number with a time until which it holds: closed or open, schedule, caps. A
 * decision reads one line of memory for each contract it looks at. A counter that reaches or leaves its limit makes the line stale; who
 * hangs on more than that (orders, credit, places, …) is `complex` and asked in full.
 */
import { momentGates, type Details } from './gates.js';
import { BIT } from './links.js';
import type { Market } from './market.js';
import type { State } from './state.js';
import type { ContractTerms } from './terms.js';

/** Numbers a line: 32 bytes, so that two lie in a cache line. */
export const LINE = 4;
export const UNTIL = 0;
export const FROM = 1;
export const PRICE = 2;
/** The last of the four as two whole numbers, by `words`. */
const WORDS = 2 * LINE;
const MASK = 6;
const SHARE = 7;
/** Instead of a mask: below every mask. */
const COMPLEX = -1;
const UNBOUND = 2 ** 31 - 1;

export class GateCache {
  lines = new Float64Array(0);
  /** The same memory. */
  private words = new Int32Array(0);
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
    if (this.words[index * WORDS + MASK] !== COMPLEX) this.lines[index * LINE + UNTIL] = -Infinity;
  }

  /** Gates that are shut now, sharing among `sold` buyers included; below 0 where the contract must be asked in full. */
  maskOf(index: number, now: number, sold: number, isFull: boolean): number {
    const { lines, words } = this;
    const line = index * LINE;
    if (now >= lines[line + UNTIL]! || now < lines[line + FROM]!) this.refresh(index, now);
    const mask = words[index * WORDS + MASK]!;
    return isFull || sold >= words[index * WORDS + SHARE]! ? mask | BIT.share_count : mask;
  }

  private renew(index: number): void {
    const contract = this.market.byIndex[index];
    if (!contract) return;
    const { lines, words } = this;
    const line = index * LINE;
    const complex = isComplex(contract);
    lines[line + UNTIL] = complex ? Infinity : -Infinity;
    lines[line + FROM] = -Infinity;
    lines[line + PRICE] = contract.price;
    words[index * WORDS + MASK] = complex ? COMPLEX : 0;
    words[index * WORDS + SHARE] = Math.min(contract.maxShareCount, UNBOUND);
    this.details[index] = undefined;
  }

  private refresh(index: number, now: number): void {
    const line = index * LINE;
    const contract = this.market.byIndex[index]!;
    const details: Details = [];
    const { lines, state } = this;
    this.words[index * WORDS + MASK] = momentGates(state, contract, contract.price, now, details);
    lines[line + FROM] = now;
    let until = contract.opening === null ? Infinity : contract.opening.holdsUntil(now);
    for (const { clock } of contract.limits) if (clock !== null) until = Math.min(until, clock.at(now).until);
    lines[line + UNTIL] = until;
    this.details[index] = details.length > 0 ? details : undefined;
  }

  private widen(): void {
    const lines = new Float64Array(Math.ceil(Math.max(64, this.market.byIndex.length) * 1.5) * LINE);
    lines.set(this.lines);
    this.lines = lines;
    this.words = new Int32Array(lines.buffer);
  }
}

/** A rolling hour has no bucket, so that nothing says until when its gate holds. */
function isComplex(contract: ContractTerms): boolean {
  return contract.prices !== null || contract.trialLeads > 0 || contract.radiusSteps !== Infinity || contract.minScore !== -Infinity
    || contract.maxAgeMs !== Infinity || contract.lookBackMs > 0 || contract.orderRequired || contract.client.creditLimit !== Infinity
    || contract.client.body.requireConsent === true || contract.qualified.length > 0 || contract.sharedLimits.length > 0
    || contract.limits.some(({ clock }) => clock === null);
}
