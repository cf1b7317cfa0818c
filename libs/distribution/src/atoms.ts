/**
 * The simplest conditions, one field each, closed under *not*: sets of values, ranges of numbers, and tests that no index can hold.
 * A negation also turns what a missing value does, hence the flags: "not (age atLeast 18)" lets a lead without an age in.
 */
import type { Lead } from './lead.js';
import type { FieldValue } from './fields.js';

/**
 * `values` may name one twice. `members`: the same as a set, made when first asked: the index only walks through them. `numbers`: the same
 * as the index numbers them, once it holds the atom.
 */
export interface SetAtom {
  kind: 'set'; field: string; values: readonly string[]; complement: boolean; missing: boolean; members?: ReadonlySet<string>;
  numbers?: readonly number[];
}
/** Half-lines and intervals in order; a bound is open or closed. */
export interface Interval { low: number; lowOpen: boolean; high: number; highOpen: boolean }
export interface RangeAtom { kind: 'number' | 'date'; field: string; intervals: readonly Interval[]; other: boolean; missing: boolean }
export interface TestAtom { kind: 'test'; field: string; test(value: FieldValue, lead: Lead): boolean }
export type Atom = SetAtom | RangeAtom | TestAtom;

export const EVERYTHING: Interval = { low: -Infinity, lowOpen: false, high: Infinity, highOpen: false };

/** Whether a set atom names the value. */
export function names(atom: SetAtom, value: string): boolean {
  return (atom.members ??= new Set(atom.values)).has(value);
}

export function negate(atom: Atom): Atom {
  if (atom.kind === 'set') return { ...atom, complement: !atom.complement, missing: !atom.missing };
  if (atom.kind === 'test') return { ...atom, test: (value, lead) => !atom.test(value, lead) };
  return { ...atom, intervals: complement(atom.intervals), other: !atom.other, missing: !atom.missing };
}

/** Both, as one atom; undefined where the two cannot be one (tests, or different kinds). */
export function intersect(a: Atom, b: Atom): Atom | undefined {
  if (a.field !== b.field || a.kind !== b.kind || a.kind === 'test' || b.kind === 'test') return undefined;
  if (a.kind === 'set' && b.kind === 'set') return intersectSets(a, b);
  if (a.kind === 'set' || b.kind === 'set') return undefined;
  return { ...a, intervals: intersectIntervals(a.intervals, b.intervals), other: a.other && b.other, missing: a.missing && b.missing };
}

function intersectSets(a: SetAtom, b: SetAtom): SetAtom {
  const missing = a.missing && b.missing;
  if (a.complement && b.complement) return { ...a, values: [...a.values, ...b.values], members: undefined, missing };
  const [plain, other] = a.complement ? [b, a] : [a, b];
  return { ...plain, values: plain.values.filter((value) => names(other, value) !== other.complement), members: undefined, missing };
}

export function inIntervals(intervals: readonly Interval[], value: number): boolean {
  for (const { low, lowOpen, high, highOpen } of intervals) {
    if ((lowOpen ? value > low : value >= low) && (highOpen ? value < high : value <= high)) return true;
  }
  return false;
}

function complement(intervals: readonly Interval[]): Interval[] {
  let rest: Interval[] = [EVERYTHING];
  for (const { low, lowOpen, high, highOpen } of intervals) {
    const outside = [
      { low: -Infinity, lowOpen: false, high: low, highOpen: !lowOpen }, { low: high, lowOpen: !highOpen, high: Infinity, highOpen: false },
    ].filter((part) => part.high !== -Infinity && part.low !== Infinity);
    rest = intersectIntervals(rest, outside);
  }
  return rest;
}

function intersectIntervals(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const both: Interval[] = [];
  for (const x of a) {
    for (const y of b) {
      const [low, lowOpen] = x.low > y.low ? [x.low, x.lowOpen] : y.low > x.low ? [y.low, y.lowOpen] : [x.low, x.lowOpen || y.lowOpen];
      const [high, highOpen] = x.high < y.high ? [x.high, x.highOpen] : y.high < x.high ? [y.high, y.highOpen]
        : [x.high, x.highOpen || y.highOpen];
      if (low < high || (low === high && !lowOpen && !highOpen)) both.push({ low, lowOpen, high, highOpen });
    }
  }
  return both;
}
