import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Principal } from './principal.js';

const LIFE_MS = 60_000;

const mac = (payload: string, secret: string) => createHmac('sha256', secret).update(payload).digest('base64url');

/** A short-lived token that says on whose behalf one service calls another: `Authorization: Service <token>`. */
export function signPrincipal(principal: Principal, secret: string, now: number): string {
  const payload = Buffer.from(JSON.stringify({ ...principal, exp: now + LIFE_MS })).toString('base64url');
  return `${payload}.${mac(payload, secret)}`;
}

/** The principal of a token; undefined where it is forged, malformed or older than a minute. */
export function verifyPrincipal(token: string, secret: string, now: number): Principal | undefined {
  const [payload, signature, rest] = token.split('.');
  if (!payload || !signature || rest !== undefined) return undefined;
  const expected = Buffer.from(mac(payload, secret));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Principal & { exp: number };
  if (!(claims.exp > now)) return undefined;
  return { tenantId: claims.tenantId, kind: claims.kind, id: claims.id };
}
