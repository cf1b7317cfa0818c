import { isUtf8 } from 'node:buffer';
import { parse, type CsvError } from 'csv-parse';
import { readHeader, type ReadRow } from './csv-columns.js';
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
 * place; what a misplaced quote swallowed is one row. Throws BatchFault for a header that means nothing.
 */
export async function* csvLines(input: AsyncIterable<Buffer>): AsyncGenerator<BatchLine[]> {
  let ready: BatchLine[] = [];
  let row = 0;
  let header: ReadRow | undefined;
  let broken: string | undefined;
  const parser = parse({
    bom: true, skip_empty_lines: true, relax_column_count: true, max_record_size: LEAD_BYTES_MAX, skip_records_with_error: true,
    // Both are called in the order of the rows; what the parser would buffer itself loses that order.
    on_record: (cells: string[]) => {
      row++;
      if (header) ready.push(rowOf(row, cells, header));
      else {
        const read = readHeader(cells);
        if (typeof read === 'function') header = read;
        else broken ??= read.fault;
      }
      return null;
    },
    on_skip: (error: CsvError | undefined) => {
      row++;
      if (header) ready.push(fault(row, 'csv', `The row cannot be read (${error?.code ?? 'unknown'}).`));
      else broken ??= 'The header row cannot be read.';
      return undefined;
    },
  });
  parser.resume();
  let failed: Error | undefined;
  parser.on('error', (error) => { failed = error; });
  const take = function* () {
    if (broken !== undefined) throw new BatchFault(broken);
    const lines = ready;
    ready = [];
    yield lines;
    if (failed) throw new BatchFault(`Row ${row + 1} cannot be read, nor what follows it.`);
  };
  for await (const chunk of input) {
    await new Promise<void>((resolve) => parser.write(chunk, () => resolve()));
    yield* take();
  }
  await new Promise<void>((resolve) => { parser.once('close', resolve); parser.end(); if (parser.destroyed) resolve(); });
  if (!header && !failed) broken ??= 'Expected a header row.';
  yield* take();
}

function rowOf(line: number, cells: readonly string[], header: ReadRow): BatchLine {
  if (cells.some((cell) => cell.includes('\ufffd'))) return fault(line, 'encoding', 'Expected UTF-8.');
  if (!cells.every((cell) => cell.length <= 4096 && isSound(cell))) return fault(line, 'characters', 'A cell holds NUL or more than 4096 characters.');
  const row = header(cells);
  return 'fault' in row ? fault(line, row.fault.code, row.fault.message) : { line, body: row.body, unreadable: undefined };
}
