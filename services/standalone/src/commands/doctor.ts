import { existsSync, statfsSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import pg from 'pg';
import type { Settings } from '../config.js';
import type { DataFolder } from '../data-folder.js';
import type { Terminal } from '../terminal.js';
import { SystemClock } from '@sluice/runtime';

const clock = new SystemClock();

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Looks at what the platform needs and says, line by line, what is there and what is not. Answers whether all is well. */
export async function doctor(settings: Settings, folder: DataFolder, terminal: Terminal): Promise<boolean> {
  const findings = [
    node(), disk(folder), await port(settings.SLUICE_PORT), await database(settings.DATABASE_URL),
    await reachable('Kafka', settings.KAFKA_BROKERS?.split(',')[0], 'not given: the log is read from Postgres'),
    await reachable('Redis', settings.REDIS_URL ? new URL(settings.REDIS_URL).host : undefined, 'not given: each process has its own counters'),
    secrets(folder),
  ];
  for (const { what, ok, detail } of findings) terminal.out(`${ok ? 'ok ' : 'NO '} ${what.padEnd(10)} ${detail}`);
  return findings.every((finding) => finding.ok);
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return { what: 'Node', ok: major > 20 || (major === 20 && minor >= 19), detail: `${process.versions.node} (20.19 or newer is needed; 24 is recommended)` };
}

function disk(folder: DataFolder): Finding {
  const { bavail, bsize } = statfsSync(folder.path);
  const gigabytes = (bavail * bsize) / 1e9;
  return { what: 'Disk', ok: gigabytes > 2, detail: `${gigabytes.toFixed(1)} GB free at ${folder.path}${gigabytes > 2 ? '' : '; make room, or name another folder with SLUICE_DATA'}` };
}

async function port(number: number): Promise<Finding> {
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer().once('error', () => resolve(false)).listen(number, '127.0.0.1', () => server.close(() => resolve(true)));
  });
  return { what: 'Port', ok: true, detail: free ? `${number} is free` : `${number} is taken (by Sluice itself, perhaps); the next free one would be used` };
}

async function database(url: string | undefined): Promise<Finding> {
  if (!url) return { what: 'Postgres', ok: true, detail: 'DATABASE_URL is not given: the embedded one is used' };
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string; rolcreaterole: boolean; rolsuper: boolean; skew: number }>(
      `SELECT current_setting('server_version') AS version, rolcreaterole, rolsuper,
              abs(extract(epoch FROM clock_timestamp()) * 1000 - $1::float8)::float8 AS skew FROM pg_roles WHERE rolname = current_user`, [clock.now()]);
    const row = rows[0]!;
    const mayWork = row.rolsuper || row.rolcreaterole;
    return { what: 'Postgres', ok: mayWork, detail: `${row.version}, clock ${Math.round(row.skew)} ms apart${mayWork ? '' : '; its user must be allowed to create roles: ALTER ROLE … CREATEROLE'}` };
  } catch (error) {
    return { what: 'Postgres', ok: false, detail: `DATABASE_URL cannot be used: ${(error as Error).message}` };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function reachable(what: string, address: string | undefined, absent: string): Promise<Finding> {
  if (!address) return { what, ok: true, detail: absent };
  const [host = 'localhost', number = '9092'] = address.split(':');
  const ok = await new Promise<boolean>((resolve) => {
    const socket = connect({ host, port: Number(number), timeout: 3_000 }, () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false)).once('timeout', () => { socket.destroy(); resolve(false); });
  });
  return { what, ok, detail: ok ? `${address} answers` : `${address} does not answer; is it started, and the address right?` };
}

function secrets(folder: DataFolder): Finding {
  const key = folder.file('master.key');
  return { what: 'Master key', ok: true, detail: existsSync(key) ? `${key}: keep a copy elsewhere, without it personal fields cannot be read` : 'made at the first start' };
}
