import { Writable } from 'node:stream';
import { Terminal } from './terminal.js';

/** A terminal that remembers what was printed for people and, apart from it, as data. */
export class Captured {
  private readonly screen: string[] = [];
  private readonly output: string[] = [];
  readonly terminal = new Terminal(into(this.screen), into(this.output));

  get said(): string {
    return this.screen.join('');
  }

  get out(): string {
    return this.output.join('');
  }
}

function into(texts: string[]): NodeJS.WriteStream {
  return new Writable({ write: (chunk, _encoding, done) => { texts.push(String(chunk)); done(); } }) as unknown as NodeJS.WriteStream;
}
