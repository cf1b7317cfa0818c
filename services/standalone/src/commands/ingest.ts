import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Api } from '../api.js';
import type { Terminal } from '../terminal.js';

export interface IngestOptions {
  readonly file: string;
  readonly campaign?: string | undefined;
  /** Where the result lines go; beside the file unless named. */
  readonly results?: string | undefined;
  /** Tries after a broken connection. */
  readonly tries?: number;
}

export interface IngestReport {
  readonly lines: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly results: string;
  readonly seconds: number;
}

interface Result {
  readonly line: number;
  readonly status: string;
}

/**
 * Sends a file of leads (CSV with a header row, or NDJSON) as one stream, and keeps a result line for every line of it. The idempotency
 * key is the file's own hash, so that the same file sent again, after a break or by mistake, makes no lead twice.
 */
export async function ingest(api: Api, options: IngestOptions, terminal: Terminal): Promise<IngestReport> {
  const { size } = await stat(options.file);
  const key = await hashOf(options.file);
  const results = options.results ?? `${options.file}.results.ndjson`;
  const began = performance.now();
  let waiting = false;
  for (let attempt = 1; ; attempt++) {
    try {
      const counted = await send(api, { ...options, results, key, size }, terminal);
      return { ...counted, results, seconds: (performance.now() - began) / 1_000 };
    } catch (error) {
      if (attempt >= (options.tries ?? 20) || !isBroken(error)) throw error;
      // Said once a break, not once a try.
      if (!waiting) terminal.line(`The connection broke (${(error as Error).message}); trying again until it is back. What was taken is not taken twice.`);
      waiting = /ECONNREFUSED/.test((error as Error).message);
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * attempt, 5_000)));
    }
  }
}

async function send(api: Api, job: IngestOptions & { results: string; key: string; size: number }, terminal: Terminal) {
  const source = createReadStream(job.file, { highWaterMark: 256 * 1024 });
  let sent = 0;
  source.on('data', (chunk) => { sent += chunk.length; });
  const ndjson = /\.(ndjson|jsonl)$/i.test(job.file);
  const query = job.campaign ? `?campaign=${encodeURIComponent(job.campaign)}` : '';
  const response = await api.stream(`/v1/leads:batch${query}`, source, { 'content-type': ndjson ? 'application/x-ndjson' : 'text/csv', 'idempotency-key': job.key });
  if (response.statusCode !== 200) throw new Error(`the platform answered ${response.statusCode}: ${(await response.body.text()).slice(0, 1_000)}`);
  const out = createWriteStream(job.results);
  const byStatus: Record<string, number> = {};
  let lines = 0;
  const bar = terminal.progress('lines');
  for await (const text of createInterface({ input: response.body as Readable, crlfDelay: Infinity })) {
    if (!text) continue;
    const result = JSON.parse(text) as Result;
    lines++;
    byStatus[result.status] = (byStatus[result.status] ?? 0) + 1;
    if (!out.write(`${text}\n`)) await once(out, 'drain');
    bar.update(lines, job.size === 0 ? 1 : sent / job.size);
  }
  bar.end();
  out.end();
  await once(out, 'finish');
  if (sent < job.size) throw Object.assign(new Error('the answer ended before the file did'), { code: 'UND_ERR_SOCKET' });
  return { lines, byStatus };
}

const broken = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ERR_STREAM_PREMATURE_CLOSE']);

function isBroken(error: unknown): boolean {
  const { code, cause, message } = error as { code?: string; cause?: { code?: string }; message?: string };
  return broken.has(code ?? '') || broken.has(cause?.code ?? '') || /platform answered (429|502|503)/.test(message ?? '') || message === 'terminated';
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
