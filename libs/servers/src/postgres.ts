import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { giveTo, mayEnter, unprivilegedAccount } from './account.js';
import { serverEnvironment } from './config.js';
import { postgresBinaries, type PostgresBinaries } from './postgres-binaries.js';
import { answers, endProcess, freePort, isAlive, lastLines, startDaemon, until, type Account, type Say } from './process.js';

export interface PostgresOptions {
  /** Ours alone. Holds the cluster (`postgres-18`), `postgres.password` (0600) and `postgres.log`. Made where it is missing. */
  readonly dataDir: string;
  /** On 127.0.0.1; without it a free one. */
  readonly port?: number;
  readonly log?: Say;
  /** For tests: a smaller server, made without waiting for the disk. What it commits is durable all the same. */
  readonly ephemeral?: boolean;
  /** False: commits do not wait for the disk. Only for data that nobody will miss. */
  readonly fsync?: boolean;
  /** True: the server goes on after this process has ended; whoever started it ends it. */
  readonly outlives?: boolean;
  /** True: where the server dies (killed, out of memory) it is started again on the same port, as long as this process lives. */
  readonly revive?: boolean;
  /** Settings of the server that go before ours, such as `{ max_connections: '400' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningPostgres {
  /** postgres://sluice:…@127.0.0.1:port/sluice, of the superuser of this server. */
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: number;
  readonly port: number;
  /** The end of all connections, a checkpoint, the end of the server. Safe to call twice. */
  stop(): Promise<void>;
}

/** In the name of the folder, because another major version cannot read it. */
const major = 18;
const user = 'sluice';

/**
 * A PostgreSQL of our own on 127.0.0.1 from the binaries that npm brought: made at the first start, then started, with a database `sluice`.
 * A server that an earlier process of ours left behind on the same folder is taken over. As root it runs as `postgres` or `nobody`:
 * `dataDir` becomes 0711 then, and where a folder above it is closed to that user the cluster lies in /var/lib/sluice, with a link to it.
 * @throws Error that names the platform and DATABASE_URL as the way out, with the last lines of the server's log.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const say = options.log ?? (() => undefined);
  const account = unprivilegedAccount();
  const dataDir = path.resolve(options.dataDir);
  fs.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  // Root's folder may be entered, not listed: the server, which is another user then, must reach its cluster in it.
  if (account && fs.statSync(dataDir).uid === 0) fs.chmodSync(dataDir, 0o711);
  const place: Place = {
    options, say, account, dataDir,
    cluster: clusterFolder(dataDir, account, say),
    password: passwordOf(dataDir),
    logFile: path.join(dataDir, 'postgres.log'),
  };
  const binaries = postgresBinaries(account);
  const left = await takeOver(place);
  if (!left && !fs.existsSync(path.join(place.cluster, 'PG_VERSION'))) await initialise(place, binaries);
  const server = new Server(place, binaries, left ?? (await launch(place, binaries)));
  await server.open();
  return server;
}

interface Place {
  readonly options: PostgresOptions;
  readonly say: Say;
  readonly account: Account | undefined;
  readonly dataDir: string;
  readonly cluster: string;
  readonly password: string;
  readonly logFile: string;
}

function clusterFolder(dataDir: string, account: Account | undefined, say: Say): string {
  const wanted = path.join(dataDir, `postgres-${major}`);
  if (!account || mayEnter(dataDir, account)) return wanted;
  if (fs.existsSync(wanted)) return fs.realpathSync(wanted);
  fs.mkdirSync('/var/lib/sluice', { recursive: true, mode: 0o711 });
  // A new one each time: what stands there already belongs to another folder, or to one that is gone.
  const elsewhere = fs.mkdtempSync(`/var/lib/sluice/postgres-${major}-`);
  fs.rmSync(wanted, { force: true });
  fs.symlinkSync(elsewhere, wanted);
  say(`PostgreSQL runs as ${account.name}, who may not enter ${dataDir}; its data lies in ${elsewhere}.`);
  return elsewhere;
}

function passwordOf(dataDir: string): string {
  const file = path.join(dataDir, 'postgres.password');
  if (!fs.existsSync(file)) fs.writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return fs.readFileSync(file, 'utf8').trim();
}

async function initialise(place: Place, binaries: PostgresBinaries): Promise<void> {
  place.say('Creating the database (once) …');
  // What an interrupted initdb left is of no use, and initdb refuses a folder with anything in it.
  fs.mkdirSync(place.cluster, { recursive: true, mode: 0o700 });
  for (const entry of fs.readdirSync(place.cluster)) fs.rmSync(path.join(place.cluster, entry), { recursive: true });
  const passwordFile = `${place.cluster}.initdb`;
  fs.writeFileSync(passwordFile, place.password, { mode: 0o600 });
  if (place.account) {
    giveTo(place.account, place.cluster);
    fs.chownSync(passwordFile, place.account.uid, place.account.gid);
  }
  try {
    await run(place, binaries.initdb, [
      `--pgdata=${place.cluster}`, `--username=${user}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256',
      // One ordering on every system, whatever its language.
      '--locale=C', '--encoding=UTF8', ...(place.options.ephemeral ? ['--no-sync'] : []),
    ]);
  } catch (error) {
    fs.rmSync(path.join(place.cluster, 'PG_VERSION'), { force: true });
    throw error;
  } finally {
    fs.rmSync(passwordFile, { force: true });
  }
}

async function run(place: Place, command: string, args: readonly string[]): Promise<void> {
  const output: string[] = [];
  const child = spawn(command, args, {
    cwd: place.cluster, env: serverEnvironment(), windowsHide: true,
    ...(place.account ? { uid: place.account.uid, gid: place.account.gid } : {}),
  });
  child.stdout.on('data', (data) => output.push(String(data)));
  child.stderr.on('data', (data) => output.push(String(data)));
  const code = await new Promise<number | string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (exit, signal) => resolve(exit ?? signal));
  });
  if (code !== 0) throw failure(`${path.basename(command)} ended with ${code}`, output.join(''));
}

function failure(what: string, output: string): Error {
  const where = `${process.platform}-${process.arch}`;
  return new Error(`The embedded PostgreSQL does not start on ${where}: ${what}. Set DATABASE_URL to use another PostgreSQL.\n${output}`.trimEnd());
}

function settings(options: PostgresOptions): Record<string, string> {
  const quarterMb = Math.floor(os.totalmem() / 4 / 1024 / 1024);
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: `${Math.min(options.ephemeral ? 128 : 512, quarterMb)}MB`,
    // A checkpoint in the middle of a burst costs more than the disk space.
    max_wal_size: options.ephemeral ? '1GB' : '4GB',
    checkpoint_timeout: '15min',
    // Statements are short; compiling them costs more than it gives.
    jit: 'off',
    random_page_cost: '1.1',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.fsync === false ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
    ...options.settings,
  };
}

interface Launched {
  readonly pid: number;
  readonly port: number;
}

async function launch(place: Place, binaries: PostgresBinaries): Promise<Launched> {
  const { options } = place;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const mark = fs.statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0;
    const flags = Object.entries(settings(options)).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = startDaemon(binaries.postgres, ['-D', place.cluster, '-p', String(port), ...flags], {
      logFile: place.logFile, cwd: place.cluster, env: serverEnvironment(), ...(place.account ? { account: place.account } : {}),
    });
    let ended: string | undefined;
    child.once('error', (error) => { ended = error.message; });
    child.once('exit', (code, signal) => { ended = `it ended with ${code ?? signal}`; });
    // A recovery after a crash may take long; as long as it lives we wait. The file may still be that of the server before.
    const isReady = () => { const found = postmaster(place.cluster); return found?.pid === child.pid && found?.ready === true; };
    await until(() => ended !== undefined || isReady(), 600_000, 10);
    if (ended === undefined && child.pid !== undefined) return { pid: child.pid, port };
    const output = fs.readFileSync(place.logFile, 'utf8').slice(mark);
    if (options.port !== undefined && output.includes('Address already in use')) throw failure(`port ${port} is taken`, output);
    if (attempt < 3 && output.includes('Address already in use')) continue;
    throw failure(ended ?? 'no answer within 10 minutes', lastLines(place.logFile));
  }
}

class Server implements RunningPostgres {
  readonly port: number;
  pid: number;
  private stopping: Promise<void> | undefined;
  private next: NodeJS.Timeout | undefined;
  private reviving: Promise<void> = Promise.resolve();
  // If this process ends in a hurry the server ends too; where not even this runs (SIGKILL), the next start takes it over.
  private readonly endWithUs = () => { if (isAlive(this.pid)) process.kill(this.pid, 'SIGINT'); };

  constructor(private readonly place: Place, private readonly binaries: PostgresBinaries, launched: Launched) {
    this.pid = launched.pid;
    this.port = launched.port;
  }

  get url(): string {
    return this.in(user);
  }

  async open(): Promise<void> {
    const client = new pg.Client({ connectionString: this.in('postgres') });
    await client.connect();
    try {
      const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [user]);
      if (rows.length === 0) await client.query(`CREATE DATABASE ${user}`);
    } finally {
      await client.end();
    }
    if (!this.place.options.outlives) process.once('exit', this.endWithUs);
    if (this.place.options.revive) this.watch();
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.end());
  }

  private in(database: string): string {
    return `postgres://${user}:${this.place.password}@127.0.0.1:${this.port}/${database}`;
  }

  private async end(): Promise<void> {
    clearTimeout(this.next);
    await this.reviving;
    process.removeListener('exit', this.endWithUs);
    // SIGINT is Postgres' fast shutdown: connections are cut, transactions rolled back, all is written.
    await endProcess(this.pid, 'SIGINT', 60_000);
  }

  private watch(): void {
    this.next = setTimeout(() => {
      this.reviving = this.revive().finally(() => { if (!this.stopping) this.watch(); });
    }, 500).unref();
  }

  private async revive(): Promise<void> {
    if (isAlive(this.pid)) return;
    const { place } = this;
    place.say(`The database ended (process ${this.pid}); starting it again.`);
    try {
      this.pid = (await launch({ ...place, options: { ...place.options, port: this.port } }, this.binaries)).pid;
    } catch (error) {
      // Its last children may still hold its memory for a moment; we come back.
      place.say((error as Error).message.split('\n')[0]!);
    }
  }
}

interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

/** What a running server has written beside its data. */
function postmaster(cluster: string): Postmaster | undefined {
  try {
    const lines = fs.readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
  } catch {
    return undefined;
  }
}

/** A server that a killed process of ours left on this folder: proven by our password and by its own word where its data lies. */
async function takeOver(place: Place): Promise<Launched | undefined> {
  const found = postmaster(place.cluster);
  if (!found) return undefined;
  if (!isAlive(found.pid)) {
    fs.rmSync(path.join(place.cluster, 'postmaster.pid'), { force: true });
    return undefined;
  }
  const ours = await until(async () => (await answers(found.port)) && (await serves(place, found.port)), 3000, 100);
  if (ours && (place.options.port === undefined || place.options.port === found.port)) {
    place.say(`Taking over the database that is already running (process ${found.pid}).`);
    return { pid: found.pid, port: found.port };
  }
  if (ours || looksLikePostgres(found.pid)) {
    await endProcess(found.pid, 'SIGINT', 60_000);
  } else {
    // The id belongs to another program by now; a server that died left the file.
    fs.rmSync(path.join(place.cluster, 'postmaster.pid'), { force: true });
  }
  return undefined;
}

async function serves(place: Place, port: number): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password: place.password, database: 'postgres', connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
    return rows[0] !== undefined && fs.realpathSync(rows[0].data_directory) === fs.realpathSync(place.cluster);
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function looksLikePostgres(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres');
  } catch {
    return true;
  }
}
