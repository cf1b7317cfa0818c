import { describe, expect, it } from '@jest/globals';
import { pageSizeOf, readCursor, writeCursor } from './pages.js';

describe('a cursor', () => {
  it('is the place again where its page ended, and goes into a query as it is', () => {
    for (const place of [['a|b/ü?&'], [1_773_000_000_000, 'lead'], [-5]]) {
      expect(writeCursor(place)).toMatch(/^[\w-]+$/);
      expect(readCursor(writeCursor(place), place.map((part) => typeof part as 'string' | 'number'))).toEqual(place);
    }
    expect(readCursor(undefined, ['string'])).toBeUndefined();
  });

  it('is refused where no page of this list gave it', () => {
    const refused = expect.objectContaining({ status: 400, code: 'invalid_cursor' });
    for (const cursor of ['', 'x', '%%%', '!!', writeCursor([1]), writeCursor(['1', '2']), writeCursor(['x'.repeat(3_000)]), btoa('"L1"'), btoa('{}')]) {
      expect(() => readCursor(cursor, ['string'])).toThrow(refused);
    }
    expect(readCursor(writeCursor(['17']), [/^\d+$/])).toEqual(['17']);
    expect(() => readCursor(writeCursor(['17x']), [/^\d+$/])).toThrow(refused);
  });
});

it('a page has fifty rows, or as many as are asked for, up to five hundred', () => {
  expect([pageSizeOf(undefined), pageSizeOf('1'), pageSizeOf('500')]).toEqual([50, 1, 500]);
  for (const limit of ['0', '501', '-1', '1.5', 'ten', '', '99999']) {
    expect(() => pageSizeOf(limit)).toThrow(expect.objectContaining({ status: 400, code: 'invalid_limit' }));
  }
});
