import { describe, expect, it } from '@jest/globals';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { normalizePhone } from './normalize-phone.js';

describe('phone numbers', () => {
  it.each(['(202) 555-0123', '202-555-0123', '202.555.0123', '2025550123', '+1 202 555 0123', '1-202-555-0123', '+12025550123',
    '\u0662\u0660\u0662 \u0665\u0665\u0665 \u0660\u0661\u0662\u0663', '\uff12\uff10\uff125550123'])('have one spelling: %s', (given) => {
    expect(normalizePhone(given, 'US')).toBe('+12025550123');
  });

  it('are read by the country they come from', () => {
    expect(normalizePhone('020 7946 0958', 'GB')).toBe('+442079460958');
    expect(normalizePhone('+44 20 7946 0958', 'US')).toBe('+442079460958');
  });

  it.each(['', '123', '0000000000', '1234567890123456', 'call me', '202-555-012', '555-0123'])('are refused where they cannot exist: %j', (given) => {
    expect(normalizePhone(given, 'US')).toBeUndefined();
  });

  it('are judged by the fast way as by the parser, for every area code', () => {
    for (let area = 100; area < 1000; area += 7) {
      for (const exchange of ['155', '255', '955']) {
        const digits = `${area}${exchange}0123`;
        expect([digits, normalizePhone(digits, 'US') !== undefined]).toEqual([digits, parsePhoneNumberFromString(`+1${digits}`)?.isValid() ?? false]);
      }
    }
  });
});
