import { createCipheriv, createDecipheriv, createHmac, hash, randomFillSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { MasterKey } from '@sluice/runtime';
import type { Candidate } from './candidate.js';
import { claimsOf, type Claim } from './duplicates.js';

/** What the vault stores of one lead. Destroying `wrappedKey` makes `sealed` noise. */
export interface Sealed {
  readonly keyId: string;
  /**
   * 32 bytes of chance, of which only the master key makes the lead's key. (Rows of before have the key itself under the master key:
   * nonce (12) · key (32) · tag (16). They open as well.)
   */
  readonly wrappedKey: Buffer;
  /** nonce (12) · fields as JSON under the lead's key · tag (16) */
  readonly sealed: Buffer;
}

const NONCE = 12;
const TAG = 16;
const KEY = 32;

/** Seals and opens personal fields: AES-256-GCM under a key a lead, bound to its tenant and its id so that no row passes for another's. */
@Injectable()
export class Vault {
  /** Chance is fetched by the page: a call for each lead costs as much as the hash. */
  private readonly pool = Buffer.alloc(8192);
  private used = this.pool.length;
  private readonly tenants = new Map<string, KeyedHash>();
  private readonly wrapping: Buffer;
  private readonly leadKeys: KeyedHash;

  constructor(private readonly master: MasterKey) {
    this.wrapping = master.derive('vault', KEY);
    this.leadKeys = new KeyedHash(master.derive('vault/leads', KEY));
  }

  get keyId(): string {
    return this.master.id;
  }

  seal(tenantId: string, leadId: string, fields: Readonly<Record<string, unknown>>): Sealed {
    const chance = Buffer.from(this.random(KEY));
    const nonce = this.random(NONCE);
    const aad = `${tenantId}|${leadId}`;
    const cipher = createCipheriv('aes-256-gcm', this.leadKey(aad, chance), nonce);
    cipher.setAAD(Buffer.from(`${aad}|fields`));
    const body = cipher.update(JSON.stringify(fields), 'utf8');
    cipher.final();
    const sealed = Buffer.allocUnsafe(NONCE + body.length + TAG);
    sealed.set(nonce);
    sealed.set(body, NONCE);
    sealed.set(cipher.getAuthTag(), NONCE + body.length);
    return { keyId: this.master.id, wrappedKey: chance, sealed };
  }

  /** Throws where the row was altered, moved from another lead or tenant, or sealed under another master key. */
  open(tenantId: string, leadId: string, { keyId, wrappedKey, sealed }: Sealed): Record<string, unknown> {
    if (keyId !== this.master.id) throw new Error(`sealed under master key ${keyId}, this process has ${this.master.id}`);
    const aad = `${tenantId}|${leadId}`;
    const key = wrappedKey.length === KEY ? this.leadKey(aad, wrappedKey) : decrypt(this.wrapping, wrappedKey, `${aad}|key|${keyId}`);
    return JSON.parse(decrypt(key, sealed, `${aad}|fields`).toString('utf8')) as Record<string, unknown>;
  }

  /** The key of one lead. Made of chance that is used once, it seals one thing; wrapping a key would take a second cipher a lead. */
  private leadKey(aad: string, chance: Buffer): Buffer {
    return Buffer.from(this.leadKeys.hex(`${aad}|key|${this.master.id}|${chance.toString('hex')}`), 'hex');
  }

  /** Keyed hash of a phone number or mailbox: tells that two leads are of one person, and nothing else. 128 bits, hexadecimal. */
  personHash(tenantId: string, kind: 'phone' | 'email', value: string): string {
    return this.hash(tenantId, `${kind}:${value}`);
  }

  /** Keyed hash of a whole request, which holds personal values too. 128 bits, hexadecimal. */
  payloadHash(tenantId: string, canonicalText: string): string {
    return this.hash(tenantId, `payload:${canonicalText}`);
  }

  private hash(tenantId: string, text: string): string {
    let key = this.tenants.get(tenantId);
    if (!key) {
      key = new KeyedHash(this.master.derive(`person/${tenantId}`, KEY));
      this.tenants.set(tenantId, key);
    }
    return key.hex(text).slice(0, 32);
  }

  /** Valid until the next call: a view into the pool, each byte of which is used once. */
  private random(bytes: number): Buffer {
    if (this.used + bytes > this.pool.length) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    this.used += bytes;
    return this.pool.subarray(this.used - bytes, this.used);
  }

  /** Ten random bytes for a time-ordered id. */
  idBytes(): Uint8Array {
    return this.random(10);
  }
}

const BLOCK = 64;
/** What is hashed is laid out here; longer text takes the slower way. */
const inner = Buffer.alloc(16_384);
const outer = Buffer.alloc(BLOCK + 32);

/**
 * HMAC-SHA-256 under one key by two one-shot hashes: half the time of an Hmac object, which also leaves the collector an object of
 * OpenSSL for each hash (measured: 0.9 against 1.7 µs for a phone number).
 */
class KeyedHash {
  private readonly innerPad: Buffer;
  private readonly outerPad: Buffer;

  /** `key`: at most 64 bytes. */
  constructor(private readonly key: Buffer) {
    const block = Buffer.alloc(BLOCK);
    block.set(key);
    this.innerPad = block.map((byte) => byte ^ 0x36) as Buffer;
    this.outerPad = block.map((byte) => byte ^ 0x5c) as Buffer;
  }

  /** 256 bits, hexadecimal. */
  hex(text: string): string {
    if (BLOCK + text.length * 3 > inner.length) return createHmac('sha256', this.key).update(text).digest('hex');
    inner.set(this.innerPad);
    const bytes = inner.write(text, BLOCK);
    outer.set(this.outerPad);
    outer.write(hash('sha256', inner.subarray(0, BLOCK + bytes), 'binary'), BLOCK, 'binary');
    return hash('sha256', outer);
  }
}

function decrypt(key: Buffer, row: Buffer, aad: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, row.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(aad));
  decipher.setAuthTag(row.subarray(row.length - TAG));
  return Buffer.concat([decipher.update(row.subarray(NONCE, row.length - TAG)), decipher.final()]);
}

/** The fingerprints of a valid lead. They are made of keyed hashes, so that they need no key of their own. */
export function claimsOfCandidate({ verdict, tenantId, payloadHash }: Candidate): Claim[] {
  if (verdict.kind !== 'valid') return [];
  const hashes = { payload: payloadHash, phone: verdict.phoneHash, email: verdict.emailHash };
  return claimsOf(verdict.campaign.duplicates, tenantId, verdict.campaign.id, hashes, digest);
}

function digest(text: string): string {
  return hash('sha256', text).slice(0, 32);
}
