/** Pages of lists: opaque cursors over the id that orders the rows. */
import { Problem } from '@sluice/runtime';

const SIZE = 50;
const SIZE_MAX = 500;

/** `?limit` → rows a page. */
export function pageSizeOf(limit: string | undefined): number {
  if (limit === undefined) return SIZE;
  const size = /^\d{1,4}$/.test(limit) ? Number(limit) : NaN;
  if (!(size >= 1 && size <= SIZE_MAX)) throw new Problem(400, 'invalid_limit', `Expected a limit from 1 to ${SIZE_MAX}, got ${JSON.stringify(limit)}.`);
  return size;
}

export function writeCursor(id: string): string {
  return btoa(encodeURIComponent(id)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The id of a cursor; undefined where there is no cursor. `pattern`: what an id looks like. */
export function readCursor(cursor: string | undefined, pattern = /^[^\s]{1,200}$/): string | undefined {
  if (cursor === undefined) return undefined;
  try {
    const id = decodeURIComponent(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')));
    if (pattern.test(id)) return id;
  } catch {
    // Refused below, as any other text that no page gave.
  }
  throw new Problem(400, 'invalid_cursor', 'Send the cursor as the last page gave it, or none to begin again.');
}
