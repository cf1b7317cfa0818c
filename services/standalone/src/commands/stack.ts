import path from 'node:path';
import Fastify from 'fastify';
import { Database } from '@sluice/db';
import { ensureFirstTenant } from '@sluice/gateway';
import { freePort } from '@sluice/servers';
import { Api } from '../api.js';
import { type Settings } from '../config.js';
import { DataFolder } from '../data-folder.js';
import { manDesk } from '../demo/desk.js';
import { DemoReceipts, endpointPath, mountDemoClients } from '../demo/endpoint.js';
import { pourSampleLeads } from '../demo/pour.js';
import { seedDemo } from '../demo/seed.js';
import { showLive } from '../live-view.js';
import { noteRuntime } from '../runtime-file.js';
import { startStack } from '../stack.js';
import type { Terminal } from '../terminal.js';
import type { DevOptions } from './dev.js';

/** The services as separate processes on Kafka, with the demo. Answers once all of them answer. */
export async function stack(
  settings: Settings, options: DevOptions, script: string, terminal: Terminal,
): Promise<{ stop(): Promise<void> }> {
  const folder = new DataFolder(path.join(settings.SLUICE_DATA, 'stack'));
  const say = (text: string) => terminal.line(terminal.dim(text));
  const receipts = new DemoReceipts();
  const clients = Fastify();
  mountDemoClients(clients, receipts);
  const clientsPort = folder.read<{ port: number }>('demo-clients.json')?.port ?? (await freePort());
  folder.write('demo-clients.json', { port: clientsPort });
  await clients.listen({ port: clientsPort, host: '127.0.0.1' });
  const running = await startStack({
    folder, script, say, gatewayPort: settings.SLUICE_PORT,
    environment: { SLUICE_ALLOW_PRIVATE: `127.0.0.1:${clientsPort}`, SLUICE_LOG_LEVEL: settings.SLUICE_LOG_LEVEL },
  });
  const database = await Database.open({ url: running.databaseUrl, poolMax: 2 });
  const { adminKey } = await ensureFirstTenant(database, { keyFile: folder.file('admin.key') });
  await database.close();
  const api = new Api(running.url, adminKey);
  const sourceKeys = options.demo ? await seedDemo(api, `http://127.0.0.1:${clientsPort}${endpointPath}`, folder, say) : {};
  noteRuntime(folder, { url: running.url, pid: process.pid, adminKey, sourceKeys, databaseUrl: running.databaseUrl });
  terminal.line();
  terminal.line(terminal.bold('Sluice is running as separate processes. Ctrl-C stops all of them.'));
  for (const [name, address] of Object.entries(running.addresses)) terminal.line(`  ${name.padEnd(12)} ${address}  (pid ${running.supervisor.pidOf(name)})`);
  terminal.line(`  ${'kafka'.padEnd(12)} ${running.kafka?.brokers.join(',')}`);
  terminal.line(`  ${'postgres'.padEnd(12)} ${running.databaseUrl}`);
  terminal.line(`  ${'API docs'.padEnd(12)} ${running.url}/docs`);
  terminal.line(`  ${'admin key'.padEnd(12)} ${adminKey}`);
  terminal.line(`  ${'logs'.padEnd(12)} ${folder.file('logs')}`);
  const pouring = options.demo ? pourSampleLeads(running.url, sourceKeys, options.rate) : undefined;
  const desk = options.demo ? manDesk(api) : undefined;
  const live = showLive(api, options.demo ? receipts : undefined, terminal);
  return {
    async stop() {
      live.stop();
      desk?.stop();
      await pouring?.stop();
      await api.close();
      await running.stop();
      await clients.close();
    },
  };
}

