import { expect, it } from '@jest/globals';
import { csvLine } from './csv.js';

it('quotes what would end a value, and lets no text pass for a formula', () => {
  expect(csvLine(['a', 1, null, undefined, true, 'x "y", z', '=HYPERLINK("http://x")', '-5', -5]))
    .toBe('a,1,,,true,"x ""y"", z","\'=HYPERLINK(""http://x"")",\'-5,-5\r\n');
});
