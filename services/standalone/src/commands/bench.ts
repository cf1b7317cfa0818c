import type { Terminal } from '../terminal.js';

/** Measures the named parts, or all. */
export async function bench(_parts: readonly string[], _terminal: Terminal): Promise<void> {
  throw new Error('not built yet');
}
