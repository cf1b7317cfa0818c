import { freePort, startPostgres } from '@sluice/servers';
import type { DataFolder } from '../data-folder.js';
import { startStack, stackRoles, untilReady } from '../stack.js';
import { Supervisor } from '../supervisor.js';
import type { Terminal } from '../terminal.js';

/** A platform in processes of its own: addresses, and what can be killed. */
export interface Subject {
  readonly url: string;
  readonly databaseUrl: string;
  readonly victims: readonly string[];
  kill(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** All services in one process. `allow` is where webhooks may go although it is private. */
export async function singleSubject(folder: DataFolder, script: string, allow: string, terminal: Terminal): Promise<Subject> {
  const postgres = await startPostgres({ dataDir: folder.path, log: (line) => terminal.line(line) });
  const port = await freePort();
  const supervisor = new Supervisor([{
    name: 'all', command: process.execPath, args: [script, 'serve', '--role', 'all'], logFile: folder.file('sluice.log'),
    environment: {
      DATABASE_URL: postgres.url, SLUICE_PORT: String(port), SLUICE_DATA: folder.path, SLUICE_ALLOW_PRIVATE: allow, KAFKA_BROKERS: '',
      SLUICE_SERVICE_SECRET: folder.secret('service.secret'), SLUICE_MASTER_KEY_FILE: folder.file('master.key'), SLUICE_SEED_FILE: folder.file('seed.key'),
    },
  }], (name, how) => terminal.line(`${name} ended (${how}); starting it again`));
  supervisor.start();
  const url = `http://127.0.0.1:${port}`;
  await untilReady([url]);
  return {
    url, databaseUrl: postgres.url, victims: ['all'],
    async kill(name) { supervisor.signal(name, 'SIGKILL'); },
    async stop() { await supervisor.stop(); await postgres.stop(); },
  };
}

/** A process a service, on Kafka. */
export async function stackSubject(folder: DataFolder, script: string, allow: string, terminal: Terminal): Promise<Subject> {
  const stack = await startStack({ folder, script, environment: { SLUICE_ALLOW_PRIVATE: allow }, say: (line) => terminal.line(line) });
  return {
    url: stack.url, databaseUrl: stack.databaseUrl, victims: [...stackRoles, 'kafka'],
    async kill(name) {
      if (name !== 'kafka') return stack.supervisor.signal(name, 'SIGKILL');
      await stack.kafka!.kill();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await stack.kafka!.restart();
    },
    stop: () => stack.stop(),
  };
}
