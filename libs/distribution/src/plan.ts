/**
 * The plan while it grows: who is in it, how many more buyers fit (M2), and what several picks of one plan use together. It moves no state;
 * a limit shared by contracts of one plan (a group's, a campaign's) is counted here as if the picks before had been reserved.
 */
import type { Limit } from './limits.js';
import { overrideMask, type Scene } from './scene.js';
import type { ContractTerms } from './terms.js';

/** Who stands in a decision, by number: contracts that passed the index, with what their gates said. */
export interface Field {
  contracts: ContractTerms[];
  masks: number[];
  /** What each is ranked by and pays at most: 0 while it has free leads. */
  prices: number[];
  /** Free leads left at this moment, by number; null where no contract has a trial. */
  trials: Uint8Array | null;
  /** Script scores; null without scripts. */
  scores: number[] | null;
}

export interface Planned { candidate: number; phase: number; order: number; rotates: boolean }

/** What became of a candidate that passed its gates, beyond being picked: bits. */
export const FATE = { noWeight: 2, heldBack: 4, sibling: 8, ruleMinimum: 16, totalMinimum: 64 } as const;

/** A phase's candidates, and whether its take was reached when their turn came; not for those it passed over before. */
export interface Turns { candidates: readonly number[]; reached: boolean; skipped: ReadonlySet<number> | null }

export class Plan {
  picks: Planned[] = [];
  /** Bits by candidate; made when the first is noted. */
  fates: number[] | null = null;
  buyers: number;
  most: number;
  private shared: Map<Limit, number> | null = null;

  /** `tried`: a plan to try a set in; what it learns is not told to anybody. */
  constructor(protected readonly scene: Scene, readonly field: Field, private readonly tried = false) {
    this.buyers = scene.sold;
    this.most = scene.most;
  }

  note(candidate: number, fate: number): void {
    this.fates ??= new Array<number>(this.field.contracts.length).fill(0);
    this.fates[candidate]! |= fate;
  }

  /** How many more buyers sharing leaves. */
  get room(): number {
    return this.most - this.buyers;
  }

  isPicked(candidate: number): boolean {
    return this.picks.some((pick) => pick.candidate === candidate);
  }

  /** Another contract of its client or contract group is in the plan (M5). */
  hasSibling(contract: ContractTerms): boolean {
    if (this.picks.length === 0) return false;
    const { contracts } = this.field;
    // A plan has few picks: looking through them is cheaper than keeping sets of them.
    for (const { candidate } of this.picks) {
      const other = contracts[candidate]!;
      if (other.client === contract.client) return true;
      if (contract.contractGroup !== undefined && other.contractGroup === contract.contractGroup) return true;
    }
    return false;
  }

  /** One more buyer, this one, breaks no share limit. */
  mayShare(contract: ContractTerms): boolean {
    return this.buyers < this.most && this.buyers < contract.maxShareCount;
  }

  /** Limits that picks of this plan use together leave room for it; else the gate that is shut. */
  sharedGate(candidate: number): number {
    const { scene, field } = this;
    if (this.picks.length === 0) return 0;
    const contract = field.contracts[candidate]!;
    let mask = 0;
    for (const limits of [contract.sharedLimits, scene.campaignLimits]) {
      for (const limit of limits) {
        const planned = this.shared?.get(limit) ?? 0;
        if (planned === 0) continue;
        const wanted = limit.metric === 'count' ? 1 : field.prices[candidate]!;
        if (scene.state.used(limit, scene.now) + planned + wanted > limit.limit) mask |= 1 << limit.gate;
      }
    }
    // A cap that a person passes over is passed over by each of the plan's picks.
    return mask === 0 ? 0 : mask & ~overrideMask(scene);
  }

  /** Adds a contract if nothing forbids it. */
  tryPick(candidate: number, phase: number, rotates: boolean): boolean {
    if (!this.fits(candidate)) {
      if (!this.tried) this.noteSharedGate(candidate);
      return false;
    }
    this.pick(candidate, phase, rotates);
    return true;
  }

  /** Nothing in the plan stands in the way of one more pick, this one. */
  fits(candidate: number): boolean {
    const contract = this.field.contracts[candidate]!;
    return !this.hasSibling(contract) && this.mayShare(contract) && this.sharedGate(candidate) === 0;
  }

  /** Where only a limit that the plan used up stands in the way, that limit is the reason. */
  noteSharedGate(candidate: number): void {
    const contract = this.field.contracts[candidate]!;
    if (this.isPicked(candidate) || this.hasSibling(contract) || !this.mayShare(contract)) return;
    this.field.masks[candidate]! |= this.sharedGate(candidate);
  }

  /** A copy to try a set in. */
  trial(): Plan {
    const copy = new Plan(this.scene, this.field, true);
    for (const pick of this.picks) copy.pick(pick.candidate, pick.phase, pick.rotates);
    return copy;
  }

  /** Takes back the picks made since there were `length` of them (K2). */
  dropFrom(length: number): void {
    const kept = this.picks.slice(0, length);
    this.reset();
    for (const pick of kept) this.pick(pick.candidate, pick.phase, pick.rotates);
  }

  /** Keeps only the picks that the test lets stay. */
  retain(stays: (pick: Planned) => boolean): void {
    const kept = this.picks.filter(stays);
    this.reset();
    for (const pick of kept) this.pick(pick.candidate, pick.phase, pick.rotates);
  }

  private reset(): void {
    this.picks = [];
    this.buyers = this.scene.sold;
    this.most = this.scene.most;
    this.shared = null;
  }

  private pick(candidate: number, phase: number, rotates: boolean): void {
    const contract = this.field.contracts[candidate]!;
    this.picks.push({ candidate, phase, order: this.picks.length, rotates });
    this.buyers++;
    if (contract.maxShareCount < this.most) this.most = contract.maxShareCount;
    if (contract.sharedLimits.length > 0 || this.scene.campaignLimits.length > 0) this.useShared(candidate, contract);
  }

  private useShared(candidate: number, contract: ContractTerms): void {
    this.shared ??= new Map();
    for (const limits of [contract.sharedLimits, this.scene.campaignLimits]) {
      for (const limit of limits) {
        const amount = limit.metric === 'count' ? 1 : this.field.prices[candidate]!;
        this.shared.set(limit, (this.shared.get(limit) ?? 0) + amount);
      }
    }
  }
}
