/** Pages of lists: opaque cursors over the values that order the rows. */
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

export function writeCursor(...parts: readonly (string | number)[]): string {
  return btoa(JSON.stringify(parts.map(String))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The parts of a cursor, the first of which is a whole number; none where there is no cursor. */
export function readCursor(cursor: string | undefined, count: number): string[] {
  if (cursor === undefined) return [];
  try {
    const parts: unknown = JSON.parse(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')));
    const sound = Array.isArray(parts) && parts.length === count && parts.every((part) => typeof part === 'string' && part.length < 200);
    if (sound && /^-?\d{1,18}$/.test(parts[0] as string)) return parts as string[];
  } catch {
    // Refused below, as any other text that no page gave.
  }
  throw new Problem(400, 'invalid_cursor', 'Send the cursor as the last page gave it, or none to begin again.');
}
