import fs from 'node:fs';
import path from 'node:path';
import type { Account } from './process.js';

/**
 * The account that a server runs under: undefined (our own) unless we are root, whom Postgres refuses. Root takes `postgres` where
 * that user exists, else `nobody`; no user is created.
 */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = fs.readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [name, , uid, gid] = users.find((user) => user[0] === wanted) ?? [];
    if (name && Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` on this system. Start as another user, or set DATABASE_URL.');
}

/** Whether an account may enter a folder and all that stand above it. Knows modes and owners, not access control lists. */
export function mayEnter(folder: string, account: Account): boolean {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const found = fs.statSync(at, { throwIfNoEntry: false });
    if (found && !allows(found, account, 1)) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** Whether an account may read a file, given that it may enter the folder. */
export function mayRead(file: string, account: Account): boolean {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  return found !== undefined && allows(found, account, 4);
}

/** `bit` as in one digit of a mode: 4 reads, 1 enters. */
function allows(found: fs.Stats, account: Account, bit: 1 | 4): boolean {
  const shift = found.uid === account.uid ? 6 : found.gid === account.gid ? 3 : 0;
  return ((found.mode >> shift) & bit) !== 0;
}

/** Gives a folder and all in it to an account. */
export function giveTo(account: Account, folder: string): void {
  fs.chownSync(folder, account.uid, account.gid);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const inner = path.join(folder, entry.name);
    if (entry.isDirectory()) giveTo(account, inner);
    else fs.lchownSync(inner, account.uid, account.gid);
  }
}
