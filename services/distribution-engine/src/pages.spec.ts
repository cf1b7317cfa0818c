import { expect, it } from '@jest/globals';
import { instant } from './pages.js';

it('takes an instant or a date, and says of anything else what is expected', () => {
  expect(instant.parse('2026-03-01')).toBe(Date.UTC(2026, 2, 1));
  expect(instant.parse('2026-03-01T09:00:00+01:00')).toBe(Date.UTC(2026, 2, 1, 8));
  for (const text of ['yesterday', '5', '2026-13-01', '']) {
    expect(instant.safeParse(text).error?.issues.map(({ message }) => message))
      .toEqual([`expected a date or an instant such as 2026-03-01 or 2026-03-01T09:00:00Z, got ${JSON.stringify(text)}`]);
  }
});
