import { describe, expect, it } from '@jest/globals';
import { mergePatch, type Json } from './merge-patch.js';

describe('merge patch', () => {
  // The test cases of RFC 7396, appendix A.
  it.each<[Json, Json, Json]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }], [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }], [{ a: ['b'] }, { a: 'c' }, { a: 'c' }], [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }], [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [['a', 'b'], ['c', 'd'], ['c', 'd']], [{ a: 'b' }, ['c'], ['c']], [{ a: 'foo' }, null, null], [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (target, patch, result) => { expect(mergePatch(target, patch)).toEqual(result); });

  it('leaves target and patch as they were', () => {
    const target = { a: { b: 1 } };
    const patch = { a: { c: 2 } };
    expect(mergePatch(target, patch)).toEqual({ a: { b: 1, c: 2 } });
    expect([target, patch]).toEqual([{ a: { b: 1 } }, { a: { c: 2 } }]);
  });

  it.each(['{"__proto__":{"admin":true}}', '{"a":{"__proto__":null}}', '{"constructor":{"prototype":{"admin":true}}}', '{"prototype":1}'])(
    'refuses %s', (text) => {
      expect(() => mergePatch({}, JSON.parse(text) as Json)).toThrow(RangeError);
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    });
});
