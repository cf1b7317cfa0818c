import { readFile } from 'node:fs/promises';
import { lint } from '@sluice/distribution';
import { faultLine, parseDocument } from '@sluice/workflow';
import type { Terminal } from '../terminal.js';
import { refusedScripts, withScripts } from './scripts.js';

/** Says what is surely or probably not meant in a document. Answers the exit status: 0 nothing, 1 something, 2 the document is refused. */
export async function lintFile(file: string, terminal: Terminal): Promise<0 | 1 | 2> {
  const parsed = parseDocument(await readFile(file, 'utf8'));
  if (parsed.faults) {
    for (const fault of parsed.faults) terminal.line(`${file}: ${faultLine(fault)}`);
    return 2;
  }
  const refused = await withScripts((_, sandbox) => refusedScripts(parsed.document, sandbox));
  for (const fault of refused) terminal.line(`${file}: ${fault}`);
  if (refused.length > 0) return 2;
  const findings = lint(parsed.document);
  for (const finding of findings) terminal.out(`${file}: ${finding.path}: ${finding.message}`);
  if (findings.length === 0) terminal.line('Nothing to remark.');
  return findings.length > 0 ? 1 : 0;
}
