import { RE2JS } from 're2js';

/** Patterns of `matches`: linear in the length of the text, whatever the pattern. */
export const linearRegex = (pattern: string) => {
  const compiled = RE2JS.compile(pattern);
  return { test: (text: string) => compiled.matcher(text).find() };
};
