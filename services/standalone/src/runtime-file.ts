import type { DataFolder } from './data-folder.js';
import { Api } from './api.js';

const FILE = 'runtime.json';

/** What a running platform notes in its data folder, so that the command line finds it. */
export interface RuntimeNote {
  readonly url: string;
  readonly pid: number;
  readonly adminKey: string;
  /** Keys of the demo's sources by campaign. */
  readonly sourceKeys: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
}

export function noteRuntime(folder: DataFolder, note: RuntimeNote): void {
  folder.write(FILE, note);
}

export function readRuntime(folder: DataFolder): RuntimeNote | undefined {
  return folder.read<RuntimeNote>(FILE);
}

export interface Reach {
  readonly url?: string | undefined;
  readonly key?: string | undefined;
  readonly data: DataFolder;
  /** Where the gateway is, for who runs beside it in a process of its own, as in a container. */
  readonly gatewayUrl?: string | undefined;
}

/**
 * The API that a command talks to: as given, else the platform that runs on this data folder, else the gateway with the key that it left
 * there. `source`: with a source's key.
 */
export function reach(options: Reach, source?: { readonly campaign?: string | undefined }): Api {
  const note = readRuntime(options.data);
  const url = options.url ?? note?.url ?? options.gatewayUrl;
  const key = options.key ?? (source ? sourceKey(note, source.campaign) : note?.adminKey ?? options.data.kept('admin.key'));
  if (!url) throw new Error(`Nothing is known to run on ${options.data.path}. Start it with "npx sluice dev", or name it with --url and --key.`);
  if (!key) throw new Error(`No ${source ? 'source' : 'admin'} key is known. Give one with --key.`);
  return new Api(url, key);
}

function sourceKey(note: RuntimeNote | undefined, campaign: string | undefined): string | undefined {
  if (!note) return undefined;
  return campaign ? note.sourceKeys[campaign] : Object.values(note.sourceKeys)[0];
}
