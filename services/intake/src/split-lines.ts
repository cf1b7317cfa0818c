/** Cuts a stream of bytes into lines, holding no more than one line of bounded length. */

export interface RawLine {
  /** From 1; empty lines count and are left out. */
  readonly line: number;
  /** Undefined where the line is longer than allowed: it is passed over without being kept. */
  readonly bytes: Uint8Array | undefined;
}

const NEWLINE = 10;
const RETURN = 13;

export class LineSplitter {
  private readonly parts: Uint8Array[] = [];
  private length = 0;
  private line = 0;

  constructor(private readonly maxBytes: number) {}

  /** The lines that this chunk ends. They are views of the chunk where they can be. */
  *push(chunk: Uint8Array): Generator<RawLine> {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      const line = this.end(chunk.subarray(from, at));
      from = at + 1;
      if (line) yield line;
    }
    this.keep(chunk.subarray(from));
  }

  /** What stands after the last newline. */
  *rest(): Generator<RawLine> {
    const line = this.length > 0 ? this.end(new Uint8Array(0)) : undefined;
    if (line) yield line;
  }

  private keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.length += part.length;
    // Beyond the limit only the length is of interest.
    if (this.length > this.maxBytes) this.parts.length = 0;
    else this.parts.push(part);
  }

  private end(part: Uint8Array): RawLine | undefined {
    const line = ++this.line;
    const whole = this.length === 0 ? part : this.joined(part);
    const tooLong = this.length + part.length > this.maxBytes;
    this.parts.length = 0;
    this.length = 0;
    if (tooLong) return { line, bytes: undefined };
    const bytes = whole[whole.length - 1] === RETURN ? whole.subarray(0, -1) : whole;
    return bytes.length === 0 ? undefined : { line, bytes };
  }

  private joined(part: Uint8Array): Uint8Array {
    const whole = new Uint8Array(this.length + part.length <= this.maxBytes ? this.length + part.length : 0);
    if (whole.length === 0) return whole;
    let at = 0;
    for (const kept of this.parts) {
      whole.set(kept, at);
      at += kept.length;
    }
    whole.set(part, at);
    return whole;
  }
}
