import type { Api } from '../api.js';
import type { DataFolder } from '../data-folder.js';
import { readRuntime } from '../runtime-file.js';
import type { Terminal } from '../terminal.js';

interface Ready {
  readonly status: string;
  readonly groups: Readonly<Record<string, { readonly events: number; readonly seconds: number }>>;
}

/** The addresses and keys of what runs, and how far each group is behind. Answers false where nothing answers. */
export async function status(api: Api, folder: DataFolder, terminal: Terminal, format: 'table' | 'json' | 'env'): Promise<boolean> {
  const note = readRuntime(folder);
  const ready = await api.call<Ready>('GET', '/ready').catch(() => undefined);
  if (format === 'json') {
    terminal.out(JSON.stringify({ ...note, ready: ready ?? null }, null, 2));
  } else if (format === 'env') {
    terminal.out(`SLUICE_URL=${api.url}\nSLUICE_ADMIN_KEY=${note?.adminKey ?? ''}\nDATABASE_URL=${note?.databaseUrl ?? ''}`);
  } else {
    terminal.out(`API        ${api.url}  ${ready ? 'ready' : 'does not answer'}`);
    if (note) terminal.out(`Admin key  ${note.adminKey}\nData       ${folder.path}\nDatabase   ${note.databaseUrl}`);
    for (const [group, lag] of Object.entries(ready?.groups ?? {})) {
      terminal.out(`${group.padEnd(10)} ${lag.events === 0 ? 'up to date' : `${lag.events} events behind, the oldest ${lag.seconds.toFixed(1)} s`}`);
    }
  }
  return ready !== undefined;
}
