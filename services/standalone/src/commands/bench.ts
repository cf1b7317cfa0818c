import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startKafka, startPostgres, whyNoKafka } from '@sluice/servers';
import { benchPipeline } from '../bench/pipeline.js';
import type { Row } from '../bench/row.js';
import type { Terminal } from '../terminal.js';

/** What a part needs: an empty database each, and a broker where there is one. */
export interface Bench {
  database(): Promise<string>;
  readonly brokers: readonly string[] | undefined;
  /** The rows of the parts that ran before. */
  readonly before: readonly Row[];
  readonly script: string;
  readonly terminal: Terminal;
}

const parts: Readonly<Record<string, (bench: Bench) => Promise<readonly Row[]>>> = {
  decide: async () => (await import('@sluice/distribution')).benchDecide(),
  replay: async () => (await import('@sluice/distribution')).benchReplay(),
  engine: async (bench) => (await import('@sluice/distribution-engine')).benchEngine({ url: await bench.database() }),
  scripts: async () => (await import('@sluice/distribution-engine')).benchScripts(),
  intake: async (bench) => (await import('@sluice/intake/bench')).benchIntake({ url: await bench.database() }),
  delivery: async (bench) => (await import('@sluice/delivery/bench')).benchDelivery({ url: await bench.database() }),
  windows: async (bench) => (await import('@sluice/workflow/bench')).benchWindows({ url: await bench.database() }),
  bus: async (bench) => (await import('@sluice/bus')).benchBus({ url: await bench.database(), ...(bench.brokers ? { brokers: bench.brokers } : {}) }),
  pipeline: (bench) => benchPipeline(bench),
};

/** Measures the named parts, or all, each against its limit in the same run; prints one table and writes it to bench/results.json. */
export async function bench(names: readonly string[], script: string, terminal: Terminal): Promise<void> {
  const unknown = names.find((name) => !(name in parts));
  if (unknown) throw new Error(`There is nothing to measure called "${unknown}"; there are ${Object.keys(parts).join(', ')}.`);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-'));
  const wanted = names.length > 0 ? names : Object.keys(parts);
  const postgres = await startPostgres({ dataDir: path.join(folder, 'postgres'), ephemeral: true });
  const needsKafka = wanted.includes('bus');
  if (needsKafka && whyNoKafka()) terminal.line(`Without Kafka: ${whyNoKafka()}. What needs it is left out.`);
  const kafka = needsKafka && !whyNoKafka() ? await startKafka({ dir: path.join(folder, 'kafka') }) : undefined;
  const rows: Row[] = [];
  let databases = 0;
  try {
    for (const name of wanted) {
      terminal.line(`Measuring ${name} …`);
      const measured = await parts[name]!({
        brokers: kafka?.brokers, before: rows, script, terminal,
        database: () => createDatabase(postgres.url, `bench_${++databases}`),
      });
      for (const row of measured) {
        rows.push(row);
        terminal.out(lineOf(row));
      }
    }
  } finally {
    await kafka?.stop();
    await postgres.stop();
  }
  mkdirSync('bench', { recursive: true });
  const machine = { cpus: os.cpus().length, model: os.cpus()[0]?.model, node: process.version, load: os.loadavg()[0] };
  writeFileSync('bench/results.json', `${JSON.stringify({ machine, rows }, null, 2)}\n`);
  terminal.line('The table stands in bench/results.json.');
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return Object.assign(new URL(server), { pathname: `/${name}` }).toString();
}

function lineOf({ what, measured, unit, against, ratio, goal, met }: Row): string {
  const number = measured >= 100 ? Math.round(measured).toLocaleString('en') : measured.toFixed(2);
  return [
    met ? 'met ' : 'NOT ', what.padEnd(64), number.padStart(12), (unit ?? '').padEnd(10), (ratio === undefined ? '' : `${ratio.toFixed(2)}×`).padStart(9), ` ${against ?? ''}`, `  goal ${goal}`,
  ].join(' ');
}
