import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonical, readJson } from './strict-json.js';

const codeOf = (text: string) => {
  const read = readJson(text);
  return 'fault' in read ? read.fault.code : undefined;
};

describe('JSON from outside', () => {
  it('is read as any other parser reads it', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value);
      const read = readJson(text);
      expect(read).toEqual({ value: JSON.parse(text) });
    }), { numRuns: 1_000 });
  });

  it.each([
    ['{"a":1,"a":2}', 'duplicate_key'],
    ['{"fields":{"email":"x","b":{},"email":"y"}}', 'duplicate_key'],
    ['{"a":"x\\u0000"}', 'characters'],
    ['{"a":"\\ud800"}', 'characters'],
    ['{"\\udc00":1}', 'characters'],
    ['{"a":1e999999}', 'number'],
    ['{"a":NaN}', 'json'],
    ['\ufeff{}', 'json'],
    ['{"a":', 'json'],
    [`${'['.repeat(100_000)}`, 'json'],
    [`${'[{"a":'.repeat(9)}1${'}]'.repeat(9)}`, 'depth'],
    [`{"a":${JSON.stringify('x'.repeat(4097))}}`, 'too_long'],
    [`{${Array.from({ length: 201 }, (_, i) => `"k${i}":1`).join(',')}}`, 'keys'],
    [JSON.stringify({ a: Array.from({ length: 101 }, () => 1) }), 'items'],
  ])('is refused where it has two readings or none: %.60s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it.each(['{"a":":","b\\"":":"}', '{"a":"\\\\"}', '{"a:b":{"c":[{"a":1},{"a":2}]}}', '{"a":"\\ud83d\\ude00"}'])('takes what only looks odd: %s', (text) => {
    expect(codeOf(text)).toBeUndefined();
  });

  it('never repeats a value in what it says', () => {
    const read = readJson('{"email": canary@example.com}');
    expect(JSON.stringify(read)).not.toContain('canary');
  });

  it('has one canonical text, whatever the order of its keys', () => {
    expect(canonical({ b: [1, { y: null, x: 'é' }], a: undefined, c: true })).toBe(canonical({ c: true, b: [1, { x: 'é', y: null }] }));
    expect(canonical({ a: '1' })).not.toBe(canonical({ a: 1 }));
    expect(canonical({ 10: 1, b: 1, 9: 1 })).toBe(canonical({ 9: 1, b: 1, 10: 1 }));
    expect(canonical(JSON.parse('{"b":1,"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1},"b":1}');
  });
});
