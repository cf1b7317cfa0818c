import { describe, expect, it } from '@jest/globals';
import { mailboxOf, normalizeEmail } from './normalize-email.js';

const identity = (given: string) => {
  const address = normalizeEmail(given);
  return address === undefined ? undefined : mailboxOf(address);
};

describe('e-mail addresses', () => {
  it('are delivered as they came, but for space and the case of the domain', () => {
    expect(normalizeEmail('  John.Smith+ads@Example.COM ')).toBe('John.Smith+ads@example.com');
    expect(normalizeEmail('jos\u0065\u0301@example.com')).toBe('jos\u00e9@example.com');
    expect(normalizeEmail('a@m\u00fcnchen.de')).toBe('a@xn--mnchen-3ya.de');
  });

  it.each([
    '\uff2aohn@example.com', 'jo\u200bhn@example.com', '\u202ejohn@example.com', 'john+tag@example.com', 'JOHN@EXAMPLE.com', ' john@example.com',
  ])('of one mailbox are one person: %j', (spelling) => {
    expect(identity(spelling)).toBe('john@example.com');
  });

  it('ignore dots only where the provider does', () => {
    expect(identity('j.o.h.n+x@googlemail.com')).toBe(identity('john@gmail.com'));
    expect(identity('j.ohn@example.com')).not.toBe(identity('john@example.com'));
  });

  it('of a domain that only looks the same stay distinct', () => {
    expect(identity('john@ex\u0430mple.com')).not.toBe(identity('john@example.com'));
    expect(identity('john@ex\u0430mple.com')).toMatch(/^john@xn--/);
  });

  it.each(['', 'john', '@example.com', 'john@', 'john@localhost', 'a b@example.com', 'john@1.2.3.4', 'john@-a.com', '.john@example.com', 'jo..hn@example.com',
    `${'x'.repeat(65)}@example.com`, 'john@exa mple.com', 'john@example.com\r\nBcc: x@y.zz'])('are refused where they are none: %j', (given) => {
    expect(normalizeEmail(given)).toBeUndefined();
  });
});
