import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

/** Standard Webhooks 1.0: what a client verifies with the library of its language. */

/** A secret as the platform's HMAC takes it, made once an endpoint. */
export type SigningKey = KeyObject;

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export function newSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/** The key within a secret's text. */
export function keyOfSecret(secret: string): SigningKey {
  return createSecretKey(Buffer.from(secret.slice(PREFIX.length), 'base64'));
}

/** The same at every attempt and after every redrive: the client's way to know a repeat. Without dots, which separate what is signed. */
export function webhookIdOf(outboundLeadId: string): string {
  return `msg_${outboundLeadId.replaceAll('.', '-')}`;
}

/** The three headers. `keys`: the current key first; during a rotation the one before too. `now` in ms. */
export function signatureHeaders(webhookId: string, body: Uint8Array, keys: readonly SigningKey[], now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const head = `${webhookId}.${timestamp}.`;
  const signature = keys.map((key) => `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`).join(' ');
  return { 'webhook-id': webhookId, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
}
