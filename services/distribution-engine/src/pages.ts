/** Pages of lists: opaque cursors, instants and formats of a query. */
import { Problem } from '@sluice/runtime';
import { z } from 'zod';

/** An instant or a date (its midnight, UTC) → epoch ms. */
export const instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()], { error: ({ input }) =>
  `expected a date or an instant such as 2026-03-01 or 2026-03-01T09:00:00Z, got ${JSON.stringify(input)}` }).transform((text) => Date.parse(text));

export const limit = z.coerce.number().int().min(1).max(200).default(50);
export const cursor = z.string().max(600).optional().describe('nextCursor of the page before.');
export const format = z.enum(['json', 'ndjson', 'csv']).optional()
  .describe('ndjson and csv send all that the filters let in, as a stream; so does an Accept header of their media type.');

export type Format = NonNullable<z.infer<typeof format>>;

/** What the caller wants: the query counts more than the header. */
export function formatOf(asked: Format | undefined, accept: string | undefined): Format {
  if (asked) return asked;
  if (accept?.includes('text/csv')) return 'csv';
  return accept?.includes('application/x-ndjson') ? 'ndjson' : 'json';
}

/** The place where a page ended, as text that nobody needs to understand. */
export function writeCursor(place: readonly (string | number)[]): string {
  return btoa(encodeURIComponent(JSON.stringify(place))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** A cursor → the place, of as many parts as the pattern has; undefined where there is none. Throws a Problem for one that no page gave. */
export function readCursor<const T extends readonly ('string' | 'number')[]>(
  text: string | undefined, pattern: T,
): { [K in keyof T]: T[K] extends 'string' ? string : number } | undefined {
  if (text === undefined) return undefined;
  try {
    const place = JSON.parse(decodeURIComponent(atob(text.replaceAll('-', '+').replaceAll('_', '/')))) as unknown;
    if (Array.isArray(place) && place.length === pattern.length && place.every((part, at) => typeof part === pattern[at])) {
      return place as never;
    }
  } catch {
    // Refused below, as any other text that no page gave.
  }
  throw new Problem(400, 'invalid_cursor', 'Send the cursor as the last page gave it, or none to begin again.');
}
