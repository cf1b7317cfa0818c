const PLAIN = /^[\w.-]*$/;

/** A text as a history holds it: URI encoding leaves none of the separators `|`, `;`, `+`, `:` and `=` in a word. */
export function word(text: string): string {
  return PLAIN.test(text) ? text : encodeURIComponent(text);
}
