/** What an apply changes: the items that differ between what stands and what is to stand, and their way into events. */
import type { ConfigItem } from '@sluice/distribution';
import { ITEM_TEXT_MAX } from './parse-document.js';

export interface Change {
  readonly kind: string;
  readonly id: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** Of a changed item: the keys that differ, as `caps.day`. */
  readonly paths: readonly string[];
}

export interface Difference {
  /** The items that differ, in their new form; body null = removed. */
  readonly items: readonly ConfigItem[];
  readonly changes: readonly Change[];
}

const keyOf = (item: { readonly kind: string; readonly id: string }) => `${item.kind}\n${item.id}`;

/** From what stands (removed items among it with body null) to what is to stand. */
export function difference(before: readonly ConfigItem[], after: readonly ConfigItem[]): Difference {
  const items: ConfigItem[] = [];
  const changes: Change[] = [];
  const standing = new Map(before.filter((item) => item.body !== null).map((item) => [keyOf(item), item]));
  for (const item of after) {
    const old = standing.get(keyOf(item));
    standing.delete(keyOf(item));
    if (!old) {
      // The settings are there from the start, if empty.
      if (item.kind === 'settings' && Object.keys(item.body ?? {}).length === 0) continue;
      items.push(item);
      changes.push({ kind: item.kind, id: item.id, change: item.kind === 'settings' ? 'changed' : 'added', paths: [] });
    } else {
      const paths = differingPaths(old.body, item.body);
      if (paths.length === 0) continue;
      items.push({ ...item, entry: old.entry });
      changes.push({ kind: item.kind, id: item.id, change: 'changed', paths });
    }
  }
  for (const gone of standing.values()) {
    items.push({ ...gone, body: null } as ConfigItem);
    changes.push({ kind: gone.kind, id: gone.id, change: 'removed', paths: [] });
  }
  return { items, changes };
}

/** The paths at which two values differ, whatever the order of their keys. Lists are compared whole. */
export function differingPaths(before: unknown, after: unknown, path = ''): string[] {
  if (isMapping(before) && isMapping(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differingPaths(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  return same(before, after) ? [] : [path];
}

function same(before: unknown, after: unknown): boolean {
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length && before.every((value, place) => same(value, after[place]));
  }
  if (isMapping(before) && isMapping(after)) return differingPaths(before, after).length === 0;
  return before === after;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Most items of one event: a record stays well below what a broker takes, whatever the items hold. */
export const PART_ITEMS_MAX = 200;
/** Most JSON text of one event, in UTF-16 units of at most three bytes. Kafka refuses records above 1 MB; no item alone is larger. */
const PART_TEXT_MAX = ITEM_TEXT_MAX;

/** Cuts the items of a version into parts; at least one, so that every version is said. */
export function partsOf<T extends { readonly body: unknown }>(items: readonly T[]): T[][] {
  const parts: T[][] = [[]];
  let length = 0;
  for (const item of items) {
    const size = item.body === null ? 0 : JSON.stringify(item.body).length;
    const last = parts[parts.length - 1]!;
    if (last.length > 0 && (last.length >= PART_ITEMS_MAX || length + size > PART_TEXT_MAX)) {
      parts.push([item]);
      length = size;
    } else {
      last.push(item);
      length += size;
    }
  }
  return parts;
}
