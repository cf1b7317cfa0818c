/** Pages of lists: an opaque cursor over the id that the list is ordered by. */
import { readCursor, writeCursor } from '@sluice/runtime';
import { z } from 'zod';

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('How many, at most 500.'),
  cursor: z.string().optional().describe('Where the page before ended: its nextCursor.'),
});
export type PageQuery = z.infer<typeof PageQuery>;

export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** What the list goes on after; undefined = it starts. Throws a Problem for a cursor that no page gave. */
export function afterOf({ cursor }: PageQuery): string | undefined {
  return readCursor(cursor, ['string'])?.[0];
}

/** `rows` holds one more than the limit where there is another page. */
export function pageOf<R, T>(rows: readonly R[], limit: number, idOf: (row: R) => string, show: (row: R) => T): Page<T> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { data: page.map(show), nextCursor: rows.length > limit && last ? writeCursor([idOf(last)]) : null };
}
