import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The local data of an installation. Nobody but its owner may look in; git is told to leave it alone. */
export class DataFolder {
  readonly path: string;

  constructor(folder: string) {
    this.path = path.resolve(folder);
    // Root's folder may be entered, though not listed: the database server runs as another user then, and has its cluster in it.
    const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
    mkdirSync(this.path, { recursive: true, mode });
    chmodSync(this.path, mode);
    if (!existsSync(this.file('.gitignore'))) writeFileSync(this.file('.gitignore'), '*\n');
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** A secret that is made at its first use and kept in a 0600 file. */
  secret(name: string): string {
    const file = this.file(name);
    if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 });
    return readFileSync(file, 'utf8').trim();
  }

  /** A secret that another process left here; undefined where there is none. */
  kept(name: string): string | undefined {
    const file = this.file(name);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  }

  /** A small JSON document that only the owner may read; undefined where there is none. */
  read<T>(name: string): T | undefined {
    const file = this.file(name);
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;
  }

  write(name: string, value: unknown): void {
    writeFileSync(this.file(name), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  }
}
