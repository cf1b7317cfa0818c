import { type Api } from '../api.js';
import type { DataFolder } from '../data-folder.js';
import { demoDocument, demoSources } from './document.js';

interface DemoNote {
  readonly base: string;
  readonly sourceKeys: Record<string, string>;
}

const FILE = 'demo.json';

/**
 * Applies the demo's set-up once, and makes its sources. A later start finds it there; where the address has changed since, the clients'
 * addresses are changed with it, and nothing else. `base` is the address of the clients' endpoint. Answers the sources' keys by campaign.
 */
export async function seedDemo(api: Api, base: string, folder: DataFolder, say: (text: string) => void): Promise<Record<string, string>> {
  const note = folder.read<DemoNote>(FILE);
  if (note?.base === base) return note.sourceKeys;
  if (note) {
    say('The port has changed: moving the addresses of the demo clients.');
    const text = await api.call<string>('GET', '/v1/configuration', { headers: { accept: 'application/yaml' } });
    await api.call('PUT', '/v1/configuration', { body: text.replaceAll(note.base, base), headers: { prefer: 'wait=30' } });
    folder.write(FILE, { ...note, base });
    return note.sourceKeys;
  }
  say('Seeding the demo: 4 campaigns, 9 clients, 4 sources.');
  await api.call('PUT', '/v1/configuration', { body: demoDocument(base), headers: { prefer: 'wait=30' } });
  const sourceKeys: Record<string, string> = {};
  for (const source of demoSources) {
    const made = await api.call<{ key: string }>('POST', '/v1/sources', { body: source });
    sourceKeys[source.campaign] = made.key;
  }
  folder.write(FILE, { base, sourceKeys });
  return sourceKeys;
}
