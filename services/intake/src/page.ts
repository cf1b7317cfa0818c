/** Pages of lists that go on after an id. */
import { readCursor, type PageQuery } from '@sluice/runtime';

/** What the list goes on after; undefined = it starts. Throws a Problem for a cursor that no page gave. */
export function afterOf({ cursor }: PageQuery): string | undefined {
  return readCursor(cursor, ['string'])?.[0];
}
