/** Pages of lists: opaque cursors over a number that orders the rows. */
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

export function cursorOf(place: number): string {
  return btoa(String(place)).replaceAll('=', '');
}

export function numberOfCursor(cursor: string): number {
  let text = '';
  try {
    text = atob(cursor);
  } catch {
    // What is no base64 is refused below.
  }
  if (!/^-?\d{1,12}$/.test(text)) throw new Problem(400, 'invalid_cursor', 'Send the cursor as the last page gave it, or none to begin again.');
  return Number(text);
}
