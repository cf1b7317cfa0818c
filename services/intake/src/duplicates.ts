/**
 * Which leads of a group commit are duplicates: decided one after the other in the order they came in, on the claims that the database
 * holds under lock. The first lead with a fingerprint holds it for its span; a lead that is turned away holds nothing.
 */
import type { DuplicatePolicy } from './campaign.js';

/** Kinds of fingerprints, as they are stored. */
export const PAYLOAD = 0;
export const PHONE = 1;
export const EMAIL = 2;

export interface Claim {
  readonly kind: number;
  readonly tenantId: string;
  /** 128 bits, hexadecimal: of tenant, campaign, kind and the keyed hash of the value. */
  readonly fingerprint: string;
}

/** Who holds a fingerprint. Instants in epoch milliseconds. */
export interface Holder {
  readonly leadId: string;
  readonly seenAt: number;
  readonly until: number;
}

export interface Claimant {
  readonly leadId: string;
  readonly receivedAt: number;
  readonly policy: DuplicatePolicy;
  readonly claims: readonly Claim[];
}

export interface Settled {
  /** By lead id: the lead it is a duplicate of, and what the policy says to it. Absent: no duplicate. */
  readonly duplicates: ReadonlyMap<string, { readonly of: string; readonly then: 'reject' | 'flag' }>;
  /** Who holds each fingerprint in the end; undefined: nobody. */
  readonly holders: ReadonlyMap<string, Holder | undefined>;
}

/** The fingerprints that a lead has under its campaign's policy. `digest`: 128 bits of a text, hexadecimal. */
export function claimsOf(
  policy: DuplicatePolicy, tenantId: string, campaignId: string,
  hashes: { readonly payload: string; readonly phone: string | undefined; readonly email: string | undefined },
  digest: (text: string) => string,
): Claim[] {
  const claims: Claim[] = [];
  const claim = (kind: number, hash: string) => claims.push({ kind, tenantId, fingerprint: digest(`${kind}\n${tenantId}\n${campaignId}\n${hash}`) });
  if (policy.payload !== 'accept' && policy.payloadWithinMs > 0) claim(PAYLOAD, hashes.payload);
  if (policy.person === 'accept' || policy.personWithinMs <= 0) return claims;
  if (hashes.phone !== undefined) claim(PHONE, hashes.phone);
  if (hashes.email !== undefined) claim(EMAIL, hashes.email);
  return claims;
}

/** `stored`: who held a fingerprint before this group. */
export function settleDuplicates(claimants: readonly Claimant[], stored: ReadonlyMap<string, Holder>): Settled {
  const holders = new Map<string, Holder | undefined>();
  const duplicates = new Map<string, { of: string; then: 'reject' | 'flag' }>();
  for (const { leadId, receivedAt, policy, claims } of claimants) {
    let found: { of: string; then: 'reject' | 'flag' } | undefined;
    for (const claim of claims) {
      const key = claim.fingerprint;
      if (!holders.has(key)) holders.set(key, stored.get(key));
      const holder = holders.get(key);
      const then = claim.kind === PAYLOAD ? policy.payload : policy.person;
      if (found?.then === 'reject' || then === 'accept' || !holder) continue;
      // The span is the policy's of today, not the one that stood when the holder came.
      if (receivedAt - holder.seenAt < spanMs(claim, policy)) found = found && then === 'flag' ? found : { of: holder.leadId, then };
    }
    if (found) duplicates.set(leadId, found);
    if (found?.then === 'reject') continue;
    for (const claim of claims) {
      const key = claim.fingerprint;
      const holder = holders.get(key);
      const span = spanMs(claim, policy);
      if (!holder || receivedAt - holder.seenAt >= span) holders.set(key, { leadId, seenAt: receivedAt, until: receivedAt + span });
    }
  }
  return { duplicates, holders };
}

/** How long a fingerprint counts under a policy, ms. */
export function spanMs(claim: Claim, policy: DuplicatePolicy): number {
  return claim.kind === PAYLOAD ? policy.payloadWithinMs : policy.personWithinMs;
}
