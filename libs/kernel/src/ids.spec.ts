import { describe, expect, it } from '@jest/globals';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { fnv1a, murmur3, partitionOf } from './hash.js';
import { derivedId, isUuid, uuid7, uuidFrom } from './ids.js';
import { seededRandom } from './random.js';
import { hmacSha256, sha256 } from './sha256.js';

describe('ids', () => {
  it('are uuid text', () => {
    expect(uuidFrom(Uint8Array.from({ length: 16 }, (_, byte) => byte * 17))).toBe('00112233-4455-6677-8899-aabbccddeeff');
    expect(() => uuidFrom(new Uint8Array(15))).toThrow(RangeError);
  });

  it('of version 7 carry their millisecond, version and variant, and sort by time', () => {
    const id = uuid7(Date.parse('2026-03-02T09:00:00.123Z'), new Uint8Array(10).fill(255));
    expect(id).toBe('019cadc6-9afb-7fff-bfff-ffffffffffff');
    expect(uuid7(Date.parse('2026-03-02T09:00:00.124Z'), new Uint8Array(10)) > id).toBe(true);
    expect(() => uuid7(1, new Uint8Array(9))).toThrow(RangeError);
    expect(() => uuid7(-1, new Uint8Array(10))).toThrow(RangeError);
  });

  it('of the engine are the same for the same place, distinct for any other, and sort in the order of making', () => {
    const ids: string[] = [];
    for (const partition of [0, 1, 65_535]) {
      for (const batch of [0, 1, 4095, 4096, 2 ** 44 - 1]) {
        for (const place of [0, 1, 2 ** 32 - 1]) ids.push(derivedId(partition, batch, place));
      }
    }
    expect(ids.every(isUuid)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    expect(derivedId(3, 70_000, 5)).toBe('00030000-0011-8170-8000-000000000005');
    for (const [partition, batch, place] of [[65_536, 0, 0], [0, 2 ** 44, 0], [0, 0, 2 ** 32], [0, 1.5, 0], [-1, 0, 0]] as const) {
      expect(() => derivedId(partition, batch, place)).toThrow(RangeError);
    }
  });
});

describe('hashes', () => {
  it('have the published values', () => {
    expect([fnv1a(''), fnv1a('a'), fnv1a('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
    expect([murmur3(''), murmur3('', 1), murmur3('test'), murmur3('Hello, world!')]).toEqual([0, 0x514e28b7, 0xba6bd213, 0xc0363e43]);
    expect(murmur3('The quick brown fox jumps over the lazy dog', 0x9747b28c)).toBe(0x2fa826cd);
  });

  it('spread keys evenly over partitions, and a key stays where it is', () => {
    const counts = new Array<number>(8).fill(0);
    for (let key = 0; key < 8000; key++) counts[partitionOf(`tenant-${key}`, 8)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(['a', 'tenant-1', 'München'].map((key) => partitionOf(key, 16))).toEqual([2, 5, 3]);
    expect(() => partitionOf('a', 0)).toThrow(RangeError);
  });

  it('of SHA-256 and its HMAC equal the platform at every length around a block', () => {
    for (const length of [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000]) {
      const bytes = randomBytes(length);
      expect(Buffer.from(sha256(bytes)).toString('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
      const text = bytes.toString('base64');
      expect(Buffer.from(hmacSha256(bytes, text)).toString('hex')).toBe(createHmac('sha256', bytes).update(text).digest('hex'));
    }
  });
});

describe('seeded chance', () => {
  it('repeats itself for a seed, and differs for another', () => {
    const draw = (seed: string) => { const random = seededRandom(seed); return Array.from({ length: 5 }, () => random.int(0, 1_000_000)); };
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
  });

  it('is even, stays within its bounds and forks without being read', () => {
    const random = seededRandom(7);
    const before = random.fork('x').next();
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[random.int(0, 9)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(900);
    expect(random.fork('x').next()).toBe(before);
    expect([...random.shuffle([1, 2, 3, 4, 5])].sort()).toEqual([1, 2, 3, 4, 5]);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});
