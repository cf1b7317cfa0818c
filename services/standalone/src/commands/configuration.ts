import { writeFile } from 'node:fs/promises';
import type { Api } from '../api.js';
import type { Terminal } from '../terminal.js';
import { textOf } from './text-of.js';

interface Applied {
  readonly version: number;
  readonly changed?: number;
  readonly taken?: boolean;
  readonly warnings?: readonly { path?: string; message: string }[];
}

interface Difference {
  readonly changes: readonly { readonly kind: string; readonly id: string; readonly change: string; readonly paths?: readonly string[] }[];
}

/** Makes the set-up what the file says, whole or not at all. */
export async function apply(api: Api, file: string, terminal: Terminal): Promise<void> {
  const answer = await api.call<Applied>('PUT', '/v1/configuration', { body: await textOf(file), headers: { prefer: 'wait=30' } });
  for (const warning of answer.warnings ?? []) terminal.line(`warning: ${warning.path ? `${warning.path}: ` : ''}${warning.message}`);
  terminal.line(`Version ${answer.version} is applied${answer.taken === false ? '; some services are still taking it in' : ' and in force'}.`);
}

/** Says what `apply` would change. Answers whether there is a difference. */
export async function diff(api: Api, file: string, terminal: Terminal): Promise<boolean> {
  const { changes } = await api.call<Difference>('POST', '/v1/configuration:diff', { body: await textOf(file) });
  const sign: Record<string, string> = { added: '+', removed: '-', changed: '~' };
  for (const { kind, id, change, paths } of changes) terminal.out(`${sign[change] ?? '~'} ${kind} ${id}${paths?.length ? `  (${paths.join(', ')})` : ''}`);
  if (changes.length === 0) terminal.line('No difference.');
  return changes.length > 0;
}

/** Writes the set-up as a document, to a file or to standard output. */
export async function exportConfiguration(api: Api, file: string | undefined, terminal: Terminal, json: boolean): Promise<void> {
  const document = await api.call<unknown>('GET', '/v1/configuration', { headers: { accept: json ? 'application/json' : 'application/yaml' } });
  const text = typeof document === 'string' ? document : JSON.stringify(document, null, 2);
  if (file) await writeFile(file, text.endsWith('\n') ? text : `${text}\n`);
  else terminal.out(text.trimEnd());
}
