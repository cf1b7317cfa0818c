import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { sampleCsv } from '../demo/lead-generator.js';

export interface GenerateOptions {
  readonly campaign: string;
  readonly count: number;
  readonly seed: string;
  /** Standard output where it is not given. */
  readonly file?: string | undefined;
}

/** Writes a CSV of sample leads: the same seed gives the same file. */
export async function generate(options: GenerateOptions): Promise<void> {
  const out = options.file ? createWriteStream(options.file) : process.stdout;
  let chunk = '';
  const flush = async () => {
    if (!out.write(chunk)) await once(out, 'drain');
    chunk = '';
  };
  for (const row of sampleCsv(options.campaign, options.seed, options.count)) {
    chunk += row;
    if (chunk.length > 64 * 1024) await flush();
  }
  await flush();
  if (options.file) {
    out.end();
    await once(out, 'finish');
  }
}
