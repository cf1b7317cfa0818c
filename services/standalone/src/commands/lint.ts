import { lint } from '@sluice/distribution';
import { undeliverable } from '@sluice/workflow';
import type { Terminal } from '../terminal.js';
import { documentIn } from './document-in.js';
import { refusedScripts, withScripts } from './scripts.js';

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
  // A scenario's contracts need no delivery: those that name none get one that accepts.
  const findings = [...lint(document), ...(within === '' ? undeliverable(document) : [])];
  for (const finding of findings) terminal.out(`${file}: ${within}${finding.path}: ${finding.message}`);
  if (findings.length === 0) terminal.line('Nothing to remark.');
  return findings.length > 0 ? 1 : 0;
}
