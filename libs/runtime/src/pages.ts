/** Pages of lists: what `limit` and `cursor` of a query mean, in every service alike. */
import { z } from 'zod';
import { Problem } from './problem.js';

const SIZE = 50;
const SIZE_MAX = 500;
/** Longer than any that is given. */
const CURSOR_MAX = 2_000;

/** The same as a schema, where a list has no more to its query or builds on it. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(SIZE_MAX).default(SIZE).describe(`How many, at most ${SIZE_MAX}.`),
  cursor: z.string().optional().describe('Where the page before ended: its nextCursor.'),
});
export type PageQuery = z.infer<typeof PageQuery>;

export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** A page of `rows`, which hold one more than its size where there is another page; `placeOf`: what a row's place in the list is. */
export function pageOf<R, T>(rows: readonly R[], size: number, show: (row: R) => T, placeOf: (row: R) => string): Page<T> {
  const page = rows.slice(0, size);
  const last = page.at(-1);
  return { data: page.map(show), nextCursor: rows.length > size && last !== undefined ? writeCursor([placeOf(last)]) : null };
}

/** `?limit` → rows a page; throws a Problem 400 for one that is no number from 1 to 500. */
export function pageSizeOf(limit: string | undefined): number {
  if (limit === undefined) return SIZE;
  const size = /^\d{1,4}$/.test(limit) ? Number(limit) : NaN;
  if (!(size >= 1 && size <= SIZE_MAX)) throw new Problem(400, 'invalid_limit', `Expected a limit from 1 to ${SIZE_MAX}, got ${JSON.stringify(limit)}.`);
  return size;
}

/** The place where a page ended, as text that nobody needs to understand. */
export function writeCursor(place: readonly (string | number)[]): string {
  return btoa(encodeURIComponent(JSON.stringify(place))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** A part of a place: any text, any number, or text that looks like this. */
type Part = 'string' | 'number' | RegExp;

/**
 * A cursor → the place, of the parts that the pattern names; undefined where there is none. Throws a Problem 400 for one that no page gave.
 */
export function readCursor<const T extends readonly Part[]>(
  cursor: string | undefined, pattern: T,
): { [K in keyof T]: T[K] extends 'number' ? number : string } | undefined {
  if (cursor === undefined) return undefined;
  const place = cursor.length > CURSOR_MAX ? undefined : placeOf(cursor);
  if (Array.isArray(place) && place.length === pattern.length && place.every((part, at) => fits(part, pattern[at]!))) return place as never;
  throw new Problem(400, 'invalid_cursor', 'Send the cursor as the last page gave it, or none to begin again.');
}

function placeOf(cursor: string): unknown {
  try {
    return JSON.parse(decodeURIComponent(atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))));
  } catch {
    return undefined;
  }
}

function fits(part: unknown, wanted: Part): boolean {
  if (wanted === 'number') return Number.isSafeInteger(part);
  return typeof part === 'string' && (wanted === 'string' || wanted.test(part));
}
