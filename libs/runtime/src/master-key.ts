import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const KEY_BYTES = 32;

export interface MasterKeySettings {
  /** 32 bytes in base64; wins over the file. */
  readonly SLUICE_MASTER_KEY?: string | undefined;
  readonly SLUICE_MASTER_KEY_FILE: string;
}

/** The root of all keys that seal what is stored. It stands in a file beside the database, never in it: a dump alone opens nothing. */
export class MasterKey {
  /** Names the key without telling it: rows say under which one they are sealed. */
  readonly id: string;

  constructor(private readonly secret: Buffer) {
    if (secret.length !== KEY_BYTES) throw new Error(`the master key has ${secret.length} bytes, expected ${KEY_BYTES}`);
    this.id = createHash('sha256').update('sluice master key id').update(secret).digest('hex').slice(0, 16);
  }

  /** A key for one purpose; the same purpose gives the same key as long as the master key stands. */
  derive(purpose: string, bytes = KEY_BYTES): Buffer {
    return Buffer.from(hkdfSync('sha256', this.secret, Buffer.alloc(0), `sluice/${purpose}`, bytes));
  }

  /** The key that was given, else the one in the file, else a new one in that file. */
  static load(settings: MasterKeySettings): MasterKey {
    if (settings.SLUICE_MASTER_KEY) return new MasterKey(Buffer.from(settings.SLUICE_MASTER_KEY, 'base64'));
    create(settings.SLUICE_MASTER_KEY_FILE);
    return new MasterKey(read(settings.SLUICE_MASTER_KEY_FILE));
  }
}

/** Makes the file unless it is there. It appears whole or not at all, so that services which start at once end with one key. */
function create(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const half = `${file}.${process.pid}`;
  const handle = openSync(half, 'w', 0o600);
  try {
    writeSync(handle, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
    // What a lost key had sealed would be lost with it.
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  try {
    linkSync(half, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(half);
  }
}

function read(file: string): Buffer {
  if ((statSync(file).mode & 0o077) !== 0 && process.platform !== 'win32') {
    throw new Error(`the master key ${file} can be read by others: chmod 600 ${file}`);
  }
  const secret = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
  if (secret.length !== KEY_BYTES) throw new Error(`${file} holds no master key: expected ${KEY_BYTES} bytes in base64`);
  return secret;
}
