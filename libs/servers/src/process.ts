import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Told what a server does, in whole sentences. */
export type Say = (line: string) => void;

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** A port of 127.0.0.1 that nobody listens on now. Another may take it before its user does: whoever starts a server tries again. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Whether something answers a TCP connection at 127.0.0.1 and this port within 300 ms. */
export async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(300, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** Whether a process of this id lives. Says yes where it lives and is another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A child whose parent has not asked for its end still has an id, and is dead all the same (in containers nobody may ever ask). */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

/** Polls until `check` is true. Returns whether it came true within `timeoutMs`. */
export async function until(check: () => boolean | Promise<boolean>, timeoutMs: number, everyMs = 25): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    if (await check()) return true;
    if (performance.now() > end) return false;
    await sleep(everyMs);
  }
}

/** Asks a process to end, insists after `graceMs`, and returns when it is gone. */
export async function endProcess(pid: number, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  for (const next of [signal, 'SIGKILL'] as const) {
    try {
      process.kill(pid, next);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw error;
    }
    if (await until(() => !isAlive(pid), graceMs)) return;
  }
  throw new Error(`process ${pid} does not end`);
}

export interface DaemonOptions {
  readonly logFile: string;
  readonly cwd?: string;
  readonly account?: Account;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Starts a program that outlives this process. It writes to a file, not to a pipe that breaks with us; and it has a process group of
 * its own, so that Ctrl-C reaches us alone, and we end it when nobody needs it any more.
 */
export function startDaemon(command: string, args: readonly string[], options: DaemonOptions): ChildProcess {
  const log = fs.openSync(options.logFile, 'a', 0o600);
  try {
    const child = spawn(command, args, {
      cwd: options.cwd, env: options.env, detached: true, windowsHide: true, stdio: ['ignore', log, log],
      ...(options.account ? { uid: options.account.uid, gid: options.account.gid } : {}),
    });
    child.unref();
    return child;
  } finally {
    fs.closeSync(log);
  }
}

/** The end of a file, for the message of an error; empty where there is none. */
export function lastLines(file: string, lines = 15): string {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

/** Where a program of this name stands on the PATH, or undefined. */
export function onPath(program: string, searched: string): string | undefined {
  const names = process.platform === 'win32' ? [`${program}.exe`, `${program}.cmd`, `${program}.bat`] : [program];
  for (const folder of searched.split(path.delimiter)) {
    for (const name of names) {
      const file = path.join(folder, name);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        if (fs.statSync(file).isFile()) return file;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}
