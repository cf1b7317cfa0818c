import { isUtf8 } from 'node:buffer';
import { readHeader, type ReadRow } from './csv-columns.js';
import { CsvSplitter, type CsvRecord } from './csv-rows.js';
import type { Fault } from './fault.js';
import { LineSplitter } from './split-lines.js';
import { isSound, LEAD_BYTES_MAX, readJson } from './strict-json.js';

/** One line of a batch: its number, and the body it holds or why it holds none. */
export interface BatchLine {
  readonly line: number;
  readonly body: unknown;
  readonly unreadable: readonly Fault[] | undefined;
}

/** A batch that cannot be read at all, or not further. */
export class BatchFault extends Error {
  override readonly name = 'BatchFault';
}

const fault = (line: number, code: string, message: string): BatchLine => ({ line, body: undefined, unreadable: [{ pointer: '', code, message }] });

/** JSON values, one a line, chunk by chunk. */
export async function* ndjsonLines(input: AsyncIterable<Buffer>): AsyncGenerator<BatchLine[]> {
  const splitter = new LineSplitter(LEAD_BYTES_MAX);
  const read = ({ line, bytes }: { line: number; bytes: Uint8Array | undefined }): BatchLine => {
    if (!bytes) return fault(line, 'too_large', `The line is longer than ${LEAD_BYTES_MAX} bytes.`);
    if (!isUtf8(bytes)) return fault(line, 'encoding', 'Expected UTF-8.');
    const json = readJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
    return 'fault' in json ? { line, body: undefined, unreadable: [json.fault] } : { line, body: json.value, unreadable: undefined };
  };
  for await (const chunk of input) yield [...splitter.push(chunk)].map(read);
  yield [...splitter.rest()].map(read);
}

/**
 * Rows under a header. A row's number is the one a spreadsheet shows: the header is 1. Rows that cannot be read are answered in their
 * place. Throws BatchFault for a header that means nothing.
 */
export async function* csvLines(input: AsyncIterable<Buffer>): AsyncGenerator<BatchLine[]> {
  const splitter = new CsvSplitter(LEAD_BYTES_MAX);
  // Takes the byte order mark away, and marks what is no UTF-8.
  const decoder = new TextDecoder('utf-8');
  let header: ReadRow | undefined;
  const read = (records: readonly CsvRecord[]): BatchLine[] => {
    const lines: BatchLine[] = [];
    for (const record of records) {
      if (header) lines.push(rowOf(record, header));
      else header = headerOf(record);
    }
    return lines;
  };
  for await (const chunk of input) yield read(splitter.push(decoder.decode(chunk, { stream: true })));
  yield read([...splitter.push(decoder.decode()), ...splitter.rest()]);
  if (!header) throw new BatchFault('Expected a header row.');
}

function headerOf(record: CsvRecord): ReadRow {
  if (record.fault) throw new BatchFault('The header row cannot be read.');
  const header = readHeader(record.cells);
  if (typeof header !== 'function') throw new BatchFault(header.fault);
  return header;
}

function rowOf(record: CsvRecord, header: ReadRow): BatchLine {
  const line = record.row;
  if (record.fault === 'too_large') return fault(line, 'too_large', `The row is longer than ${LEAD_BYTES_MAX} characters.`);
  if (record.fault) return fault(line, 'quote', 'A quote stands where none may, or is never closed.');
  const { cells } = record;
  if (cells.some((cell) => cell.includes('\ufffd'))) return fault(line, 'encoding', 'Expected UTF-8.');
  if (!cells.every((cell) => cell.length <= 4096 && isSound(cell))) return fault(line, 'characters', 'A cell holds NUL or more than 4096 characters.');
  const row = header(cells);
  return 'fault' in row ? fault(line, row.fault.code, row.fault.message) : { line, body: row.body, unreadable: undefined };
}
