/** Text → configuration document, or every fault of it at once. Nothing is filled in: what is not written stays unset. */
import type { ConfigDocument } from '@sluice/distribution';
import { parseDocument as parseYaml } from 'yaml';
import { documentSchema, itemSchemas, sections, type Section } from './document.js';
import { checkSchema, faultAt, type DocumentFault } from './faults.js';
import { checkReferences } from './references.js';

export type Checked<T> =
  | { readonly document: T; readonly faults?: undefined }
  | { readonly faults: readonly DocumentFault[]; readonly document?: undefined };

/** YAML 1.2 or JSON, which is a part of it. Aliases are bounded, so that a small text cannot unfold into a large one. */
export function parseDocument(text: string): Checked<ConfigDocument> {
  const read = readText(text);
  return 'faults' in read ? read : checkDocument(read.value);
}

/** The same of a value that is parsed already. */
export function checkDocument(value: unknown): Checked<ConfigDocument> {
  const steps = checkInSteps(value);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** Most JSON text of one item, in UTF-16 units: it must fit into a record of the log. */
export const ITEM_TEXT_MAX = 250_000;

/** Items between two pauses: some 10 ms of checking. */
const STEP = 100;

/**
 * The same with pauses: a document of 10,000 contracts takes a second to check, during which a process that only checked would decide and
 * deliver nothing. Whoever drives it lets others run at each `yield`.
 */
export function* checkInSteps(value: unknown): Generator<void, Checked<ConfigDocument>> {
  const lists = new Map<Section, readonly unknown[]>();
  const shell: Record<string, unknown> = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { faults: failing(checkSchema(documentSchema, value)) };
  for (const [key, entry] of Object.entries(value)) {
    const isList = Object.hasOwn(sections, key) && Array.isArray(entry);
    if (isList) lists.set(key as Section, entry as unknown[]);
    shell[key] = isList ? [] : entry;
  }
  const outside = checkSchema(documentSchema, shell);
  const faults = failing(outside);
  const document: Record<string, unknown> = 'value' in outside ? { ...outside.value } : {};
  for (const [section, items] of lists) {
    const checked: unknown[] = [];
    for (const [place, item] of items.entries()) {
      const result = checkItem(section, item, place);
      if ('value' in result) checked.push(result.value);
      else faults.push(...result.faults);
      if (place % STEP === STEP - 1) yield;
    }
    document[section] = checked;
  }
  if (faults.length > 0) return { faults };
  yield;
  return withReferences(document as unknown as ConfigDocument);
}

/** A sound document of which one item was changed, added or removed: that item by its schema, and all references. */
export function checkEdited(edited: unknown, section: Section, id: string): Checked<ConfigDocument> {
  const items = (edited as Readonly<Record<string, readonly unknown[]>>)[section] ?? [];
  const place = items.findIndex((item) => (item as { id?: unknown } | null)?.id === id);
  // Without a sound id it is the newest.
  const at = place >= 0 || items.length === 0 ? place : items.length - 1;
  if (at < 0) return withReferences(edited as ConfigDocument);
  const checked = checkItem(section, items[at], at);
  if ('faults' in checked) return checked;
  return withReferences({ ...(edited as ConfigDocument), [section]: items.with(at, checked.value) });
}

function checkItem(section: Section, item: unknown, place: number): ReturnType<typeof checkSchema> {
  const checked = checkSchema(itemSchemas[sections[section]], item, [section, place]);
  if ('faults' in checked || JSON.stringify(checked.value).length <= ITEM_TEXT_MAX) return checked;
  return { faults: [faultAt([section, place], 'invalid', `expected at most ${ITEM_TEXT_MAX} characters of JSON: split it into several`)] };
}

function withReferences(document: ConfigDocument): Checked<ConfigDocument> {
  const faults = checkReferences(document);
  return faults.length > 0 ? { faults } : { document };
}

function failing(checked: ReturnType<typeof checkSchema>): DocumentFault[] {
  return 'faults' in checked ? checked.faults : [];
}

export type ReadText = { readonly value: unknown } | { readonly faults: readonly DocumentFault[] };

/** How documents are read: YAML 1.2, in which `off` is a word and a date is text; a key stands once. */
export const yamlOptions = { version: '1.2', schema: 'core', prettyErrors: false, uniqueKeys: true } as const;
export const yamlAliasesMax = 100;

/** The value of a text, or where it cannot be read. JSON goes the fast way: the YAML parser takes a hundred times as long. */
export function readText(text: string): ReadText {
  return readJson(text) ?? readYaml(text);
}

/** The value of a JSON text; undefined where it is none. */
export function readJson(text: string): ReadText | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

export function readYaml(text: string): ReadText {
  const parsed = parseYaml(text, yamlOptions);
  if (parsed.errors.length > 0) return { faults: parsed.errors.map((error) => syntaxFault(text, error.message, error.pos[0])) };
  try {
    return { value: parsed.toJS({ maxAliasCount: yamlAliasesMax }) };
  } catch (error) {
    return { faults: [syntaxFault(text, error instanceof Error ? error.message : 'it cannot be read', 0)] };
  }
}

/** A fault at a place in the text, by line and column. */
export function syntaxFault(text: string, message: string, at: number): DocumentFault {
  const before = text.slice(0, at).split('\n');
  return { ...faultAt([], 'syntax', message), path: `line ${before.length}, column ${before[before.length - 1]!.length + 1}` };
}
