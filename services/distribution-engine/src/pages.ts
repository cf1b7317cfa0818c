/** What queries of lists may say: instants, formats, how many rows. */
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
