import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { Database } from '@sluice/db';
import { ensureFirstTenant } from '@sluice/gateway';
import { seededRandom } from '@sluice/kernel';
import { Api } from '../api.js';
import { DataFolder } from '../data-folder.js';
import { compare, type Comparison } from '../prove/compare.js';
import { capsOf, proofDocument } from '../prove/document.js';
import { Receiver } from '../prove/receiver.js';
import { singleSubject, stackSubject, type Subject } from '../prove/subject.js';
import type { Terminal } from '../terminal.js';
import { generate } from './generate.js';
import { ingest } from './ingest.js';

export interface ProveOptions {
  readonly leads: number;
  readonly seed: string;
  /** Separate processes on Kafka instead of one process. */
  readonly stack: boolean;
  /** How often each process is killed by SIGKILL. */
  readonly kills: number;
  /** How often the broker is. */
  readonly brokerKills: number;
}

/**
 * Sends a file of sample leads through the whole platform to clients that reject, break off and fail, kills what it was asked to kill
 * meanwhile, waits until nothing moves, and compares the outside logs with the tables. Answers whether all of it agrees.
 */
export async function prove(options: ProveOptions, script: string, terminal: Terminal): Promise<boolean> {
  const folder = new DataFolder(mkdtempSync(path.join(os.tmpdir(), 'sluice-proof-')));
  terminal.line(`Proof in ${folder.path}, seed ${options.seed}: ${options.leads.toLocaleString('en')} leads, ${options.stack ? 'separate processes on Kafka' : 'one process'}.`);
  const receiver = new Receiver({ reject: 0.1, breakOff: 0.02, unavailable: 0.02 });
  const port = await receiver.listen();
  const subject = await (options.stack ? stackSubject : singleSubject)(folder, script, `127.0.0.1:${port}`, terminal);
  const pool = new pg.Pool({ connectionString: subject.databaseUrl, max: 2 });
  // The server is stopped at the end of the proof; its last words to idle connections are no failure.
  pool.on('error', () => undefined);
  try {
    const document = proofDocument(`http://127.0.0.1:${port}`, options.leads);
    const { tenantId, results, lines } = await send(options, subject, document, folder, terminal);
    const quiet = await untilQuiet(pool, tenantId, terminal);
    const comparisons = await compare({ pool, tenantId, receiver, results, lines, caps: capsOf(document) });
    comparisons.push({ what: 'everything came to rest', expected: 'yes', got: quiet ? 'yes' : 'no', holds: quiet });
    print(comparisons, terminal);
    terminal.out(`receivers: ${receiver.requests} requests, ${receiver.repeated} of them repetitions of a webhook id they knew`);
    return comparisons.every((comparison) => comparison.holds);
  } finally {
    await pool.end();
    await subject.stop();
    await receiver.close();
  }
}

async function send(options: ProveOptions, subject: Subject, document: string, folder: DataFolder, terminal: Terminal) {
  const database = await Database.open({ url: subject.databaseUrl, poolMax: 2 });
  const { tenantId, adminKey } = await ensureFirstTenant(database, { keyFile: folder.file('admin.key') });
  await database.close();
  const admin = new Api(subject.url, adminKey);
  await admin.call('PUT', '/v1/configuration', { body: document, headers: { prefer: 'wait=60' } });
  const { key } = await admin.call<{ key: string }>('POST', '/v1/sources', { body: { name: 'Proof', campaign: 'solar' } });
  await admin.close();
  const file = folder.file('leads.csv');
  await generate({ campaign: 'solar', count: options.leads, seed: options.seed, file });
  const killing = options.kills + options.brokerKills > 0 ? startKilling(options, subject, terminal) : undefined;
  const source = new Api(subject.url, key);
  const report = await ingest(source, { file, campaign: 'solar', tries: 500 }, terminal);
  await source.close();
  terminal.line(`${report.lines.toLocaleString('en')} lines answered in ${report.seconds.toFixed(1)} s (${Math.round(report.lines / report.seconds)}/s): ${JSON.stringify(report.byStatus)}`);
  await killing;
  return { tenantId, results: report.results, lines: options.leads };
}

/** Kills every process as often as asked, and the broker, one after the other in a seeded order, two to four seconds apart. */
async function startKilling(options: ProveOptions, subject: Subject, terminal: Terminal): Promise<void> {
  const random = seededRandom(`${options.seed}/kills`);
  const services = subject.victims.filter((name) => name !== 'kafka').flatMap((name) => Array<string>(options.kills).fill(name));
  const brokers = subject.victims.includes('kafka') ? Array<string>(options.brokerKills).fill('kafka') : [];
  for (const name of random.shuffle([...services, ...brokers])) {
    await new Promise((resolve) => setTimeout(resolve, 2_000 + random.next() * 2_000));
    terminal.line(`kill -9 ${name}`);
    await subject.kill(name);
  }
}

/** Nothing is in flight any more: every lead decided, every delivery settled, unchanged for three seconds. False after ten minutes. */
async function untilQuiet(pool: pg.Pool, tenantId: string, terminal: Terminal): Promise<boolean> {
  const bar = terminal.progress('settled');
  let before = '';
  let still = 0;
  for (let second = 0; second < 600; second++) {
    const { rows } = await pool.query<{ leads: string; decided: string; open: string; total: string; events: string }>(
      `SELECT (SELECT count(*) FROM intake.leads WHERE tenant_id = $1) AS leads,
              (SELECT count(*) FROM engine.leads WHERE tenant_id = $1) AS decided,
              (SELECT count(*) FROM engine.outbound_leads WHERE tenant_id = $1 AND state = 'reserved') AS open,
              (SELECT count(*) FROM engine.outbound_leads WHERE tenant_id = $1) AS total,
              (SELECT coalesce(sum(batch_no), 0) FROM engine.chain) AS events`, [tenantId]);
    const now = rows[0]!;
    const text = JSON.stringify(now);
    const settled = now.leads === now.decided && now.open === '0';
    still = settled && text === before ? still + 1 : 0;
    before = text;
    bar.update(Number(now.total) - Number(now.open), Number(now.total) === 0 ? 0 : 1 - Number(now.open) / Number(now.total));
    if (still >= 3) { bar.end(); return true; }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  bar.end();
  return false;
}

function print(comparisons: readonly Comparison[], terminal: Terminal): void {
  for (const { what, expected, got, holds } of comparisons) {
    terminal.out(`${holds ? 'ok  ' : 'FAIL'} ${what.padEnd(62)} ${expected.padStart(9)} ${holds ? '=' : '≠'} ${got}`);
  }
}
