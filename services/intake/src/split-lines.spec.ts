import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LineSplitter } from './split-lines.js';

function lines(chunks: readonly Buffer[], max = 1000) {
  const splitter = new LineSplitter(max);
  const found = [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.rest()];
  return found.map(({ line, bytes }) => [line, bytes && Buffer.from(bytes).toString()]);
}

describe('lines', () => {
  it('are the same however the stream is cut', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r\n', ' ') }), fc.array(fc.nat(20)), (text, cuts) => {
      const bytes = Buffer.from(text);
      const chunks: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      chunks.push(bytes.subarray(at));
      expect(lines(chunks)).toEqual(lines([bytes]));
    }));
  });

  it('keep their number where one is empty, and where the last has no end', () => {
    expect(lines([Buffer.from('a\n\n\r\nb\r\nc')])).toEqual([[1, 'a'], [4, 'b'], [5, 'c']]);
  });

  it('that are too long are passed over, and cost no memory', () => {
    expect(lines([Buffer.from('aaaa'), Buffer.from('aaaa'), Buffer.from('aaaa\nbb\n')], 5)).toEqual([[1, undefined], [2, 'bb']]);
    expect(lines([Buffer.from('aaaaaa\nbb')], 5)).toEqual([[1, undefined], [2, 'bb']]);
  });
});
