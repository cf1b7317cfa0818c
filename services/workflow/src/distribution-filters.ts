/** Filters of lists whose ids sort by time: an allow-list of query parameters → the condition of a query. */
import { pageSizeOf, Problem, readCursor } from '@sluice/runtime';

/** Where the value goes in a condition. */
export const GIVEN = '$?';

export interface Filter {
  readonly where: string;
  readonly values: readonly unknown[];
  readonly limit: number;
}

type Given = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Query parameters → what to ask for, one row more than a page has. `idColumn` orders the rows, the newest first. Throws a Problem 400 for
 * a parameter that is no filter, or has none of its `words`: who mistypes one must not take the whole list for its answer.
 */
export function filterOf(
  tenantId: string, query: Given, conditions: Readonly<Record<string, string>>, idColumn: string,
  words: Readonly<Record<string, readonly string[]>> = {},
): Filter {
  const values: unknown[] = [tenantId];
  const where = ['tenant_id = $1'];
  const add = (condition: string, value: unknown) => where.push(condition.replaceAll(GIVEN, `$${values.push(value)}`));
  let limit = pageSizeOf(undefined);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value !== 'string') throw new Problem(400, 'repeated_filter', `"${name}" stands more than once; send it once.`);
    if (value.includes('\0')) throw new Problem(400, 'invalid_filter', `"${name}" has a character that no value has.`);
    if (name === 'limit') limit = pageSizeOf(value);
    else if (name === 'cursor') add(`${idColumn} < ${GIVEN}`, readCursor(value, [/^[\w-]{1,100}$/])![0]);
    else if (Object.hasOwn(conditions, name)) add(conditions[name]!, oneOf(name, value, words[name]));
    else throw new Problem(400, 'unknown_filter', `"${name}" is no filter here; there are ${[...Object.keys(conditions), 'limit', 'cursor'].join(', ')}.`);
  }
  return { where: where.join(' AND '), values, limit };
}

function oneOf(name: string, value: string, allowed: readonly string[] | undefined): string {
  if (!allowed || allowed.includes(value)) return value;
  throw new Problem(400, 'invalid_filter', `Expected "${name}" to be one of ${allowed.join(', ')}, got ${JSON.stringify(value)}.`);
}
