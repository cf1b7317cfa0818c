import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatMoney, parseMoney } from './money.js';

describe('money', () => {
  it.each([
    ['25.00', 'USD', 2500n, '25.00'], [25, 'USD', 2500n, '25.00'], [25.1, 'USD', 2510n, '25.10'], ['0.07', 'USD', 7n, '0.07'],
    ['-0.07', 'USD', -7n, '-0.07'], ['25.000', 'USD', 2500n, '25.00'],
    ['1234567890123456789.01', 'USD', 123456789012345678901n, '1234567890123456789.01'],
    [500, 'JPY', 500n, '500'], ['1.5', 'KWD', 1500n, '1.500'], [1.015, 'KWD', 1015n, '1.015'], ['-0', 'USD', 0n, '0.00'],
  ])('%s %s is %s minor units', (amount, currency, minor, text) => {
    expect(parseMoney(amount, currency)).toBe(minor);
    expect(formatMoney(minor, currency)).toBe(text);
  });

  it.each([
    ['25.001', 'USD'], ['0.5', 'JPY'], [0.1 + 0.2, 'USD'], [NaN, 'USD'], [1e21, 'USD'], [90071992547409.93, 'USD'], ['1e3', 'USD'],
    ['', 'USD'],    ['1,000', 'USD'], ['.5', 'USD'], ['5.', 'USD'], [' 5', 'USD'], ['$5', 'USD'], ['5', 'usd'], ['5', 'EURO'],
  ])('%s %s is refused', (amount, currency) => { expect(() => parseMoney(amount, currency)).toThrow(RangeError); });

  it('comes back as it was written', () => {
    const amounts = fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n });
    fc.assert(fc.property(amounts, fc.constantFrom('USD', 'JPY', 'KWD', 'CLF'), (minor, currency) => {
      expect(parseMoney(formatMoney(minor, currency), currency)).toBe(minor);
    }));
  });

  it('reads a number as its shortest text, for every cent up to a thousand', () => {
    for (let cents = 0; cents <= 100_000; cents++) expect(parseMoney(cents / 100, 'USD')).toBe(BigInt(cents));
  });
});
