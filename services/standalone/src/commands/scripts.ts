import type { ConfigDocument } from '@sluice/distribution';
import { Sandbox, Scripts, linearRegex, testScript } from '@sluice/scripts';
import { faultLine, scriptFaultsIn } from '@sluice/workflow';
import type { Terminal } from '../terminal.js';
import { documentIn } from './document-in.js';

/** Lends a sandbox for as long as the work takes. Its thread is started by the first script that runs, and ended with the work. */
export async function withScripts<T>(work: (scripts: Scripts, sandbox: Sandbox) => T | Promise<T>): Promise<T> {
  const sandbox = new Sandbox();
  try {
    return await work(new Scripts(sandbox, linearRegex), sandbox);
  } finally {
    sandbox.stop();
  }
}

/** What keeps the scripts of a document from being applied, a line each: code that does not compile, tests that fail. */
export function refusedScripts(document: ConfigDocument, sandbox: Sandbox): string[] {
  return (document.scripts ?? []).length === 0 ? [] : scriptFaultsIn(sandbox, document).map(faultLine);
}

/**
 * Runs the tests of all scripts of a document, or of a scenario's configuration, whatever their status. Answers the exit status: 0 all
 * pass, 1 one does not, 2 refused.
 */
export async function testScripts(file: string, terminal: Terminal): Promise<0 | 1 | 2> {
  const read = await documentIn(file);
  if ('faults' in read) {
    for (const fault of read.faults) terminal.line(`${file}: ${fault}`);
    return 2;
  }
  const { document } = read;
  let failures = 0;
  await withScripts((_, sandbox) => {
    for (const script of document.scripts ?? []) {
      const { fault, hooks, results } = testScript(sandbox, script, document);
      terminal.out(`${script.id} (${script.status ?? 'off'}): ${fault ? fault.words : hooks.join(', ') || 'no hooks'}`);
      if (fault) failures++;
      for (const { passed, name, expected, got } of results) {
        if (!passed) failures++;
        terminal.out(passed ? `  ok   ${name}` : `  FAIL ${name}: expected ${expected}, got ${got}`);
      }
    }
  });
  return failures > 0 ? 1 : 0;
}
