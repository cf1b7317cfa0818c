/**
 * Rows → parameters of `unnest`: one array literal a column. Made by hand because the driver's own way costs several times as much a row,
 * and a batch has thousands of values.
 */

const SPECIAL = /["\\{},\s]|^$|^null$/i;

type Absent = null | undefined;

/** Texts → the literal of a text array. What is absent becomes NULL. NUL, which Postgres does not take, must have been refused before. */
export function textArray(values: readonly (string | Absent)[]): string {
  let literal = '{';
  for (let place = 0; place < values.length; place++) {
    if (place > 0) literal += ',';
    const value = values[place];
    if (value === null || value === undefined) literal += 'NULL';
    else literal += SPECIAL.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
  }
  return `${literal}}`;
}

/** Values that need no quotes (numbers, booleans, uuids) → the literal of an array of them. */
export function plainArray(values: readonly (number | bigint | boolean | string | Absent)[]): string {
  let literal = '{';
  for (let place = 0; place < values.length; place++) {
    if (place > 0) literal += ',';
    literal += values[place] ?? 'NULL';
  }
  return `${literal}}`;
}

/** Bytes, given as hexadecimal text → the literal of a bytea array. */
export function hexArray(values: readonly (string | Absent)[]): string {
  let literal = '{';
  for (let place = 0; place < values.length; place++) {
    if (place > 0) literal += ',';
    const value = values[place];
    // A backslash is escaped in a literal; digits need no quotes.
    literal += value === null || value === undefined ? 'NULL' : `\\\\x${value}`;
  }
  return `${literal}}`;
}
