/**
 * One field of the index. A slot (one alternative of one contract) that says nothing about the field is open to every value, one that
 * names values is in their postings. So a change touches what the contract names and one bit, however many values there are.
 */
import type { Interval, RangeAtom, SetAtom } from './atoms.js';
import { instantOf, isMissing, numberOf, type FieldValue } from './fields.js';
import { grown, Posting, type Survivors } from './rows.js';
import { MISSING, type Values } from './values.js';

export class SetNode {
  /** By a value's number. */
  private readonly accept: (Posting | undefined)[] = [];
  private readonly exclude: (Posting | undefined)[] = [];
  private open: Int32Array;
  /** Slots that let a lead in that has no value here. */
  private missing: Int32Array;
  /** Slots that constrain the field; 0 = the node decides nothing. */
  constrained = 0;

  constructor(readonly field: string, private words: number, live: Int32Array, private readonly values: Values) {
    this.open = live.slice();
    this.missing = live.slice();
  }

  /** A new slot: open to all unless an atom says otherwise. */
  add(slot: number, atom: SetAtom | undefined): void {
    const bit = 1 << (slot & 31);
    if (!atom || atom.complement) this.open[slot >> 5]! |= bit;
    if (!atom || atom.missing) this.missing[slot >> 5]! |= bit;
    if (!atom) return;
    this.constrained++;
    const side = atom.complement ? this.exclude : this.accept;
    for (const number of (atom.numbers ??= this.values.numbersOf(atom.values))) {
      const posting = side[number] ?? (side[number] = new Posting());
      posting.add(slot, this.words);
    }
  }

  remove(slot: number, atom: SetAtom | undefined): void {
    const rest = ~(1 << (slot & 31));
    this.open[slot >> 5]! &= rest;
    this.missing[slot >> 5]! &= rest;
    if (!atom) return;
    this.constrained--;
    const side = atom.complement ? this.exclude : this.accept;
    for (const number of atom.numbers ?? []) side[number]?.remove(slot);
  }

  grow(words: number): void {
    this.words = words;
    this.open = grown(this.open, words);
    this.missing = grown(this.missing, words);
    for (const side of [this.accept, this.exclude]) side.forEach((posting) => posting?.grow(words));
  }

  narrow(survivors: Survivors, value: FieldValue): void {
    const number = this.values.find(value);
    if (number >= 0) survivors.keepValue(this.open, this.accept[number], this.exclude[number]);
    else survivors.keep(number === MISSING ? this.missing : this.open);
  }
}

/**
 * Bounds cut the line into points and the gaps between them, each with a row. Beyond this many bounds a further one cuts no more: its slot
 * stands in every segment that its interval touches, and is tested exactly once it has survived.
 */
const BOUNDS_MAX = 192;

export class RangeNode {
  private bounds: number[] = [];
  /** 2 · bounds + 1 of them: gap, point, gap, … */
  private segments: Int32Array[];
  private open: Int32Array;
  private other: Int32Array;
  private missing: Int32Array;
  constrained = 0;

  constructor(readonly field: string, readonly kind: 'number' | 'date', private words: number, live: Int32Array) {
    this.open = live.slice();
    this.other = live.slice();
    this.missing = live.slice();
    this.segments = [new Int32Array(words)];
  }

  /** True where the slot must be tested again after the match, because a bound of its intervals was not cut. */
  add(slot: number, atom: RangeAtom | undefined): boolean {
    const word = slot >> 5;
    const bit = 1 << (slot & 31);
    if (!atom || atom.other) this.other[word]! |= bit;
    if (!atom || atom.missing) this.missing[word]! |= bit;
    if (!atom) { this.open[word]! |= bit; return false; }
    this.constrained++;
    let exact = true;
    for (const { low, high } of atom.intervals) {
      // Both are cut, whatever the first says.
      if (!this.cut(low)) exact = false;
      if (!this.cut(high)) exact = false;
    }
    for (const interval of atom.intervals) {
      for (let place = this.firstOf(interval), last = this.lastOf(interval); place <= last; place++) this.segments[place]![word]! |= bit;
    }
    return !exact;
  }

  remove(slot: number, atom: RangeAtom | undefined): void {
    const word = slot >> 5;
    const rest = ~(1 << (slot & 31));
    this.open[word]! &= rest;
    this.other[word]! &= rest;
    this.missing[word]! &= rest;
    if (!atom) return;
    this.constrained--;
    for (const interval of atom.intervals) {
      for (let place = this.firstOf(interval), last = this.lastOf(interval); place <= last; place++) this.segments[place]![word]! &= rest;
    }
  }

  grow(words: number): void {
    this.words = words;
    this.open = grown(this.open, words);
    this.other = grown(this.other, words);
    this.missing = grown(this.missing, words);
    this.segments = this.segments.map((segment) => grown(segment, words));
  }

  narrow(survivors: Survivors, value: FieldValue): void {
    if (isMissing(value)) { survivors.keep(this.missing); return; }
    const number = this.kind === 'date' ? instantOf(value) : numberOf(value);
    if (Number.isNaN(number)) survivors.keep(this.other);
    else survivors.keepRows(this.open, this.segments[this.segmentOf(number)]!);
  }

  private segmentOf(value: number): number {
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[middle]! < value) low = middle + 1; else high = middle;
    }
    return low < bounds.length && bounds[low] === value ? 2 * low + 1 : 2 * low;
  }

  /** Makes the value a bound. A gap is cut into gap, point, gap: what covered it covers all three until told otherwise. */
  private cut(value: number): boolean {
    if (!Number.isFinite(value)) return true;
    const place = this.segmentOf(value);
    if (place % 2 === 1) return true;
    if (this.bounds.length >= BOUNDS_MAX) return false;
    const gap = this.segments[place]!;
    this.bounds.splice(place / 2, 0, value);
    this.segments.splice(place, 1, gap, gap.slice(), gap.slice());
    return true;
  }

  /** First and last segment that an interval touches. A bound that was not cut lies in a gap, which then counts. */
  private firstOf({ low, lowOpen }: Interval): number {
    const place = this.segmentOf(low);
    return lowOpen && place % 2 === 1 ? place + 1 : place;
  }

  private lastOf({ high, highOpen }: Interval): number {
    const place = this.segmentOf(high);
    return highOpen && place % 2 === 1 ? place - 1 : place;
  }
}

export type Node = SetNode | RangeNode;
