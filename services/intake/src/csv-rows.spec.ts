import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { CsvSplitter, type CsvRecord } from './csv-rows.js';

function rows(chunks: readonly string[], max = 1000): CsvRecord[] {
  const splitter = new CsvSplitter(max);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.rest()];
}

const cut = (text: string, sizes: readonly number[]) => {
  const chunks: string[] = [];
  let at = 0;
  for (const size of sizes) chunks.push(text.slice(at, at += size));
  return [...chunks, text.slice(at)];
};

describe('rows of CSV', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', ',', '"', '\n', ' '), maxLength: 6 });
  const written = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

  it('are read as csv-parse reads them, however the text is cut', () => {
    fc.assert(fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 5 }), fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(9)), (table, end, sizes) => {
      const text = table.map((row) => row.map(written).join(',') + end).join('');
      const found = rows(cut(text, sizes)).map((record) => (record.fault ? record.fault : record.cells));
      expect(found).toEqual(table);
      expect(found).toEqual(parse(text, { relax_column_count: true }));
    }));
  });

  it('are the same however any text is cut', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r') }), fc.array(fc.nat(5)), (text, sizes) => {
      expect(rows(cut(text, sizes))).toEqual(rows([text]));
    }));
  });

  it('that cannot be read cost no other', () => {
    expect(rows(['a,b\n1,"x"y\n2,3\n"open,4\n5,6\n', '7,8'])).toEqual([
      { row: 1, cells: ['a', 'b'] }, { row: 2, fault: 'quote' }, { row: 3, cells: ['2', '3'] }, { row: 4, fault: 'quote' },
      { row: 5, cells: ['5', '6'] }, { row: 6, cells: ['7', '8'] }]);
  });

  it('that are too long cost no other, and no memory', () => {
    expect(rows(['a,b\n', ...Array.from({ length: 50 }, () => 'xxxx'), '\n1,2\n', `"${'y'.repeat(30)}",3\n4,5`], 20)).toEqual([
      { row: 1, cells: ['a', 'b'] }, { row: 2, fault: 'too_large' }, { row: 3, cells: ['1', '2'] }, { row: 4, fault: 'too_large' }, { row: 5, cells: ['4', '5'] }]);
  });

  it('that are empty count, and are left out', () => {
    expect(rows(['a\n\n\r\nb'])).toEqual([{ row: 1, cells: ['a'] }, { row: 4, cells: ['b'] }]);
  });
});
