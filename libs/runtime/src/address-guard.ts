import { isIP, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * Which addresses and URLs the platform may call on a tenant's word. It judges bytes, not text: a name or a literal is taken apart
 * first, so that no spelling of an address slips by. What is not public is refused unless the operator allows it by CIDR or by
 * host:port.
 */

/** Ranges that no receiver on the public internet has, each with the code by which a refusal names it. */
const FORBIDDEN_V4: readonly [string, string][] = [
  ['0.0.0.0/8', 'this_network'], ['10.0.0.0/8', 'private'], ['100.64.0.0/10', 'shared'], ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link_local'], ['172.16.0.0/12', 'private'], ['192.0.0.0/24', 'reserved'], ['192.0.2.0/24', 'documentation'],
  ['192.88.99.0/24', 'reserved'], ['192.168.0.0/16', 'private'], ['198.18.0.0/15', 'benchmark'], ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'], ['224.0.0.0/4', 'multicast'], ['240.0.0.0/4', 'reserved'],
];
const FORBIDDEN_V6: readonly [string, string][] = [
  ['64:ff9b:1::/48', 'translated'], ['::/8', 'reserved'], ['100::/64', 'discard'], ['2001::/23', 'reserved'], ['2001:db8::/32', 'documentation'],
  ['2002::/16', 'tunnel'], ['3fff::/20', 'documentation'], ['5f00::/16', 'reserved'], ['fc00::/7', 'private'], ['fe80::/10', 'link_local'],
  ['fec0::/10', 'private'], ['ff00::/8', 'multicast'],
];
/** An address of it stands for the IPv4 address in its last four bytes. */
const TRANSLATED = '64:ff9b::/96';
const GLOBAL_UNICAST = '2000::/3';

interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

interface Range extends Address {
  readonly prefix: number;
  readonly code: string;
}

export interface DestinationPolicy {
  /** What the operator allows although it is not public: CIDR ranges and `host:port` pairs. */
  readonly allow?: readonly string[];
  /** Plain http to public addresses; without it only what `allow` names may be called without TLS. */
  readonly allowHttp?: boolean;
  /** Ports besides 443 and 8443 (and 80 with `allowHttp`). */
  readonly ports?: readonly number[];
  /** Addresses of this machine, refused although public; its interfaces unless given. */
  readonly own?: readonly string[];
}

/** A URL that passed; `onlyAllowed`: its scheme or port is no public one, so that only addresses of `allow` may be dialled. */
export type CheckedUrl =
  | { readonly kind: 'ok'; readonly url: URL; readonly named: boolean; readonly onlyAllowed: boolean }
  | { readonly kind: 'refused'; readonly reason: string };

export class AddressGuard {
  private readonly ranges: readonly Range[];
  private readonly pairs: ReadonlySet<string>;
  private readonly ports: ReadonlySet<number>;
  private readonly own: ReadonlySet<string>;

  /** Throws RangeError for an entry of `allow` that is neither CIDR nor host:port. */
  constructor(private readonly policy: DestinationPolicy = {}) {
    const entries = policy.allow ?? [];
    this.ranges = entries.filter((entry) => entry.includes('/')).map((entry) => rangeOf(entry, 'allowed'));
    const pairs = entries.filter((entry) => !entry.includes('/'));
    for (const pair of pairs) if (!/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):\d{1,5}$/i.test(pair)) throw new RangeError(`"${pair}" is neither CIDR nor host:port`);
    this.pairs = new Set(pairs.map((pair) => pair.toLowerCase()));
    this.ports = new Set([443, 8443, ...(policy.allowHttp ? [80] : []), ...(policy.ports ?? [])]);
    this.own = new Set((policy.own ?? interfaceAddresses()).map((text) => keyOf(addressOf(text))));
  }

  /** What can be said of a URL without asking DNS: fit for the moment a URL is written down as well as for the moment it is called. */
  checkUrl(text: string): CheckedUrl {
    const fault = spellingFault(text);
    if (fault) return { kind: 'refused', reason: fault };
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      return { kind: 'refused', reason: 'url_malformed' };
    }
    const port = portOf(url);
    const host = bareHost(url);
    const named = this.pairs.has(`${url.hostname}:${port}`);
    const standard = (url.protocol === 'https:' || this.policy.allowHttp === true) && this.ports.has(port);
    if (named) return { kind: 'ok', url, named, onlyAllowed: false };
    const family = isIP(host);
    if (family !== 0) {
      // WHATWG has turned every spelling of an IPv4 address into this one; whoever wrote another had a reason that we need not learn.
      if (family === 4 && !authorityOf(text).startsWith(host)) return { kind: 'refused', reason: 'address_spelling' };
      const reason = this.refusal(host, !standard);
      return reason ? { kind: 'refused', reason } : { kind: 'ok', url, named, onlyAllowed: !standard };
    }
    if (host === 'localhost' || host.endsWith('.localhost')) {
      return this.refusal('127.0.0.1', !standard) ? { kind: 'refused', reason: 'address_loopback' } : { kind: 'ok', url, named, onlyAllowed: true };
    }
    if (!standard && this.ranges.length === 0) {
      return { kind: 'refused', reason: url.protocol === 'https:' || this.policy.allowHttp ? 'port_forbidden' : 'scheme_forbidden' };
    }
    return { kind: 'ok', url, named, onlyAllowed: !standard };
  }

  /** Why an address may not be dialled; undefined where it may. `onlyAllowed`: a public one may not either. */
  refusal(text: string, onlyAllowed = false): string | undefined {
    const address = tryAddress(text);
    if (!address) return 'address_malformed';
    if (this.ranges.some((range) => within(address, range))) return undefined;
    if (onlyAllowed) return forbiddenRange(address) ? `address_${forbiddenRange(address)}` : 'port_or_scheme_forbidden';
    const range = forbiddenRange(address);
    if (range) return `address_${range}`;
    return this.own.has(keyOf(address)) ? 'address_own' : undefined;
  }
}

/** The code of the range that makes an address no public one; undefined for a public one. Throws RangeError for what is no address. */
export function addressRange(text: string): string | undefined {
  return forbiddenRange(addressOf(text));
}

/** Whether two texts name the same address, whatever their spelling: `::ffff:1.2.3.4` is 1.2.3.4, as a dual-stack socket says it. */
export function sameAddress(one: string, other: string): boolean {
  const [a, b] = [tryAddress(one), tryAddress(other)];
  return a !== undefined && b !== undefined && keyOf(unmapped(a)) === keyOf(unmapped(b));
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** The host without the brackets of an IPv6 literal. */
export function bareHost(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** What is wrong with the text of a URL before anybody parses it: parsers forgive, and each forgives something else. */
function spellingFault(text: string): string | undefined {
  if (text.length > 2048) return 'url_too_long';
  if (/[\u0000-\u0020\u007f\\]/.test(text)) return 'url_characters';
  if (!/^https?:\/\/[^/]/i.test(text)) return 'scheme_forbidden';
  const authority = authorityOf(text);
  if (authority.includes('@')) return 'url_credentials';
  if (/[^\u0021-\u007e]/.test(authority)) return 'host_not_ascii';
  if (authority.includes('%')) return 'host_encoded';
  if (/\.(:\d*)?$/.test(authority)) return 'host_trailing_dot';
  return undefined;
}

function authorityOf(text: string): string {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1]?.toLowerCase() ?? '';
}

const RANGES: readonly Range[] = [...FORBIDDEN_V4, ...FORBIDDEN_V6].map(([cidr, code]) => rangeOf(cidr, code));
const translated = rangeOf(TRANSLATED, 'translated');
const globalUnicast = rangeOf(GLOBAL_UNICAST, 'public');

function forbiddenRange(address: Address): string | undefined {
  if (within(address, translated)) return forbiddenRange({ family: 4, bits: address.bits & 0xffffffffn });
  const range = RANGES.find((candidate) => within(address, candidate));
  if (range) return range.code;
  return address.family === 6 && !within(address, globalUnicast) ? 'reserved' : undefined;
}

function within(address: Address, range: Range): boolean {
  if (address.family !== range.family) return false;
  const shift = BigInt((address.family === 4 ? 32 : 128) - range.prefix);
  return address.bits >> shift === range.bits >> shift;
}

function rangeOf(cidr: string, code: string): Range {
  const [base = '', length = ''] = cidr.split('/');
  const address = tryAddress(base);
  const prefix = Number(length);
  if (!address || !/^\d{1,3}$/.test(length) || prefix > (address.family === 4 ? 32 : 128)) throw new RangeError(`"${cidr}" is no CIDR range`);
  return { ...address, prefix, code };
}

function addressOf(text: string): Address {
  const address = tryAddress(text);
  if (!address) throw new RangeError(`"${text}" is no address`);
  return address;
}

function tryAddress(text: string): Address | undefined {
  const bare = text.split('%')[0] ?? '';
  if (isIPv4(bare)) return { family: 4, bits: v4Bits(bare) };
  return isIP(bare) === 6 ? { family: 6, bits: v6Bits(bare) } : undefined;
}

function v4Bits(text: string): bigint {
  return text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function v6Bits(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted ? `${dotted[1]}${hexPair(v4Bits(dotted[2] ?? ''))}` : text;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function hexPair(bits: bigint): string {
  return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
}

function unmapped(address: Address): Address {
  return address.family === 6 && address.bits >> 32n === 0xffffn ? { family: 4, bits: address.bits & 0xffffffffn } : address;
}

function keyOf(address: Address): string {
  return `${address.family}:${address.bits.toString(16)}`;
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((entry) => entry.address));
}
