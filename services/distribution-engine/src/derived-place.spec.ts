import { expect, it } from '@jest/globals';
import { derivedId } from '@sluice/kernel';
import fc from 'fast-check';
import { placeOfId } from './derived-place.js';

it('reads partition and batch out of any id that the engine makes, and out of no other', () => {
  fc.assert(fc.property(fc.nat(2 ** 16 - 1), fc.maxSafeNat(), fc.nat(2 ** 31 - 1), (partition, large, place) => {
    const batchNo = large % 2 ** 44;
    expect(placeOfId(derivedId(partition, batchNo, place))).toEqual({ partition, batchNo });
  }), { numRuns: 1000 });
  expect(placeOfId('01a20cb9-5f0c-74b2-9eb9-c5f5b20fb143')).toBeUndefined();
  expect(placeOfId('x')).toBeUndefined();
});
