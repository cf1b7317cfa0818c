import { describe, expect, it } from '@jest/globals';
import { itemsOf, type ConfigItem } from '@sluice/distribution';
import fc from 'fast-check';
import { difference, partsOf } from './changes.js';

const bodies = fc.dictionary(fc.constantFrom('name', 'caps', 'price'), fc.oneof(fc.integer(), fc.string(), fc.record({ day: fc.nat() })));
const documents = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), bodies), { selector: ([id]) => id })
  .map((clients) => itemsOf({ apiVersion: 'v1', clients: clients.map(([id, body]) => ({ ...body, id })) as never }));

const standing = (items: readonly ConfigItem[]) => Object.fromEntries(items.filter((item) => item.body !== null && item.kind !== 'settings')
  .map((item) => [`${item.kind} ${item.id}`, item.body]));

describe('the difference of two configurations', () => {
  it('leads from the one to the other, and back is as many changes', () => {
    fc.assert(fc.property(documents, documents, (before, after) => {
      const { items, changes } = difference(before, after);
      const changed = new Map([...before, ...items].map((item) => [`${item.kind}\n${item.id}`, item]));
      expect(standing([...changed.values()])).toEqual(standing(after));
      expect(changes).toHaveLength(items.length);
      expect(difference(after, before).changes).toHaveLength(changes.length);
      expect(difference(after, after).items).toEqual([]);
    }), { numRuns: 1000 });
  });

  it('does not depend on the order of keys', () => {
    const [one, other] = [{ id: 'a', caps: { day: 1, hour: 2 } }, { caps: { hour: 2, day: 1 }, id: 'a' }].map((client) => itemsOf({ apiVersion: 'v1', clients: [client] }));
    expect(difference(one!, other!).changes).toEqual([]);
  });
});

describe('the parts of a version', () => {
  it('hold every item once and in order, at most 200 and 250,000 characters each, and there is one even of nothing', () => {
    const items = Array.from({ length: 900 }, (_, place) => ({ body: { id: place, text: 'x'.repeat(place % 3 === 0 ? 9_000 : 10) } }));
    const parts = partsOf(items);
    expect(parts.flat()).toEqual(items);
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(200);
      expect(JSON.stringify(part).length).toBeLessThan(270_000);
    }
    expect(partsOf([])).toEqual([[]]);
    expect(partsOf([{ body: { text: 'x'.repeat(900_000) } }, { body: null }])).toHaveLength(2);
  });
});
