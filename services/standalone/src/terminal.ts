import type { WriteStream } from 'node:tty';
import { environment } from './config.js';

export interface Progress {
  /** How many are done, and the share of the whole, 0 to 1. */
  update(done: number, share: number): void;
  end(): void;
}

/** What a person sees. Lines without a terminal, pictures with one; what is meant for other programs goes to `out` alone. */
export class Terminal {
  readonly interactive: boolean;

  constructor(private readonly screen: NodeJS.WriteStream = process.stderr, private readonly output: NodeJS.WriteStream = process.stdout) {
    this.interactive = Boolean(screen.isTTY) && !environment['NO_COLOR'];
  }

  /** A line for people. */
  line(text = ''): void {
    this.screen.write(`${text}\n`);
  }

  /** A line of data, for pipes. */
  out(text: string): void {
    this.output.write(`${text}\n`);
  }

  get width(): number {
    return (this.screen as Partial<WriteStream>).columns ?? 100;
  }

  bold(text: string): string {
    return this.interactive ? `\x1b[1m${text}\x1b[22m` : text;
  }

  dim(text: string): string {
    return this.interactive ? `\x1b[2m${text}\x1b[22m` : text;
  }

  /** Draws lines in place of those drawn before. Without a terminal it does nothing. */
  redraw(lines: readonly string[], before: number): number {
    if (!this.interactive) return 0;
    const up = before > 0 ? `\x1b[${before}A` : '';
    this.screen.write(`${up}${lines.map((line) => `\x1b[2K${line.slice(0, this.width - 1)}`).join('\n')}\n`);
    return lines.length;
  }

  progress(unit: string): Progress {
    let drawn = 0;
    let last = 0;
    let final = '';
    let said = '';
    return {
      update: (done, share) => {
        const cells = Math.round(30 * Math.min(1, share));
        final = `[${'#'.repeat(cells)}${'.'.repeat(30 - cells)}] ${String(Math.floor(100 * Math.min(1, share))).padStart(3)} %  ${done.toLocaleString('en')} ${unit}`;
        const now = performance.now();
        if (now - last < (this.interactive ? 100 : 5_000)) return;
        last = now;
        if (this.interactive) drawn = this.redraw([final], drawn);
        else this.line(said = final);
      },
      end: () => {
        if (this.interactive) this.redraw([final], drawn);
        else if (final && final !== said) this.line(final);
      },
    };
  }
}
