import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { MasterKey } from '@sluice/runtime';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals what only this service may read: secrets of endpoints and excerpts of answers. */
export class Sealer {
  private readonly key: Buffer;
  // Chance is fetched for many nonces at once: a call for each costs more than the sealing.
  private chance = Buffer.alloc(0);

  constructor(master: MasterKey) {
    this.key = master.derive('delivery');
  }

  /** `place` says where the sealed bytes belong; they open nowhere else. */
  seal(place: string, text: string): Buffer {
    if (this.chance.length < NONCE_BYTES) this.chance = randomBytes(NONCE_BYTES * 256);
    const nonce = this.chance.subarray(0, NONCE_BYTES);
    this.chance = this.chance.subarray(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  /** Throws for bytes that were sealed for another place or by another key. */
  open(place: string, sealed: Buffer): string {
    const decipher = createDecipheriv('aes-256-gcm', this.key, sealed.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(place));
    decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  }
}
