/**
 * Rows → parameters of `unnest`. The literals are made by hand because the driver's own way costs several times as much a row, and
 * a batch has thousands of values.
 */

const SPECIAL = /["\\{},\s]|^$|^null$/i;

/** Texts → the literal of a text array; null stands for itself. */
export function textArray(values: readonly (string | null)[]): string {
  let literal = '{';
  for (let place = 0; place < values.length; place++) {
    if (place > 0) literal += ',';
    const value = values[place];
    if (value === null || value === undefined) literal += 'NULL';
    else literal += SPECIAL.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
  }
  return `${literal}}`;
}

/** Whole numbers → the literal of an int or bigint array; null stands for itself. */
export function numberArray(values: readonly (number | bigint | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

/** Separates JSON texts: JSON escapes control characters, so that none of them holds it. */
export const JSON_SEPARATOR = '\u001f';

/** JSON texts → one text that `string_to_array(…, E'\\x1f')` takes apart: nothing in it needs to be escaped. */
export function jsonList(values: readonly string[]): string {
  return values.join(JSON_SEPARATOR);
}
