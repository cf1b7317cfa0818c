import { describe, expect, it } from '@jest/globals';
import type { ConfigDocument } from './document.js';
import { warmFrom } from './replay-warm.js';

const FROM = Date.UTC(2026, 2, 12, 15);
const DAY = 86_400_000;
const document = (more: Partial<ConfigDocument>): ConfigDocument => ({ apiVersion: 'v1', timezone: 'America/New_York', ...more });
const capped = (caps: object) => document({ contracts: [{ id: 'a', client: 'b', caps }] });

describe('the past that a replay must know', () => {
  it.each([
    ['begins with the month, and a little before because zones differ', document({}), Date.UTC(2026, 2, 1, 5) - 2 * DAY],
    ['is all of it where a cap counts without an end', capped({ total: 5 }), 0],
    ['is all of it where the recipients of a strategy share such a cap',
      document({ pushStrategies: [{ id: 's', from: 'corporate', caps: { total: 5 }, recipients: [] }] }), 0],
    ['is all of it where an order was booked', document({ orders: [{ id: 'o', contract: 'a', quantity: 5, start: '2026-01-01' }] }), 0],
    ['is all of it where a client may owe only so much', document({ clients: [{ id: 'b', creditLimit: '100.00' }] }), 0],
    ['holds a whole look-back for persons', document({ contracts: [{ id: 'a', client: 'b', duplicateLookBack: 'P60D' }] }), FROM - 62 * DAY],
  ])('%s', (_, given, expected) => {
    expect(warmFrom(given, FROM)).toBe(expected);
  });

  it('holds the week that began in the month before', () => {
    const second = Date.UTC(2026, 2, 2, 15);
    expect(warmFrom(capped({ week: 5 }), second)).toBe(second - 9 * DAY);
  });
});
