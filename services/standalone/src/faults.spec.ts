import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { faultsOf, type Issue } from './faults.js';

const Body = z.strictObject({
  name: z.string(), limit: z.coerce.number().int().max(5).optional(), kind: z.enum(['a', 'b']).optional(),
  deep: z.strictObject({ 'a/b': z.array(z.int()) }).optional(),
});

function faults(body: unknown) {
  const issues = (Body.safeParse(body).error?.issues ?? []) as unknown as Issue[];
  return faultsOf(issues).map(({ pointer, code, message }) => [pointer, code, message]);
}

describe('what is wrong with a request', () => {
  it('is told with its place, and what to send instead', () => {
    expect(faults({})).toEqual([['/name', 'invalid', 'is missing: expected a string']]);
    expect(faults(undefined)).toEqual([['', 'invalid', 'is missing: expected an object']]);
    expect(faults({ name: 3 })).toEqual([['/name', 'invalid', 'expected string, received number']]);
    expect(faults({ name: '', limit: 'many' })).toEqual([['/limit', 'invalid', 'expected a number']]);
    expect(faults({ name: '', kind: 'c' })).toEqual([['/kind', 'invalid', 'expected one of "a", "b"']]);
    expect(faults({ name: '', deep: { 'a/b': [1, 'x'] } })).toEqual([['/deep/a~1b/1', 'invalid', 'expected number, received string']]);
  });

  it('names each key that is not known, where it stands', () => {
    expect(faults({ name: '', len: 1, 'x~y': 2 })).toEqual([
      ['/len', 'unknown_key', '"len" is not known here; leave it out, or mend its spelling'],
      ['/x~0y', 'unknown_key', '"x~y" is not known here; leave it out, or mend its spelling'],
    ]);
    expect(faults({ name: '', deep: { 'a/b': [], c: 1 } }).map(([pointer]) => pointer)).toEqual(['/deep/c']);
  });
});
