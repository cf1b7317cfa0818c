import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { freePort, redisIsThere, startKafka, startPostgres, startRedis, whyNoKafka, type RunningKafka } from '@sluice/servers';
import type { Role } from './config.js';
import type { DataFolder } from './data-folder.js';
import { Supervisor, type ProcessSpec } from './supervisor.js';

/** One process a service, and the relay that carries the log to Kafka. */
export const stackRoles: readonly Role[] = ['workflow', 'intake', 'engine', 'delivery', 'gateway', 'relay'];

export interface StackOptions {
  readonly folder: DataFolder;
  /** The script that `serve --role` is a command of. */
  readonly script: string;
  readonly gatewayPort?: number;
  /** Services that run twice or more, to share the partitions: `{ engine: 2 }`. */
  readonly replicas?: Readonly<Partial<Record<Role, number>>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
  /** Without Kafka the services read the log from Postgres. */
  readonly kafka?: boolean;
}

export interface RunningStack {
  /** Of the gateway, which forwards to the others. */
  readonly url: string;
  readonly databaseUrl: string;
  readonly kafka: RunningKafka | undefined;
  readonly supervisor: Supervisor;
  /** Addresses by process. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly serviceSecret: string;
  stop(): Promise<void>;
}

/** The services as separate processes on Postgres, Kafka and Redis, all on this machine and without containers. */
export async function startStack(options: StackOptions): Promise<RunningStack> {
  const { folder, say } = options;
  const missing = options.kafka === false ? undefined : whyNoKafka();
  if (missing) throw new Error(`The stack runs on Apache Kafka, which needs Java 17 and Maven here: ${missing}. One process without Kafka: "npm start".`);
  const postgres = await startPostgres({ dataDir: folder.path, log: say, revive: true });
  const kafka = options.kafka === false ? undefined : await startKafka({ dir: folder.file('kafka'), log: say, revive: true });
  const redis = redisIsThere() ? await startRedis({ dir: folder.file('redis'), log: say }) : undefined;
  if (!redis) say('There is no redis-server on the PATH: running without it. Each process counts for itself; no outcome changes.');
  const serviceSecret = folder.secret('service.secret');
  const ports = new Map<string, number>();
  const names = stackRoles.flatMap((role) => Array.from({ length: options.replicas?.[role] ?? 1 }, (_, n) => ({ role, name: n === 0 ? role : `${role}-${n + 1}` })));
  for (const { name } of names) ports.set(name, name === 'gateway' && options.gatewayPort ? options.gatewayPort : await freePort());
  const addressOf = (name: string) => `http://127.0.0.1:${ports.get(name)}`;
  const shared = {
    DATABASE_URL: postgres.url,
    ...(kafka ? { KAFKA_BROKERS: kafka.brokers.join(',') } : {}),
    ...(redis ? { REDIS_URL: redis.url } : {}),
    SLUICE_SERVICE_SECRET: serviceSecret,
    SLUICE_MASTER_KEY_FILE: folder.file('master.key'),
    SLUICE_SEED_FILE: folder.file('seed.key'),
    SLUICE_DATA: folder.path,
    SLUICE_POOL: '8',
    SLUICE_KAFKA_SESSION_MS: '6000',
    ...Object.fromEntries(stackRoles.filter((role) => role !== 'relay').map((role) => [`SLUICE_${role.toUpperCase()}_URL`, addressOf(role)])),
    ...options.environment,
  };
  mkdirSync(folder.file('logs'), { recursive: true, mode: 0o700 });
  const specs: ProcessSpec[] = names.map(({ role, name }) => ({
    name, command: process.execPath, args: [options.script, 'serve', '--role', role],
    environment: { ...shared, SLUICE_PORT: String(ports.get(name)) }, logFile: path.join(folder.path, 'logs', `${name}.log`),
  }));
  const supervisor = new Supervisor(specs, (name, how) => say(`${name} ended (${how}); starting it again.`));
  supervisor.start();
  await untilReady(names.map(({ name }) => addressOf(name)));
  return {
    url: addressOf('gateway'), databaseUrl: postgres.url, kafka, supervisor, serviceSecret,
    addresses: Object.fromEntries(names.map(({ name }) => [name, addressOf(name)])),
    async stop() {
      await supervisor.stop();
      await redis?.stop();
      await kafka?.stop();
      await postgres.stop();
    },
  };
}

/** Waits until every process answers; throws after two minutes with those that do not. */
export async function untilReady(addresses: readonly string[], timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let silent = [...addresses];
  while (silent.length > 0) {
    const still = await Promise.all(silent.map(async (address) => ((await isReady(address)) ? [] : [address])));
    silent = still.flat();
    if (silent.length === 0) return;
    if (performance.now() > deadline) throw new Error(`These do not answer: ${silent.join(', ')}. Their logs are in the data folder under logs/.`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function isReady(address: string): Promise<boolean> {
  try {
    return (await fetch(`${address}/ready`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
