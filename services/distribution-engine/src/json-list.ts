/** JSON texts as one parameter: JSON escapes control characters, so that one of them can separate the texts and nothing needs quoting. */

/** Stands in no JSON text. */
export const JSON_SEPARATOR = '\u001f';

/** JSON texts → one text that `string_to_array(…, E'\\x1f')` takes apart. */
export function jsonList(values: readonly string[]): string {
  return values.join(JSON_SEPARATOR);
}
