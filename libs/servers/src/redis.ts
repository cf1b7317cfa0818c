import fs from 'node:fs';
import path from 'node:path';
import { searchedPath, serverEnvironment } from './config.js';
import { endProcess, freePort, isAlive, lastLines, onPath, startDaemon, until, type Say } from './process.js';

export interface RedisOptions {
  /** Ours alone; holds `redis.log` and `redis.json`. Nothing else is kept: what Redis holds may be lost at any time. */
  readonly dir: string;
  /** On 127.0.0.1; without it a free one. */
  readonly port?: number;
  readonly log?: Say;
  /** True: it goes on after this process has ended; whoever started it ends it. */
  readonly outlives?: boolean;
}

export interface RunningRedis {
  /** redis://127.0.0.1:port */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Whether there is a `redis-server` on the PATH. */
export function redisIsThere(): boolean {
  return onPath('redis-server', searchedPath()) !== undefined;
}

/**
 * The `redis-server` of the PATH, on 127.0.0.1 and in memory alone; returns when it takes connections.
 * @throws Error where there is none, or it does not start.
 */
export async function startRedis(options: RedisOptions): Promise<RunningRedis> {
  const program = onPath('redis-server', searchedPath());
  if (!program) throw new Error('There is no `redis-server` on the PATH.');
  const dir = path.resolve(options.dir);
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  await endLeftOver(dir, options.log);
  const port = options.port ?? (await freePort());
  const logFile = path.join(dir, 'redis.log');
  const mark = fs.statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  const child = startDaemon(program, ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--daemonize', 'no', '--dir', dir],
    { logFile, cwd: dir, env: serverEnvironment() });
  let ended: string | undefined;
  child.once('error', (error) => { ended = error.message; });
  child.once('exit', (code, signal) => { ended = `it ended with ${code ?? signal}`; });
  // Its own word, not a connection: another program may have the port.
  const started = () => fs.readFileSync(logFile, 'utf8').slice(mark).includes('eady to accept connections');
  await until(() => ended !== undefined || started(), 15_000);
  if (ended !== undefined || !started()) throw new Error(`redis-server does not start: ${ended ?? 'no answer within 15 s'}.\n${lastLines(logFile)}`);
  const pid = child.pid!;
  fs.writeFileSync(path.join(dir, 'redis.json'), JSON.stringify({ pid }));
  const last = () => { if (isAlive(pid)) process.kill(pid, 'SIGTERM'); };
  if (!options.outlives) process.once('exit', last);
  return {
    url: `redis://127.0.0.1:${port}`, pid,
    stop: async () => {
      process.removeListener('exit', last);
      await endProcess(pid, 'SIGTERM', 10_000);
    },
  };
}

/** Nothing in it is missed, so one that a killed process left is ended, not taken over. */
async function endLeftOver(dir: string, log: Say = () => undefined): Promise<void> {
  const note = path.join(dir, 'redis.json');
  if (!fs.existsSync(note)) return;
  const { pid } = JSON.parse(fs.readFileSync(note, 'utf8')) as { pid: number };
  fs.rmSync(note);
  if (!isAlive(pid) || !isRedis(pid)) return;
  log(`Ending the Redis that an earlier start left (process ${pid}).`);
  await endProcess(pid, 'SIGTERM', 10_000);
}

function isRedis(pid: number): boolean {
  try {
    return process.platform === 'linux' && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('redis-server');
  } catch {
    return false;
  }
}
