/**
 * JSON as it may come from outside: one reading, or none. A key that stands twice is read differently by different programs, so that it
 * is refused; so are values that no column and no log can hold (NUL, half a surrogate pair, a number beyond a double).
 */
import type { Fault } from './fault.js';

/** Body of one lead at most. */
export const LEAD_BYTES_MAX = 65_536;
const DEPTH_MAX = 8;
const KEYS_MAX = 200;
const ITEMS_MAX = 100;
const TEXT_MAX = 4_096;

export type JsonRead = { readonly value: unknown } | { readonly fault: Fault };

/** Reads text that is valid UTF-8 already. Never says anything of the values it met. */
export function readJson(text: string): JsonRead {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
    const where = position === undefined ? '' : ` It cannot be read from character ${Number(position) + 1} on.`;
    return { fault: { pointer: '', code: 'json', message: `Expected JSON.${where}` } };
  }
  // Without an escape no text can hold NUL or half a pair: JSON takes no bare control character, UTF-8 no surrogate.
  const met = { keys: 0, sound: !text.includes('\\') };
  const fault = walk(value, '', 0, met);
  if (fault) return { fault };
  // Every key brings one colon outside of text: more colons than keys that came through = a key stands twice.
  if (colons(text) !== met.keys) return { fault: { pointer: '', code: 'duplicate_key', message: 'A key stands twice in one object; send it once.' } };
  return { value };
}

/** The first thing in a value that is beyond the limits, whatever its meaning. */
function walk(value: unknown, pointer: string, depth: number, met: { keys: number; readonly sound: boolean }): Fault | undefined {
  if (typeof value === 'string') return walkText(value, pointer);
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { pointer, code: 'number', message: 'The number is too large; send it as text.' };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= DEPTH_MAX) return { pointer, code: 'depth', message: `Nested deeper than ${DEPTH_MAX} levels.` };
  if (Array.isArray(value)) {
    if (value.length > ITEMS_MAX) return { pointer, code: 'items', message: `More than ${ITEMS_MAX} items in one list.` };
    for (let i = 0; i < value.length; i++) {
      const fault = walk(value[i], `${pointer}/${i}`, depth + 1, met);
      if (fault) return fault;
    }
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (++met.keys > KEYS_MAX) return { pointer, code: 'keys', message: `More than ${KEYS_MAX} keys in one lead.` };
    const item = (value as Record<string, unknown>)[key];
    // The pointer is only spelt out where it is needed: nearly all values are short, sound text.
    if (typeof item === 'string' && item.length <= TEXT_MAX && (met.sound ? key.length <= TEXT_MAX : isSound(item) && isSound(key))) continue;
    const fault = walkText(key, pointer) ?? walk(item, `${pointer}/${escapePointer(key)}`, depth + 1, met);
    if (fault) return fault;
  }
  return undefined;
}

function walkText(text: string, pointer: string): Fault | undefined {
  if (text.length > TEXT_MAX) return { pointer, code: 'too_long', message: `Longer than ${TEXT_MAX} characters.` };
  return isSound(text) ? undefined : { pointer, code: 'characters', message: 'Holds NUL or half a surrogate pair; remove it.' };
}

/** False for NUL and lone surrogates, which Postgres cannot store. */
export function isSound(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0) return false;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = unit < 0xdc00 ? text.charCodeAt(i + 1) : 0;
    if (!(next >= 0xdc00 && next <= 0xdfff)) return false;
    i++;
  }
  return true;
}

/** A key as one part of a JSON pointer (RFC 6901), cut where somebody sends a book for a key. */
export function escapePointer(key: string): string {
  const short = key.length > 80 ? `${key.slice(0, 80)}…` : key;
  return short.includes('~') || short.includes('/') ? short.replaceAll('~', '~0').replaceAll('/', '~1') : short;
}

function colons(text: string): number {
  let count = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 34) inside = !inside;
    else if (unit === 92) i++;
    else if (unit === 58 && !inside) count++;
  }
  return count;
}

/** One spelling for equal values: keys sorted, nothing between. Two bodies with the same canonical text are the same request. */
export function canonical(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? 'null';
}

/** The value with the keys of its objects in order. Numbers for keys come first, as in every object, and so are in order too. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const record = value as Record<string, unknown>;
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(record).sort()) {
    // Assigned it would be the prototype.
    if (key === '__proto__') Object.defineProperty(result, key, { value: sorted(record[key]), enumerable: true });
    else result[key] = sorted(record[key]);
  }
  return result;
}
