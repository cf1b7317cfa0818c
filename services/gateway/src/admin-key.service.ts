import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** `sluice_admin_<id>_<secret>`: the id finds the row, the hash of the whole proves it. The name tells whoever finds one what it opens. */
const PATTERN = /^sluice_admin_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

export interface NewKey {
  readonly keyId: string;
  /** Shown once. */
  readonly key: string;
  readonly hash: Buffer;
}

export function newKey(): NewKey {
  const keyId = randomBytes(6).toString('hex');
  const key = `sluice_admin_${keyId}_${randomBytes(32).toString('base64url')}`;
  return { keyId, key, hash: hashOf(key) };
}

/** The id within a key; undefined where the text is no admin key. */
export function keyIdOf(key: string): string | undefined {
  return PATTERN.exec(key)?.[1];
}

export function isKeyOf(key: string, hash: Buffer): boolean {
  const given = hashOf(key);
  return given.length === hash.length && timingSafeEqual(given, hash);
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
