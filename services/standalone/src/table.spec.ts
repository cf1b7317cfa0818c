import { describe, expect, it } from '@jest/globals';
import { amount, bar, percent, signed, signedAmount, table } from './table.js';

describe('what stands in tables', () => {
  it('is as wide as its column, numbers to the right, without spaces at the end', () => {
    expect(table([{ title: 'contract' }, { title: 'leads', right: true }, { title: '' }], [['a', '1,200', ''], ['longer-name', '7', 'x']])).toEqual([
      '  contract     leads', '  a            1,200', '  longer-name      7  x',
    ]);
  });

  it.each([['1234567.50', '1,234,567.50', '+1,234,567.50'], ['-80.00', '−80.00', '−80.00'], ['0.00', '0.00', ''], ['999', '999', '+999']])(
    'an amount of %s is %s, as a difference %s', (text, plain, difference) => {
      expect([amount(text), signedAmount(text)]).toEqual([plain, difference]);
    });

  it('a difference has its sign, and is left out where there is none', () => {
    expect([signed(1_200), signed(-3), signed(0)]).toEqual(['+1,200', '−3', '']);
  });

  it('a small share keeps a decimal', () => {
    expect([percent(0.5), percent(0.034), percent(0)]).toEqual(['50 %', '3.4 %', '0 %']);
  });

  it('a bar is never longer than its cells', () => {
    expect([bar(0, 4), bar(0.5, 4), bar(2, 4), bar(0.03125, 4)]).toEqual(['', '██', '████', '▏']);
  });
});
