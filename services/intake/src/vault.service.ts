import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hash, randomFillSync, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { MasterKey } from '@sluice/runtime';
import type { Candidate } from './candidate.js';
import { claimsOf, type Claim } from './duplicates.js';

/** What the vault stores of one lead. Destroying `wrappedKey` makes `sealed` noise. */
export interface Sealed {
  readonly keyId: string;
  /** nonce (12) · the lead's key (32) under the master key · tag (16) */
  readonly wrappedKey: Buffer;
  /** nonce (12) · fields as JSON under the lead's key · tag (16) */
  readonly sealed: Buffer;
}

const NONCE = 12;
const TAG = 16;
const KEY = 32;
export const WRAPPED_KEY_BYTES = NONCE + KEY + TAG;

/** Seals and opens personal fields: AES-256-GCM under a key a lead, bound to its tenant and its id so that no row passes for another's. */
@Injectable()
export class Vault {
  /** Chance is fetched by the page: a call for each lead costs as much as the hash. */
  private readonly pool = Buffer.alloc(8192);
  private used = this.pool.length;
  private readonly tenants = new Map<string, KeyObject>();
  private readonly wrapping: KeyObject;

  constructor(private readonly master: MasterKey) {
    this.wrapping = createSecretKey(master.derive('vault', KEY));
  }

  get keyId(): string {
    return this.master.id;
  }

  seal(tenantId: string, leadId: string, fields: Readonly<Record<string, unknown>>): Sealed {
    const key = Buffer.from(this.random(KEY));
    const aad = `${tenantId}|${leadId}`;
    return {
      keyId: this.master.id,
      wrappedKey: this.encrypt(this.wrapping, key, `${aad}|key|${this.master.id}`),
      sealed: this.encrypt(key, Buffer.from(JSON.stringify(fields)), `${aad}|fields`),
    };
  }

  /** Throws where the row was altered, moved from another lead or tenant, or sealed under another master key. */
  open(tenantId: string, leadId: string, { keyId, wrappedKey, sealed }: Sealed): Record<string, unknown> {
    if (keyId !== this.master.id) throw new Error(`sealed under master key ${keyId}, this process has ${this.master.id}`);
    const aad = `${tenantId}|${leadId}`;
    const key = decrypt(this.wrapping, wrappedKey, `${aad}|key|${keyId}`);
    return JSON.parse(decrypt(key, sealed, `${aad}|fields`).toString('utf8')) as Record<string, unknown>;
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
      key = createSecretKey(this.master.derive(`person/${tenantId}`, KEY));
      this.tenants.set(tenantId, key);
    }
    return createHmac('sha256', key).update(text).digest('hex').slice(0, 32);
  }

  private encrypt(key: KeyObject | Buffer, plain: Buffer, aad: string): Buffer {
    const row = Buffer.allocUnsafe(NONCE + plain.length + TAG);
    row.set(this.random(NONCE));
    const cipher = createCipheriv('aes-256-gcm', key, row.subarray(0, NONCE));
    cipher.setAAD(Buffer.from(aad));
    row.set(cipher.update(plain), NONCE);
    cipher.final();
    row.set(cipher.getAuthTag(), NONCE + plain.length);
    return row;
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

function decrypt(key: KeyObject | Buffer, row: Buffer, aad: string): Buffer {
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
