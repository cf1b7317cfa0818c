import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freePort, startPostgres, type PostgresOptions, type RunningPostgres } from './index.js';
import { isAlive, until } from './process.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-postgres-'));
fs.chmodSync(folder, 0o711);
const running = new Set<RunningPostgres>();

async function start(name: string, options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  const server = await startPostgres({ dataDir: path.join(folder, name), ephemeral: true, ...options });
  running.add(server);
  return server;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

afterEach(async () => {
  for (const server of running) await server.stop();
  running.clear();
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('the embedded PostgreSQL', () => {
  it('keeps its data and its password over a stop and a start', async () => {
    const first = await start('kept');
    await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await first.stop();
    const second = await start('kept');
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
  });

  it('takes nobody in without the password, and lets nobody else read it', async () => {
    const server = await start('closed');
    const wrong = new URL(server.url);
    wrong.password = 'wrong';
    await expect(query(wrong.toString(), 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect(fs.statSync(path.join(folder, 'closed', 'postgres.password')).mode & 0o077).toBe(0);
  });

  it('orders text by bytes and keeps commits through a crash, also in tests', async () => {
    const server = await start('settings');
    const [row] = await query(server.url, `SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding,
      datcollate AS collate, 'Z' < 'a' AS bytes, current_setting('max_connections') AS connections FROM pg_database WHERE datname = 'sluice'`);
    expect(row).toEqual({ fsync: 'on', encoding: 'UTF8', collate: 'C', bytes: true, connections: '200' });
  });

  it('is taken over by the next start where its process was killed', async () => {
    const script = path.join(folder, 'leave.cjs');
    // The compiled library: a process of its own that ends without a word.
    const library = path.resolve(process.cwd(), 'libs/servers/dist/index.js');
    fs.writeFileSync(script, `import(${JSON.stringify(library)}).then(async ({ startPostgres }) => {
      const server = await startPostgres({ dataDir: process.argv[2], ephemeral: true });
      require('node:fs').writeFileSync(process.argv[2] + '.pid', String(server.pid));
      process.kill(process.pid, 'SIGKILL');
    });`);
    const dataDir = path.join(folder, 'orphan');
    const child = spawn(process.execPath, [script, dataDir], { stdio: 'ignore', cwd: process.cwd() });
    await new Promise((resolve) => child.once('exit', resolve));
    const orphan = Number(fs.readFileSync(`${dataDir}.pid`, 'utf8'));
    expect(isAlive(orphan)).toBe(true);
    const said: string[] = [];
    const server = await start('orphan', { log: (line) => said.push(line) });
    expect(server.pid).toBe(orphan);
    expect(said).toEqual([`Taking over the database that is already running (process ${orphan}).`]);
    await server.stop();
    expect(isAlive(orphan)).toBe(false);
  });

  it('starts after a power cut, and whatever its lock file says', async () => {
    const server = await start('cut');
    await query(server.url, 'CREATE TABLE survived AS SELECT 1 AS n');
    process.kill(server.pid, 'SIGKILL');
    await until(() => !isAlive(server.pid), 5000);
    // The id in the lock file now belongs to a program that is no database: to us.
    const lock = path.join(folder, 'cut', 'postgres-18', 'postmaster.pid');
    fs.writeFileSync(lock, fs.readFileSync(lock, 'utf8').replace(/^\d+/, String(process.pid)));
    const again = await start('cut');
    expect(await query(again.url, 'SELECT n FROM survived')).toEqual([{ n: 1 }]);
  });

  it('comes back on the same port where somebody kills it, and not after it was stopped', async () => {
    const said: string[] = [];
    const server = await start('revived', { revive: true, log: (line) => said.push(line) });
    await query(server.url, 'CREATE TABLE survived AS SELECT 1 AS n');
    const killed = server.pid;
    process.kill(killed, 'SIGKILL');
    const back = await until(() => query(server.url, 'SELECT n FROM survived').then((rows) => rows.length === 1, () => false), 20_000, 200);
    expect(back).toBe(true);
    expect(server.pid).not.toBe(killed);
    expect(said).toContain(`The database ended (process ${killed}); starting it again.`);
    await server.stop();
    expect(await until(() => isAlive(server.pid), 1500)).toBe(false);
  });

  it('makes its cluster again where the first attempt was interrupted', async () => {
    fs.mkdirSync(path.join(folder, 'half', 'postgres-18', 'base'), { recursive: true });
    const server = await start('half');
    expect(await query(server.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('names the platform, DATABASE_URL and the port where the port is taken', async () => {
    const port = await freePort();
    const taken = net.createServer().listen(port, '127.0.0.1');
    try {
      await expect(start('taken', { port })).rejects.toThrow(new RegExp(`${process.platform}-${process.arch}: port ${port} is taken.*DATABASE_URL`));
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  const asRoot = process.getuid?.() === 0 ? it : it.skip;

  asRoot('does not run as root, and moves to where its user may go when its folder lies in a closed one', async () => {
    const closed = path.join(folder, 'mine');
    fs.mkdirSync(closed, { mode: 0o700 });
    const server = await start('mine/data');
    const link = path.join(closed, 'data', 'postgres-18');
    try {
      expect(await query(server.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
      expect(execFileSync('ps', ['-o', 'uid=', '-p', String(server.pid)], { encoding: 'utf8' }).trim()).not.toBe('0');
      expect(fs.readlinkSync(link)).toMatch(/^\/var\/lib\/sluice\/postgres-18-/);
    } finally {
      await server.stop();
      fs.rmSync(fs.readlinkSync(link), { recursive: true, force: true });
    }
  });
});
