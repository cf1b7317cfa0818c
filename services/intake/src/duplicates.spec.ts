import { describe, expect, it } from '@jest/globals';
import type { DuplicatePolicy } from './campaign.js';
import { claimsOf, EMAIL, settleDuplicates, type Claimant, type Holder } from './duplicates.js';

const MINUTE = 60_000;
const policy = (over: Partial<DuplicatePolicy> = {}): DuplicatePolicy => (
  { payloadWithinMs: MINUTE, personWithinMs: 30 * MINUTE, payload: 'reject', person: 'flag', ...over });

interface Hashes { payload?: string; phone?: string; email?: string }

function lead(leadId: string, receivedAt: number, hashes: Hashes, over: Partial<DuplicatePolicy> = {}): Claimant {
  const of = policy(over);
  return { leadId, receivedAt, policy: of, claims: claimsOf(of, 't', 'c', { payload: hashes.payload ?? leadId, phone: hashes.phone, email: hashes.email }, (text) => text) };
}

const settle = (leads: Claimant[], stored = new Map<string, Holder>()) => Object.fromEntries(settleDuplicates(leads, stored).duplicates);

describe('duplicates', () => {
  it('of a payload within its span are turned away, after it taken', () => {
    expect(settle([lead('a', 0, { payload: 'p' }), lead('b', MINUTE - 1, { payload: 'p' }), lead('c', MINUTE, { payload: 'p' })]))
      .toEqual({ b: { of: 'a', then: 'reject' } });
  });

  it('of a person are flagged with the lead that came first, by phone or by e-mail', () => {
    expect(settle([lead('a', 0, { phone: '1', email: 'x' }), lead('b', 1, { phone: '1' }), lead('c', 2, { email: 'x' }), lead('d', 3, { email: 'y' })]))
      .toEqual({ b: { of: 'a', then: 'flag' }, c: { of: 'a', then: 'flag' } });
  });

  it('count for nothing where the policy accepts them', () => {
    expect(settle([lead('a', 0, { payload: 'p', phone: '1' }), lead('b', 1, { payload: 'p', phone: '1' }, { payload: 'accept', person: 'accept' })])).toEqual({});
  });

  it('that are turned away hold nothing, so that nobody is turned away for their sake', () => {
    const reject = { person: 'reject' } as const;
    const leads = [lead('a', 0, { phone: '1' }, reject), lead('b', 1, { phone: '1', email: 'x' }, reject), lead('c', 2, { phone: '2', email: 'x' }, reject)];
    expect(settle(leads)).toEqual({ b: { of: 'a', then: 'reject' } });
    const { holders } = settleDuplicates(leads, new Map());
    const email = leads[2]!.claims.find(({ kind }) => kind === EMAIL)!;
    expect(holders.get(email.fingerprint)?.leadId).toBe('c');
  });

  it('are judged against what is stored, and what is over is taken over', () => {
    const phone = lead('a', 0, { phone: '1' }).claims[1]!;
    const stored = new Map([[phone.fingerprint, { leadId: 'old', seenAt: -31 * MINUTE, until: -MINUTE }]]);
    expect(settle([lead('a', 0, { phone: '1' })], stored)).toEqual({});
    expect(settleDuplicates([lead('a', 0, { phone: '1' })], stored).holders.get(phone.fingerprint)?.leadId).toBe('a');
  });
});
