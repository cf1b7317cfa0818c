import { createWriteStream } from 'node:fs';
import { startPostgres } from '@sluice/servers';
import { PinoLog } from '@sluice/runtime';
import { ensureFirstTenant } from '@sluice/gateway';
import { Api } from '../api.js';
import { environment, roles, type Settings } from '../config.js';
import { DataFolder } from '../data-folder.js';
import { manDesk } from '../demo/desk.js';
import { DemoReceipts, endpointPath, mountDemoClients } from '../demo/endpoint.js';
import { seedDemo } from '../demo/seed.js';
import { pourSampleLeads } from '../demo/pour.js';
import { showLive } from '../live-view.js';
import { startPlatform } from '../platform.js';
import { noteRuntime } from '../runtime-file.js';
import type { Terminal } from '../terminal.js';

export interface DevOptions {
  /** Seed the demo and let sample leads flow. */
  readonly demo: boolean;
  /** Sample leads a second. */
  readonly rate: number;
}

/** Everything in one process on this machine. Answers once it runs; `stop` ends it cleanly. */
export async function dev(settings: Settings, options: DevOptions, terminal: Terminal): Promise<{ stop(): Promise<void> }> {
  const folder = new DataFolder(settings.SLUICE_DATA);
  const say = (text: string) => terminal.line(terminal.dim(text));
  const postgres = settings.DATABASE_URL ? undefined : await startPostgres({ dataDir: folder.path, log: say, revive: true });
  const databaseUrl = settings.DATABASE_URL ?? postgres!.url;
  const logFile = folder.file('sluice.log');
  const log = new PinoLog('all', settings.SLUICE_LOG_LEVEL, createWriteStream(logFile, { flags: 'a', mode: 0o600 }));
  const receipts = new DemoReceipts();
  const platform = await startPlatform({
    settings, databaseUrl, log, roles: roles.filter((role) => role !== 'relay' || settings.KAFKA_BROKERS),
    serviceSecret: settings.SLUICE_SERVICE_SECRET ?? folder.secret('service.secret'),
    environment: { ...environment, SLUICE_MASTER_KEY_FILE: environment['SLUICE_MASTER_KEY_FILE'] ?? folder.file('master.key'), SLUICE_SEED_FILE: folder.file('seed.key') },
    mount: (server) => mountDemoClients(server, receipts),
  });
  const { adminKey } = await ensureFirstTenant(platform.database, { keyFile: folder.file('admin.key') });
  const api = new Api(platform.url, adminKey);
  const sourceKeys = options.demo ? await seedDemo(api, `${platform.url}${endpointPath}`, folder, say) : {};
  noteRuntime(folder, { url: platform.url, pid: process.pid, adminKey, sourceKeys, databaseUrl });
  showAddresses(terminal, platform.url, { adminKey, sourceKeys, databaseUrl, folder: folder.path, logFile });
  const pouring = options.demo ? pourSampleLeads(platform.url, sourceKeys, options.rate) : undefined;
  const desk = options.demo ? manDesk(api) : undefined;
  const live = showLive(api, options.demo ? receipts : undefined, terminal);
  return {
    async stop() {
      live.stop();
      desk?.stop();
      await pouring?.stop();
      await api.close();
      await platform.close();
      await postgres?.stop();
    },
  };
}

interface Addresses {
  readonly adminKey: string;
  readonly sourceKeys: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  readonly folder: string;
  readonly logFile: string;
}

function showAddresses(terminal: Terminal, url: string, seen: Addresses): void {
  const [campaign, key] = Object.entries(seen.sourceKeys)[0] ?? ['solar', '<key of a source: POST /v1/sources>'];
  const sample = '{"campaign":"' + campaign + '","fields":{"firstName":"Ada","lastName":"Lovelace","email":"ada@mail.example","phone":"(212) 555-0142","zip":"10001","homeowner":true,"monthlyBill":280}}';
  const rows = [
    ['API', url],
    ['API docs', `${url}/docs`],
    ['Health', `${url}/ready`],
    ['Admin key', seen.adminKey],
    ...Object.entries(seen.sourceKeys).map(([name, value]) => [`Source ${name}`, value]),
    ['Database', seen.databaseUrl],
    ['Data folder', seen.folder],
    ['Log', seen.logFile],
  ];
  terminal.line();
  terminal.line(terminal.bold('Sluice is running. Everything below is on this machine; Ctrl-C stops it.'));
  terminal.line();
  for (const [name, value] of rows) terminal.line(`  ${name!.padEnd(18)} ${value}`);
  terminal.line();
  terminal.line('Post a lead of your own:');
  terminal.line(`  curl -s ${url}/v1/leads -H 'authorization: Bearer ${key}' -H 'content-type: application/json' -H 'prefer: wait=5' \\`);
  terminal.line(`    -d '${sample}'`);
}
