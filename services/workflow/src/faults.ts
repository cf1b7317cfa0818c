/** What is wrong with a document: where, and what to write instead. */
import type { z } from 'zod';
import { show } from './leaf.js';

export interface DocumentFault {
  /** As a person writes it: `contracts[3].caps.day`. */
  readonly path: string;
  /** The same as a JSON pointer. */
  readonly pointer: string;
  readonly code: 'syntax' | 'invalid' | 'unknown_key' | 'duplicate_id' | 'unknown_reference' | 'personal_field' | 'wrong_unit' | 'contradiction' | 'script';
  readonly message: string;
}

/** A fault in one line: `contracts[3].caps.day: expected an integer ≥ 0, got "ten"`. */
export function line(fault: DocumentFault): string {
  return `${fault.path}: ${fault.message}`;
}

export function faultAt(path: readonly PropertyKey[], code: DocumentFault['code'], message: string): DocumentFault {
  const pointer = path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return { path: pathText(path), pointer, code, message };
}

function pathText(path: readonly PropertyKey[]): string {
  const words = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return words === '' ? 'document' : words.replace(/^\./, '');
}

/** The nearest of the known words, within a third of its length; undefined where none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(Math.max(2, Math.floor(word.length / 3)), word.length - 1) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?`, or nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** Levenshtein, with a swap of neighbours as one step: that is how most keys are mistyped. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, place) => place);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}

type Issue = z.core.$ZodIssue;

/** Parses by a schema; faults in the words of the document instead of zod's. */
export function checkSchema<S extends z.ZodType>(schema: S, value: unknown, at: readonly PropertyKey[] = []):
  { readonly value: z.output<S> } | { readonly faults: DocumentFault[] } {
  const parsed = schema.safeParse(value, {
    reportInput: true,
    // zod names the unknown keys, not the known ones; the raw issue still holds the schema, and carries them over in its message.
    error: (issue) => (issue.code === 'unrecognized_keys' ? JSON.stringify(keysOf(issue.inst)) : undefined),
  });
  return parsed.success ? { value: parsed.data } : { faults: parsed.error.issues.flatMap((issue) => faultsOf(issue, at)) };
}

function keysOf(schema: unknown): string[] {
  const { shape } = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def ?? {};
  return Object.keys(shape ?? {});
}

function faultsOf(issue: Issue, at: readonly PropertyKey[]): DocumentFault[] {
  const path = [...at, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = JSON.parse(issue.message) as string[];
      return issue.keys.map((key) => faultAt([...path, key], 'unknown_key', `unknown key${suggestion(key, known) || `; known are ${known.join(', ')}`}`));
    }
    case 'invalid_union': {
      const option = likeliest(issue.errors);
      return option ? option.flatMap((inner) => faultsOf(inner, path)) : [faultAt(path, 'invalid', issue.message)];
    }
    case 'invalid_key':
      return issue.issues.flatMap((inner) => faultsOf(inner, path));
    default:
      return [faultAt(path, 'invalid', issue.message.startsWith('Invalid input') ? expectation(issue) : issue.message)];
  }
}

function expectation(issue: Issue): string {
  const words: Record<string, string> = { object: 'a mapping', array: 'a list', record: 'a mapping', string: 'text', boolean: 'true or false' };
  const expected = issue.code === 'invalid_type' ? words[issue.expected] ?? `a ${issue.expected}` : 'another value';
  return `expected ${expected}, got ${show(issue.input)}`;
}

/** Of the forms that a value may have, the one that it comes nearest to: fewest keys too many or missing. */
function likeliest(options: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const misfit = (issues: readonly Issue[]) => issues.reduce((sum, issue) => {
    if (issue.code === 'unrecognized_keys') return sum + 10 * issue.keys.length;
    if (issue.path.length === 0) return sum + 15;
    return sum + (issue.path.length === 1 && issue.input === undefined && !('values' in issue) ? 10 : 1);
  }, 0);
  // The first of equals: where nothing fits, the plainest form stands first and says what was meant.
  const [first, ...rest] = options;
  return rest.reduce((best, issues) => (best && misfit(issues) < misfit(best) ? issues : best), first);
}
