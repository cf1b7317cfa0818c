import { readFile } from 'node:fs/promises';
import { lint, type ConfigDocument } from '@sluice/distribution';
import { faultLine, parseDocument, parseScenario } from '@sluice/workflow';
import type { Terminal } from '../terminal.js';
import { refusedScripts, withScripts } from './scripts.js';
import { configBeside, unreadable } from './text-of.js';

/**
 * Says what is surely or probably not meant in a document, or in the configuration of a scenario. Answers the exit status: 0 nothing, 1
 * something, 2 the document is refused.
 */
export async function lintFile(file: string, terminal: Terminal): Promise<0 | 1 | 2> {
  const read = await documentIn(file);
  if ('faults' in read) {
    for (const fault of read.faults) terminal.line(`${file}: ${fault}`);
    return 2;
  }
  const { document, within } = read;
  const refused = await withScripts((_, sandbox) => refusedScripts(document, sandbox));
  for (const fault of refused) terminal.line(`${file}: ${fault}`);
  if (refused.length > 0) return 2;
  const findings = lint(document);
  for (const finding of findings) terminal.out(`${file}: ${within}${finding.path}: ${finding.message}`);
  if (findings.length === 0) terminal.line('Nothing to remark.');
  return findings.length > 0 ? 1 : 0;
}

async function documentIn(file: string): Promise<{ document: ConfigDocument; within: string } | { faults: readonly string[] }> {
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
