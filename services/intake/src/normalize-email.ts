/**
 * E-mail addresses: as they are delivered, and as they tell that two leads are of one person. Homoglyphs stay distinct: only what
 * mail servers themselves treat as one is folded.
 */

/** Zero-width characters, direction marks and the like: never part of an address that works. */
const INVISIBLE = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]/g;
const ASCII = /^[\x21-\x7e]+$/;
const LOCAL = /^[^\s"(),:;<>@[\\\]]+$/u;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/;
const GMAIL = new Set(['gmail.com', 'googlemail.com']);

/** The address as it is stored and delivered: no space around, NFKC, domain in lower-case ASCII. Undefined where it is none. */
export function normalizeEmail(given: string): string | undefined {
  let text = given.trim();
  if (!ASCII.test(text)) text = text.normalize('NFKC').replace(INVISIBLE, '').trim();
  if (text.length > 254) return undefined;
  const at = text.lastIndexOf('@');
  if (at < 1 || at > 64) return undefined;
  const local = text.slice(0, at);
  if (!LOCAL.test(local) || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return undefined;
  const domain = asciiDomain(text.slice(at + 1));
  return domain === undefined ? undefined : `${local}@${domain}`;
}

/**
 * What all spellings of one mailbox share: lower case, without "+tag", and without dots where the provider ignores them. Takes a
 * normalised address.
 */
export function mailboxOf(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  let local = address.slice(0, at).toLowerCase();
  const plus = local.indexOf('+');
  if (plus > 0) local = local.slice(0, plus);
  return GMAIL.has(domain) ? `${local.replaceAll('.', '')}@gmail.com` : `${local}@${domain}`;
}

function asciiDomain(given: string): string | undefined {
  let domain = given.toLowerCase();
  if (!ASCII.test(domain)) {
    // WHATWG's parser knows IDNA; it also takes numbers for addresses, which the pattern below turns away.
    if (!URL.canParse(`http://${domain}`)) return undefined;
    domain = new URL(`http://${domain}`).hostname;
  }
  return DOMAIN.test(domain) && /[a-z]/.test(domain.slice(domain.lastIndexOf('.') + 1)) ? domain : undefined;
}
