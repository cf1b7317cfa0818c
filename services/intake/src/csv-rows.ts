/**
 * Cuts the text of a CSV (RFC 4180, comma) into rows, as it comes. A row that cannot be read costs no other: csv-parse, which is faster to
 * take off the shelf, loses the row after a misplaced quote and everything after a row that is too long (7.0.3, measured).
 */

export type CsvRecord =
  | { readonly row: number; readonly cells: readonly string[]; readonly fault?: undefined }
  | { readonly row: number; readonly fault: 'quote' | 'too_large' };

interface Cut {
  readonly cells: string[];
  readonly end: number;
  readonly sound: boolean;
}

const QUOTE = 34;

export class CsvSplitter {
  private text = '';
  private row = 0;
  /** Within a row that is too long to be kept. */
  private skipping = false;

  /** `maxLength`: characters of a row; more is passed over. It bounds the memory. */
  constructor(private readonly maxLength: number) {}

  /** The rows that this text ends. Rows count from 1, as in a spreadsheet; empty ones are left out. */
  push(text: string): CsvRecord[] {
    return this.cut(this.text + text, false);
  }

  /** What stands after the last newline. */
  rest(): CsvRecord[] {
    return this.cut(this.text, true);
  }

  private cut(text: string, last: boolean): CsvRecord[] {
    const found: CsvRecord[] = [];
    let from = 0;
    while (from < text.length) {
      if (this.skipping) {
        const newline = text.indexOf('\n', from);
        if (newline === -1 && !last) return this.keep('', found);
        this.skipping = false;
        from = newline === -1 ? text.length : newline + 1;
        found.push({ row: ++this.row, fault: 'too_large' });
        continue;
      }
      const cut = cutRow(text, from, last);
      if (cut) {
        const long = cut.end - from > this.maxLength;
        const row = ++this.row;
        if (!cut.sound || long) found.push({ row, fault: long ? 'too_large' : 'quote' });
        else if (cut.cells.length > 1 || cut.cells[0] !== '') found.push({ row, cells: cut.cells });
        from = cut.end;
      } else if (!last && text.length - from <= this.maxLength) {
        return this.keep(text.slice(from), found);
      } else {
        // A quote that nobody closes costs its own line. What follows is read again, once: between there and here no quote ends anything.
        const newline = text.indexOf('\n', from);
        this.skipping = newline === -1 && !last;
        if (!this.skipping) found.push({ row: ++this.row, fault: 'quote' });
        from = newline === -1 ? text.length : newline + 1;
      }
    }
    return this.keep('', found);
  }

  private keep(text: string, found: CsvRecord[]): CsvRecord[] {
    this.text = text;
    return found;
  }
}

/** One row from `from` on; undefined where the text ends before it does. */
function cutRow(text: string, from: number, last: boolean): Cut | undefined {
  const cells: string[] = [];
  let sound = true;
  let at = from;
  let newline = text.indexOf('\n', from);
  for (;;) {
    let cell: string | undefined;
    if (text.charCodeAt(at) === QUOTE) {
      const quoted = cutQuoted(text, at, last);
      if (!quoted) return undefined;
      cell = quoted.value;
      at = quoted.end;
      if (newline !== -1 && newline < at) newline = text.indexOf('\n', at);
    }
    const comma = text.indexOf(',', at);
    const end = comma !== -1 && (newline === -1 || comma < newline) ? comma : newline;
    if (end === -1 && !last) return undefined;
    const stop = end === -1 ? text.length : end;
    const plain = text.slice(at, stop === newline && text.charCodeAt(stop - 1) === 13 && stop > at ? stop - 1 : stop);
    // After a closing quote nothing may stand; where something does, the row ends at its line's end all the same.
    if (cell !== undefined && plain !== '') sound = false;
    cells.push(cell ?? plain);
    if (end !== comma || end === -1) return { cells, end: stop + 1, sound };
    at = end + 1;
  }
}

/** A cell in quotes, in which two quotes are one. `end`: behind the closing one. */
function cutQuoted(text: string, at: number, last: boolean): { value: string; end: number } | undefined {
  let value = '';
  let start = at + 1;
  for (;;) {
    const close = text.indexOf('"', start);
    if (close === -1 || (close + 1 === text.length && !last)) return undefined;
    if (text.charCodeAt(close + 1) !== QUOTE) return { value: value + text.slice(start, close), end: close + 1 };
    value += text.slice(start, close + 1);
    start = close + 2;
  }
}
