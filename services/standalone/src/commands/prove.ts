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
import { amountsOf, capsOf, proofDocument, type Amounts } from '../prove/document.js';
import { actAsPeople, until } from '../prove/people.js';
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
    const amounts = amountsOf(options.leads);
    const document = proofDocument(`http://127.0.0.1:${port}`, amounts);
    const { tenantId, results, asked } = await send(options, subject, { document, amounts, folder, pool }, terminal);
    const quiet = await untilQuiet(pool, tenantId, terminal);
    const comparisons = await compare({ pool, tenantId, receiver, results, amounts, asked, caps: capsOf(document) });
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

interface Prepared {
  readonly document: string;
  readonly amounts: Amounts;
  readonly folder: DataFolder;
  readonly pool: pg.Pool;
}

async function send(options: ProveOptions, subject: Subject, { document, amounts, folder, pool }: Prepared, terminal: Terminal) {
  const database = await Database.open({ url: subject.databaseUrl, poolMax: 2 });
  const { tenantId, adminKey } = await ensureFirstTenant(database, { keyFile: folder.file('admin.key') });
  await database.close();
  const admin = new Api(subject.url, adminKey);
  await admin.call('PUT', '/v1/configuration', { body: document, headers: { prefer: 'wait=60' } });
  const keys = await Promise.all(['solar', 'patient', 'brief'].map(async (campaign) =>
    [campaign, (await admin.call<{ key: string }>('POST', '/v1/sources', { body: { name: `Proof ${campaign}`, campaign } })).key] as const));
  const key = new Map(keys);
  const sendTo = async (campaign: string, count: number): Promise<string> => {
    const file = folder.file(`${campaign}.csv`);
    await generate({ campaign: 'solar', count, seed: `${options.seed}/${campaign}`, file });
    const source = new Api(subject.url, key.get(campaign)!);
    const report = await ingest(source, { file, campaign, tries: 500 }, terminal).finally(() => source.close());
    const rate = Math.round(report.lines / report.seconds);
    terminal.line(`${report.lines.toLocaleString('en')} lines of "${campaign}" answered in ${report.seconds.toFixed(1)} s (${rate}/s): ${JSON.stringify(report.byStatus)}`);
    return report.results;
  };
  const patience = async () => {
    const results = [await sendTo('brief', amounts.brief), await sendTo('patient', amounts.patient)];
    await until(async () => (await openWindows(pool, tenantId)) >= amounts.patient);
    allWait();
    return { results, asked: await actAsPeople(admin, amounts, terminal) };
  };
  let allWait: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => { allWait = resolve; });
  const killing = options.kills + options.brokerKills > 0 ? startKilling(options, subject, waiting, terminal) : undefined;
  try {
    const [results, waited] = await Promise.all([sendTo('solar', amounts.leads), patience()]);
    await killing;
    return { tenantId, results: [results, ...waited.results], asked: waited.asked };
  } finally {
    await admin.close();
  }
}

async function openWindows(pool: pg.Pool, tenantId: string): Promise<number> {
  const { rows } = await pool.query<{ n: string }>(
    `SELECT count(*) AS n FROM workflow.windows WHERE tenant_id = $1 AND campaign_id = 'patient' AND state = 'open'`, [tenantId]);
  return Number(rows[0]!.n);
}

/**
 * Kills every process as often as asked, and the broker, one after the other in a seeded order: half of it while leads come in, half while
 * those that wait are brought forward and people act.
 */
async function startKilling(options: ProveOptions, subject: Subject, waiting: Promise<void>, terminal: Terminal): Promise<void> {
  const random = seededRandom(`${options.seed}/kills`);
  const services = subject.victims.filter((name) => name !== 'kafka').flatMap((name) => Array<string>(options.kills).fill(name));
  const brokers = subject.victims.includes('kafka') ? Array<string>(options.brokerKills).fill('kafka') : [];
  const victims = random.shuffle([...services, ...brokers]);
  for (const [place, name] of victims.entries()) {
    const isSecondHalf = place >= Math.floor(victims.length / 2);
    if (isSecondHalf) await waiting;
    await new Promise((resolve) => setTimeout(resolve, isSecondHalf ? 200 + random.next() * 1_800 : 2_000 + random.next() * 2_000));
    terminal.line(`kill -9 ${name}`);
    await subject.kill(name);
  }
}

/** Nothing is in flight any more: every lead decided, every delivery settled, what is over ended, unchanged for three seconds. */
async function untilQuiet(pool: pg.Pool, tenantId: string, terminal: Terminal): Promise<boolean> {
  const bar = terminal.progress('settled');
  let before = '';
  let still = 0;
  for (let second = 0; second < 600; second++) {
    const { rows } = await pool.query<{ leads: string; decided: string; open: string; total: string; due: string; events: string }>(
      `SELECT (SELECT count(*) FROM intake.leads WHERE tenant_id = $1) AS leads,
              (SELECT count(*) FROM engine.leads WHERE tenant_id = $1) AS decided,
              (SELECT count(*) FROM engine.outbound_leads WHERE tenant_id = $1 AND state = 'reserved') AS open,
              (SELECT count(*) FROM engine.outbound_leads WHERE tenant_id = $1) AS total,
              (SELECT count(*) FROM workflow.window_wakes WHERE tenant_id = $1) + (SELECT count(*) FROM workflow.windows
                WHERE tenant_id = $1 AND campaign_id = 'brief' AND state = 'open') AS due,
              (SELECT coalesce(sum(batch_no), 0) FROM engine.chain) AS events`, [tenantId]);
    const now = rows[0]!;
    const text = JSON.stringify(now);
    const settled = now.leads === now.decided && now.open === '0' && now.due === '0';
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
