import { describe, expect, it } from '@jest/globals';
import { AddressGuard, addressRange, sameAddress } from './address-guard.js';

const guard = new AddressGuard({ own: ['9.9.9.9', '2620:fe::fe'] });
const verdict = (url: string, of = guard) => {
  const checked = of.checkUrl(url);
  return checked.kind === 'ok' ? 'ok' : checked.reason;
};

describe('addresses', () => {
  // First and last of each range, and their neighbours outside it.
  it.each([
    ['0.0.0.0', 'this_network'], ['0.255.255.255', 'this_network'], ['1.0.0.0', undefined], ['9.255.255.255', undefined], ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'], ['11.0.0.0', undefined], ['100.63.255.255', undefined], ['100.64.0.0', 'shared'], ['100.127.255.255', 'shared'],
    ['100.128.0.0', undefined], ['126.255.255.255', undefined], ['127.0.0.0', 'loopback'], ['127.0.0.1', 'loopback'], ['127.255.255.255', 'loopback'],
    ['128.0.0.0', undefined], ['169.253.255.255', undefined], ['169.254.0.0', 'link_local'], ['169.254.169.254', 'link_local'],
    ['169.254.255.255', 'link_local'], ['169.255.0.0', undefined], ['172.15.255.255', undefined], ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'], ['172.32.0.0', undefined], ['191.255.255.255', undefined], ['192.0.0.0', 'reserved'], ['192.0.0.255', 'reserved'],
    ['192.0.1.0', undefined], ['192.0.2.0', 'documentation'], ['192.0.2.255', 'documentation'], ['192.0.3.0', undefined], ['192.88.98.255', undefined],
    ['192.88.99.0', 'reserved'], ['192.88.99.255', 'reserved'], ['192.88.100.0', undefined], ['192.167.255.255', undefined], ['192.168.0.0', 'private'],
    ['192.168.255.255', 'private'], ['192.169.0.0', undefined], ['198.17.255.255', undefined], ['198.18.0.0', 'benchmark'],
    ['198.19.255.255', 'benchmark'], ['198.20.0.0', undefined], ['198.51.99.255', undefined], ['198.51.100.0', 'documentation'],
    ['198.51.100.255', 'documentation'], ['198.51.101.0', undefined], ['203.0.112.255', undefined], ['203.0.113.0', 'documentation'],
    ['203.0.113.255', 'documentation'], ['203.0.114.0', undefined], ['223.255.255.255', undefined], ['224.0.0.0', 'multicast'],
    ['239.255.255.255', 'multicast'], ['240.0.0.0', 'reserved'], ['255.255.255.255', 'reserved'], ['8.8.8.8', undefined], ['93.184.216.34', undefined],
  ])('the IPv4 address %s is %s', (address, range) => {
    expect(addressRange(address)).toBe(range);
  });

  it.each([
    ['::', 'reserved'], ['::1', 'reserved'], ['0:0:0:0:0:0:0:1', 'reserved'], ['::ffff:127.0.0.1', 'reserved'], ['::ffff:7f00:1', 'reserved'],
    ['::ffff:10.0.0.1', 'reserved'], ['::ffff:8.8.8.8', 'reserved'], ['::127.0.0.1', 'reserved'], ['::7f00:1', 'reserved'],
    ['::ffff:0:7f00:1', 'reserved'], ['::ffff:0:127.0.0.1', 'reserved'], ['00ff:ffff::', 'reserved'], ['64:ff9b::7f00:1', 'loopback'],
    ['64:ff9b::10.0.0.1', 'private'], ['64:ff9b::169.254.169.254', 'link_local'], ['64:ff9b::8.8.8.8', undefined], ['64:ff9b:1::1', 'translated'],
    ['64:ff9b:2::1', 'reserved'], ['100::', 'discard'], ['100::ffff:ffff:ffff:ffff', 'discard'], ['100:0:0:1::', 'reserved'], ['1fff:ffff::', 'reserved'],
    ['2000::', undefined], ['2001::', 'reserved'], ['2001:1ff:ffff::', 'reserved'], ['2001:200::', undefined], ['2001:db7:ffff::', undefined],
    ['2001:db8::', 'documentation'], ['2001:db8:ffff::1', 'documentation'], ['2001:db9::', undefined], ['2002::', 'tunnel'],
    ['2002:7f00:1::', 'tunnel'], ['2002:ffff:ffff::', 'tunnel'], ['2003::', undefined], ['2606:4700:4700::1111', undefined], ['3ffe:ffff::', undefined],
    ['3fff::', 'documentation'], ['3fff:fff::', 'documentation'], ['3fff:1000::', undefined], ['4000::', 'reserved'], ['5f00::1', 'reserved'],
    ['fbff:ffff::', 'reserved'], ['fc00::', 'private'], ['fd00:ec2::254', 'private'], ['fdff:ffff::', 'private'], ['fe00::', 'reserved'],
    ['fe80::1', 'link_local'], ['fe80::1%eth0', 'link_local'], ['febf:ffff::', 'link_local'], ['fec0::1', 'private'], ['feff::', 'private'],
    ['ff00::', 'multicast'], ['ff02::1', 'multicast'], ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'multicast'],
  ])('the IPv6 address %s is %s', (address, range) => {
    expect(addressRange(address)).toBe(range);
  });

  it('what is no address in its plain form is not judged, but refused', () => {
    for (const text of ['', 'localhost', '0x7f.1', '127.1', '2130706433', '0177.0.0.1', '1.2.3', '1.2.3.4.5', ':::', '12345::', '127.0.0.1 ']) {
      expect(guard.refusal(text)).toBe('address_malformed');
    }
  });

  it('the machine\'s own public addresses are refused', () => {
    expect([guard.refusal('9.9.9.9'), guard.refusal('2620:fe:0:0::fe'), guard.refusal('9.9.9.10')]).toEqual(['address_own', 'address_own', undefined]);
  });

  it('two spellings of one address are the same, two addresses are not', () => {
    for (const [one, other] of [['::1', '0:0:0:0:0:0:0:1'], ['::ffff:1.2.3.4', '1.2.3.4'], ['2606:4700::1', '2606:4700:0::0001'], ['fe80::1%lo', 'fe80::1']]) {
      expect(sameAddress(one!, other!)).toBe(true);
    }
    for (const [one, other] of [['::1', '127.0.0.1'], ['1.2.3.4', '1.2.3.5'], ['', ''], ['x', 'x'], ['::1.2.3.4', '1.2.3.4']]) expect(sameAddress(one!, other!)).toBe(false);
  });
});

describe('URLs', () => {
  it.each([
    'https://example.com/', 'https://example.com:443/hook?x=1', 'https://example.com:8443/', 'https://93.184.216.34/', 'https://[2606:4700::1]/', 'HTTPS://Example.COM/a',
    'https://xn--bcher-kva.example/', 'https://[64:ff9b::8.8.8.8]/',
  ])('%s may be called', (url) => {
    expect(verdict(url)).toBe('ok');
  });

  it.each([
    ['https://localhost/', 'address_loopback'], ['https://a.localhost/', 'address_loopback'], ['https://LOCALHOST/', 'address_loopback'],
    ['https://localhost./', 'host_trailing_dot'], ['https://127.0.0.1./', 'host_trailing_dot'], ['https://example.com.:443/', 'host_trailing_dot'],
    ['https://127.0.0.1/', 'address_loopback'], ['https://127.1/', 'address_spelling'], ['https://0x7f.1/', 'address_spelling'], ['https://0x7f000001/', 'address_spelling'],
    ['https://2130706433/', 'address_spelling'], ['https://017700000001/', 'address_spelling'], ['https://0177.0.0.1/', 'address_spelling'], ['https://0/', 'address_spelling'],
    ['https://0.0.0.0/', 'address_this_network'], ['https://134744072/', 'address_spelling'], ['https://10.0.0.5/', 'address_private'],
    ['https://①②⑦.0.0.1/', 'host_not_ascii'], ['https://127。0。0。1/', 'host_not_ascii'], ['https://bücher.example/', 'host_not_ascii'],
    ['https://127%2e0%2e0%2e1/', 'host_encoded'], ['https://%31%32%37.0.0.1/', 'host_encoded'],
    ['https://[::]/', 'address_reserved'], ['https://[::1]/', 'address_reserved'], ['https://[::ffff:127.0.0.1]/', 'address_reserved'],
    ['https://[::ffff:10.0.0.1]/', 'address_reserved'], ['https://[::127.0.0.1]/', 'address_reserved'], ['https://[::ffff:0:7f00:1]/', 'address_reserved'],
    ['https://[64:ff9b::7f00:1]/', 'address_loopback'], ['https://[2002:7f00:1::]/', 'address_tunnel'], ['https://[fe80::1%25eth0]/', 'host_encoded'],
    ['https://[fd00:ec2::254]/', 'address_private'], ['https://169.254.169.254/latest/meta-data', 'address_link_local'],
    ['https://good@127.0.0.1/', 'url_credentials'], ['https://user:pass@example.com/', 'url_credentials'], ['https://@example.com/', 'url_credentials'],
    ['https://127.0.0.1#@good/', 'address_loopback'], ['https://good\\@127.0.0.1', 'url_characters'], ['https://exa\tmple.com/', 'url_characters'],
    ['https://exam\nple.com/', 'url_characters'], [' https://example.com/', 'url_characters'], ['https://example.com/ ', 'url_characters'],
    ['https://exam\u0000ple.com/', 'url_characters'], ['https://good:443:80/', 'url_malformed'], ['https:///example.com', 'scheme_forbidden'],
    ['https:example.com', 'scheme_forbidden'], ['//example.com/', 'scheme_forbidden'], ['http://example.com/', 'scheme_forbidden'], ['file:///etc/passwd', 'scheme_forbidden'],
    ['gopher://127.0.0.1:6379/_x', 'scheme_forbidden'], ['data:text/plain,x', 'scheme_forbidden'], ['ftp://example.com/', 'scheme_forbidden'],
    ['javascript:alert(1)', 'scheme_forbidden'], ['', 'scheme_forbidden'], ['https://example.com:22/', 'port_forbidden'], ['https://example.com:25/', 'port_forbidden'],
    ['https://example.com:6379/', 'port_forbidden'], ['https://example.com:5432/', 'port_forbidden'], ['https://example.com:9092/', 'port_forbidden'],
    ['https://example.com:80/', 'port_forbidden'], ['https://8.8.8.8:25/', 'port_or_scheme_forbidden'], [`https://example.com/${'a'.repeat(2048)}`, 'url_too_long'],
    ['https://9.9.9.9/', 'address_own'],
  ])('%s is refused: %s', (url, reason) => {
    expect(verdict(url)).toBe(reason);
  });

  it('plain http and other ports are for the operator to allow', () => {
    const open = new AddressGuard({ allowHttp: true, ports: [4443], own: [] });
    expect(['http://example.com/', 'http://example.com:80/', 'https://example.com:4443/'].map((url) => verdict(url, open))).toEqual(['ok', 'ok', 'ok']);
    expect(['http://127.0.0.1/', 'http://[::1]/', 'http://example.com:8080/'].map((url) => verdict(url, open)))
      .toEqual(['address_loopback', 'address_reserved', 'port_forbidden']);
  });

  it('what is allowed by host and port is that pair alone', () => {
    const named = new AddressGuard({ allow: ['127.0.0.1:8080', 'localhost:9000', '[::1]:7000', 'Demo.internal:80'], own: [] });
    expect(['http://127.0.0.1:8080/x', 'http://localhost:9000/', 'https://[::1]:7000/', 'http://demo.internal/'].map((url) => verdict(url, named)))
      .toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(['http://127.0.0.1:8081/', 'http://127.0.0.2:8080/', 'http://127.1:8080/', 'http://localhost:9001/', 'http://[::1]:7001/'].map((url) => verdict(url, named)))
      .toEqual(['address_loopback', 'address_loopback', 'ok', 'address_loopback', 'address_reserved']);
  });

  it('what is allowed by range is that range alone, whatever its scheme and port', () => {
    const ranged = new AddressGuard({ allow: ['10.1.0.0/16', 'fd12::/16'], own: [] });
    expect(['http://10.1.255.1:81/', 'https://[fd12::1]/'].map((url) => verdict(url, ranged))).toEqual(['ok', 'ok']);
    expect(['http://10.2.0.1/', 'https://127.0.0.1/', 'http://8.8.8.8/'].map((url) => verdict(url, ranged)))
      .toEqual(['address_private', 'address_loopback', 'port_or_scheme_forbidden']);
    // A name may turn out to be within the range; where it is not, it is refused when it is dialled.
    expect(ranged.checkUrl('http://somewhere.example:81/')).toMatchObject({ kind: 'ok', onlyAllowed: true });
    expect([ranged.refusal('10.1.2.3', true), ranged.refusal('8.8.8.8', true), ranged.refusal('10.2.0.1', true)]).toEqual([undefined, 'port_or_scheme_forbidden', 'address_private']);
  });

  it.each(['10.0.0.0/33', 'x/8', '10.0.0.0/', '::/129', 'nonsense', 'host:', 'http://host:80', 'host:123456'])('an allow list with %s is refused at the start', (entry) => {
    expect(() => new AddressGuard({ allow: [entry] })).toThrow(RangeError);
  });
});
