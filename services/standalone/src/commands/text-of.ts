import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** A file that a command is given and cannot read: refused as a document that is not sound. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';

  constructor(file: string, error: unknown) {
    super(`${file}: cannot be read: ${wordsOf(error)}`);
  }
}

/** What a file holds; throws Unreadable, which names the file and why. */
export async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => { throw new Unreadable(file, error); });
}

/** Reads the file that a scenario names as its `config`, by a path from where the scenario stands; throws Unreadable. */
export function configBeside(file: string): (reference: string) => string {
  return (reference) => {
    try {
      return readFileSync(path.resolve(path.dirname(file), reference), 'utf8');
    } catch (error) {
      throw new Unreadable(`config: ${reference}`, error);
    }
  };
}

/** Why a file could not be read, as a fault of it. */
export function unreadable(error: unknown): string {
  return error instanceof Unreadable ? error.message : `cannot be read: ${wordsOf(error)}`;
}

/** What the system says, in words; its own where there are none for it. */
export function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return WORDS[code ?? ''] ?? message;
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'the rights to it are missing', ENOTDIR: 'a part of its path is no folder',
};
