/** `matches` runs on a linear-time engine: a pattern that a user writes must not be able to stop a partition. */
import { RE2JS } from 're2js';

/** Pattern → test, without regard to case, anywhere in the text. Throws for a pattern that the engine does not take. */
export function linearRegex(pattern: string): { test(text: string): boolean } {
  const compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
  return { test: (text) => compiled.matcher(text).find() };
}
