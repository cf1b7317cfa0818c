import type { ConfigDocument } from './document.js';

export interface Finding { level: 'error' | 'warning'; code: string; path: string; message: string }

/** What is surely or probably not meant in a document that is valid. */
export function lint(_document: ConfigDocument): Finding[] {
  throw new Error('not built yet');
}
