/** Pages of lists: an opaque cursor over the number that the list is ordered by, the newest first. */
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

/** The number before which the list goes on; undefined = it starts. Throws a Problem for a cursor that no page gave. */
export function beforeOf({ cursor }: PageQuery): string | undefined {
  return readCursor(cursor, [/^\d{1,18}$/])?.[0];
}

/** `rows` holds one more than the limit where there is another page. */
export function pageOf<T extends { readonly no: string }>(rows: readonly T[], limit: number): Page<Omit<T, 'no'>> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const more = rows.length > limit && last;
  return { data: page.map(withoutNumber), nextCursor: more ? writeCursor([last.no]) : null };
}

/** A row as it is shown: the number serves the cursor alone. */
export function withoutNumber<T extends { readonly no: string }>(row: T): Omit<T, 'no'> {
  const shown: Record<string, unknown> = { ...row };
  delete shown['no'];
  return shown as Omit<T, 'no'>;
}
