/** Pages of lists that are ordered by a number which is not shown, the newest first. */
import { pageOf, readCursor, type Page, type PageQuery } from '@sluice/runtime';

/** The number before which the list goes on; undefined = it starts. Throws a Problem for a cursor that no page gave. */
export function beforeOf({ cursor }: PageQuery): string | undefined {
  return readCursor(cursor, [/^\d{1,18}$/])?.[0];
}

/** `rows` hold one more than the limit where there is another page. */
export function pageByNumber<T extends { readonly no: string }>(rows: readonly T[], limit: number): Page<Omit<T, 'no'>> {
  return pageOf(rows, limit, withoutNumber, ({ no }) => no);
}

/** A row as it is shown: the number serves the cursor alone. */
export function withoutNumber<T extends { readonly no: string }>(row: T): Omit<T, 'no'> {
  const shown: Record<string, unknown> = { ...row };
  delete shown['no'];
  return shown as Omit<T, 'no'>;
}
