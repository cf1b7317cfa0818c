import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { Database } from '@sluice/db';
import { ensureFirstTenant } from '@sluice/gateway';
import { whyNoKafka } from '@sluice/servers';
import { Api } from '../api.js';
import type { Bench } from '../commands/bench.js';
import { generate } from '../commands/generate.js';
import { ingest } from '../commands/ingest.js';
import { DataFolder } from '../data-folder.js';
import { amountsOf, proofDocument } from '../prove/document.js';
import { Receiver } from '../prove/receiver.js';
import { singleSubject, stackSubject, type Subject } from '../prove/subject.js';
import type { Row } from './row.js';

const LEADS = 20_000;

/** A file of leads through everything, everything on this machine: until all are decided, and until all webhooks are answered. */
export async function benchPipeline(bench: Bench): Promise<Row[]> {
  const rows = await onOne('one process, the log in Postgres', singleSubject, bench);
  if (whyNoKafka()) bench.terminal.line(`Without Kafka: ${whyNoKafka()}. The pipeline on Kafka is left out.`);
  else rows.push(...(await onOne('separate processes on Kafka', stackSubject, bench)));
  return rows;
}

async function onOne(name: string, start: typeof singleSubject, bench: Bench): Promise<Row[]> {
  const folder = new DataFolder(mkdtempSync(path.join(os.tmpdir(), 'sluice-pipeline-')));
  const receiver = new Receiver({ reject: 0, breakOff: 0, unavailable: 0 });
  const port = await receiver.listen();
  const subject = await start(folder, bench.script, `127.0.0.1:${port}`, bench.terminal);
  const pool = new pg.Pool({ connectionString: subject.databaseUrl, max: 1 });
  pool.on('error', () => undefined);
  try {
    const atOnce = JSON.parse(proofDocument(`http://127.0.0.1:${port}`, amountsOf(LEADS))) as { contracts: { deliveryMethod?: string }[] };
    // Without a delivery method a contract accepts at once: what is left is the way from the file to the decision.
    for (const contract of atOnce.contracts) delete contract.deliveryMethod;
    const decided = await rate(subject, pool, folder, JSON.stringify(atOnce), bench);
    const delivered = await rate(subject, pool, folder, proofDocument(`http://127.0.0.1:${port}`, amountsOf(LEADS)), bench);
    const slowest = Math.min(...bench.before.filter((row) => /leads|lead/.test(row.unit ?? '') && row.measured > 100).map((row) => row.measured), Infinity);
    const against = Number.isFinite(slowest) ? { against: `slowest stage alone, ${Math.round(slowest).toLocaleString('en')}/s`, ratio: decided / slowest } : {};
    return [
      { what: `file → decision committed (${name})`, measured: decided, unit: 'leads/s', goal: '≥ 0.6; ≥ 8,000/s', met: decided >= 8_000, ...against },
      { what: `file → every webhook answered (${name})`, measured: delivered, unit: 'leads/s', goal: '≥ 4,000/s', met: delivered >= 4_000 },
    ];
  } finally {
    await pool.end();
    await subject.stop();
    await receiver.close();
  }
}

/** Leads a second from the first byte of the file until nothing of it is open. */
async function rate(subject: Subject, pool: pg.Pool, folder: DataFolder, document: string, bench: Bench): Promise<number> {
  const database = await Database.open({ url: subject.databaseUrl, poolMax: 2 });
  const { adminKey } = await ensureFirstTenant(database, { keyFile: folder.file('admin.key') });
  await database.close();
  const admin = new Api(subject.url, adminKey);
  await admin.call('PUT', '/v1/configuration', { body: document, headers: { prefer: 'wait=60' } });
  const name = `bench-${Math.trunc(performance.now())}`;
  const { key } = await admin.call<{ key: string }>('POST', '/v1/sources', { body: { name, campaign: 'solar' } });
  await admin.close();
  const file = folder.file(`${name}.csv`);
  await generate({ campaign: 'solar', count: LEADS, seed: name, file });
  const before = await counts(pool);
  const source = new Api(subject.url, key);
  const began = performance.now();
  await ingest(source, { file, campaign: 'solar' }, bench.terminal);
  for (let now = await counts(pool); now.decided < before.decided + LEADS || now.open > 0; now = await counts(pool)) {
    if (performance.now() - began > 300_000) throw new Error('the pipeline did not come to rest within five minutes');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await source.close();
  return LEADS / ((performance.now() - began) / 1_000);
}

async function counts(pool: pg.Pool): Promise<{ decided: number; open: number }> {
  const { rows } = await pool.query<{ decided: string; open: string }>(
    `SELECT (SELECT count(*) FROM engine.leads) AS decided, (SELECT count(*) FROM engine.outbound_leads WHERE state = 'reserved') AS open`);
  return { decided: Number(rows[0]!.decided), open: Number(rows[0]!.open) };
}
