import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { line } from './faults.js';
import { readDocument } from './read-document.service.js';

const clients = Array.from({ length: 4_000 }, (_, place) => ({ id: `client-${place}`, name: `Client number ${place}`, caps: { day: place } }));
const text = stringify({ apiVersion: 'v1', clients });

describe('a large document', () => {
  it('is read in a thread of its own, so that the process goes on meanwhile', async () => {
    expect(text.length).toBeGreaterThan(200_000);
    let turns = 0;
    const other = setInterval(() => { turns += 1; }, 5);
    const { document } = await readDocument(text);
    clearInterval(other);
    expect(document?.clients).toEqual(clients);
    expect(turns).toBeGreaterThan(10);
  });

  it('has its faults at their places, of syntax and of sense', async () => {
    expect((await readDocument(`${text}  - { id: [`)).faults?.[0]?.path).toMatch(/^line 16003, column/);
    expect((await readDocument(text.replace('day: 3999', 'day: many'))).faults?.map(line)).toEqual(
      ['clients[3999].caps.day: expected an integer ≥ 0, got "many"']);
    expect((await readDocument(`${text}a: &a [1]\nb: [${'*a,'.repeat(50_000)}]\n`)).faults?.[0]?.code).toBe('syntax');
  });
});
