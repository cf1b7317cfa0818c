/** Text → configuration document, or every fault of it at once. Nothing is filled in: what is not written stays unset. */
import type { ConfigDocument } from '@sluice/distribution';
import { LineCounter, parseDocument as parseYaml, visit } from 'yaml';
import { documentSchema } from './document.js';
import { checkSchema, faultAt, type DocumentFault } from './faults.js';
import { checkReferences } from './references.js';

export type Checked<T> =
  | { readonly document: T; readonly faults?: undefined }
  | { readonly faults: readonly DocumentFault[]; readonly document?: undefined };

/** YAML 1.2 or JSON, which is a part of it. Aliases are bounded, so that a small text cannot unfold into a large one. */
export function parseDocument(text: string): Checked<ConfigDocument> {
  const read = readYaml(text);
  return 'faults' in read ? read : checkDocument(read.value);
}

/** The same of a value that is parsed already. */
export function checkDocument(value: unknown): Checked<ConfigDocument> {
  const checked = checkSchema(documentSchema, value);
  if ('faults' in checked) return checked;
  const document = checked.value as ConfigDocument;
  const faults = checkReferences(document);
  return faults.length > 0 ? { faults } : { document };
}

/** The value of a YAML 1.2 text, in which `off` is a word and a date is text; or where it cannot be read. */
export function readYaml(text: string): { readonly value: unknown } | { readonly faults: DocumentFault[] } {
  const lines = new LineCounter();
  const parsed = parseYaml(text, { version: '1.2', schema: 'core', lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const faults = parsed.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { ...faultAt([], 'syntax', error.message), path: `line ${line}, column ${col}` };
  });
  if (faults.length > 0) return { faults };
  // A key of an object's prototype would vanish on the way to a plain object: it is a mistake or an attack.
  visit(parsed, { Pair: (_, pair) => {
    const key = String((pair.key as { value?: unknown } | null)?.value ?? '');
    if (key === '__proto__') faults.push(faultAt([], 'syntax', 'the key "__proto__" is not allowed'));
  } });
  if (faults.length > 0) return { faults };
  try {
    return { value: parsed.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    return { faults: [faultAt([], 'syntax', error instanceof Error ? error.message : 'it cannot be read')] };
  }
}
