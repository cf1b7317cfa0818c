import { readFile } from 'node:fs/promises';
import type { ConfigDocument } from '@sluice/distribution';
import { faultLine, parseDocument, parseScenario } from '@sluice/workflow';
import { configBeside, unreadable } from './text-of.js';

/** A document, or the configuration of a scenario; `within`: what stands before the paths of its findings. */
export async function documentIn(file: string): Promise<{ document: ConfigDocument; within: string } | { faults: readonly string[] }> {
  try {
    const text = await readFile(file, 'utf8');
    const plain = parseDocument(text);
    if (!plain.faults) return { document: plain.document, within: '' };
    if (!/^\s*"?config"?\s*:/m.test(text)) return { faults: plain.faults.map(faultLine) };
    const parsed = parseScenario(text, configBeside(file));
    return parsed.faults ? { faults: parsed.faults.map(faultLine) } : { document: parsed.document.config, within: 'config.' };
  } catch (error) {
    return { faults: [unreadable(error)] };
  }
}
