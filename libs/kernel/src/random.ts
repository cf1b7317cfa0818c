/**
 * Seeded chance for simulations and tests: the same seed gives the same run on every machine. Never for keys, tokens or who gets a
 * lead.
 */
import { murmur3 } from './hash.js';

/** A stream of pseudo-random values. */
export interface SeededRandom {
  /** Next number in [0, 1), 32 bits of it. */
  next(): number;
  /** Whole number from `from` to `to`, both included. */
  int(from: number, to: number): number;
  /** True with probability p. */
  chance(p: number): boolean;
  /** One of a non-empty list. Throws RangeError for an empty one. */
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
  bytes(length: number): Uint8Array;
  /** An independent stream that depends on this one's seed and the label alone, not on how far this one was read. */
  fork(label: string): SeededRandom;
}

/** Starts a stream (sfc32, seeded by murmur3 of the seed's text). */
export function seededRandom(seed: string | number): SeededRandom {
  const text = String(seed);
  const draw = sfc32(murmur3(text, 1), murmur3(text, 2), murmur3(text, 3));
  const next = () => draw() / 2 ** 32;
  const int = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    int,
    chance: (p) => next() < p,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[int(0, items.length - 1)] as T;
    },
    shuffle: <T>(items: readonly T[]): T[] => {
      const mixed = [...items];
      for (let last = mixed.length - 1; last > 0; last--) {
        const other = int(0, last);
        [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
      }
      return mixed;
    },
    bytes: (length) => Uint8Array.from({ length }, () => draw() & 0xff),
    fork: (label) => seededRandom(`${text}/${label}`),
  };
}

function sfc32(first: number, second: number, third: number): () => number {
  let [a, b, c, counter] = [first | 0, second | 0, third | 0, 1];
  const draw = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round++) draw();
  return draw;
}
