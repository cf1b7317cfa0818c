/** One item of a document made, replaced, patched or removed: each gives the whole document as it would then be. */
import type { ConfigDocument } from '@sluice/distribution';
import type { Section } from './document.js';
import type { DocumentFault } from './faults.js';

type Item = Readonly<Record<string, unknown>> & { readonly id: string };

const listOf = (document: ConfigDocument, section: Section) => (document[section] ?? []) as unknown as readonly Item[];

export function findItem(document: ConfigDocument, section: Section, id: string): Item | undefined {
  return listOf(document, section).find((item) => item.id === id);
}

/** The document with the item in its place, or at the end. */
export function withItem(document: ConfigDocument, section: Section, id: string, body: unknown): unknown {
  const items = listOf(document, section);
  const there = items.some((item) => item.id === id);
  return { ...document, [section]: there ? items.map((item) => (item.id === id ? body : item)) : [...items, body] };
}

export function withoutItem(document: ConfigDocument, section: Section, id: string): unknown {
  return { ...document, [section]: listOf(document, section).filter((item) => item.id !== id) };
}

/** Faults of a document as the caller sees it who sent one item: pointers into that item where they lie in it. */
export function relativeTo(faults: readonly DocumentFault[], document: unknown, section: Section, id: string): DocumentFault[] {
  const items = (document as Readonly<Record<string, unknown>>)[section];
  const place = Array.isArray(items) ? (items as (Item | null)[]).findIndex((item) => item?.id === id) : -1;
  const pointer = `/${section}/${place}`;
  const path = `${section}[${place}]`;
  return faults.map((fault) => {
    if (fault.pointer !== pointer && !fault.pointer.startsWith(`${pointer}/`)) return { ...fault, message: `${fault.path}: ${fault.message}` };
    return { ...fault, pointer: fault.pointer.slice(pointer.length), path: fault.path.slice(path.length).replace(/^\./, '') || section };
  });
}
