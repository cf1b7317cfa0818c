/** Pages of lists: an opaque cursor over the id that the list is ordered by. */
import { z } from 'zod';

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('How many, at most 500.'),
  cursor: z.string().max(400).regex(/^[A-Za-z0-9_-]+$/).optional().describe('Where the page before ended: its nextCursor.'),
});
export type PageQuery = z.infer<typeof PageQuery>;

export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** What the list goes on after; undefined = it starts. */
export function afterOf({ cursor }: PageQuery): string | undefined {
  return cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString('utf8');
}

/** `rows` holds one more than the limit where there is another page. */
export function pageOf<R, T>(rows: readonly R[], limit: number, idOf: (row: R) => string, show: (row: R) => T): Page<T> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { data: page.map(show), nextCursor: rows.length > limit && last ? Buffer.from(idOf(last)).toString('base64url') : null };
}
