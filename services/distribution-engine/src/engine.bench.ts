import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { busMigrations, PARTITIONS, PostgresBus, type Batch } from '@sluice/bus';
import { Database } from '@sluice/db';
import type { ConfigDocument, Row } from '@sluice/distribution';
import { itemsOf } from '@sluice/distribution';
import { ConfigurationChanged, LeadReceived, type Said } from '@sluice/events';
import { partitionOf, seededRandom, type SeededRandom } from '@sluice/kernel';
import { PinoLog, SystemClock } from '@sluice/runtime';
import pg from 'pg';
import { engineConfig } from './config.js';
import { EngineConsumer } from './engine.consumer.js';
import { Engine, EngineSettings } from './engine.service.js';
import { engineMigrations } from './migrations/index.js';
import { Partition } from './partition.service.js';
import { HEARD_TOPICS } from './step.js';

export interface EngineBenchOptions {
  /** An empty database on the server that is measured; its user may make roles. */
  readonly url: string;
  readonly leads?: number;
  readonly contracts?: number;
  readonly counters?: number;
}

const PRODUCTS = ['solar', 'roof', 'windows', 'hvac', 'siding', 'gutters', 'doors', 'floors', 'baths', 'kitchens'];
const STATES = ['NY', 'NJ', 'CA', 'TX', 'FL', 'WA', 'OR', 'NV', 'AZ', 'IL', 'OH', 'MI', 'PA', 'GA', 'NC', 'VA', 'MA', 'CO', 'MN', 'WI'];

/** Measures the engine end to end against COPY in the same run, and how fast it takes a large partition over. */
export async function benchEngine(options: EngineBenchOptions): Promise<Row[]> {
  const { url, leads = 40_000, contracts = 1_000, counters = 1_000_000 } = options;
  const database = await Database.open({ url, poolMax: 16, migrations: [...busMigrations, ...engineMigrations] as never });
  try {
    await database.migrate();
    const rows: Row[] = [];
    let peak = 0;
    for (const partitions of [1, 2]) {
      const engine = await endToEnd(database, tenantsIn(partitions, `run${partitions}`), leads, contracts);
      if (partitions === 1) peak = engine.rate;
      const raw = await rawCopy(database, url, leads, engine.bytes, partitions);
      const goal = partitions === 1 ? 0.4 : 0.5;
      rows.push({
        what: `engine end to end, ${partitions} partition${partitions > 1 ? 's' : ''}, ${contracts} contracts`,
        measured: Math.round(engine.rate), unit: 'leads/s',
        against: `COPY of rows of ${engine.bytes} bytes: ${Math.round(raw)}/s`, ratio: round(engine.rate / raw),
        goal: `≥ ${goal.toFixed(2)}${partitions === 2 ? '; ≥ 20,000 leads/s on 2 cores' : ''}`,
        met: engine.rate / raw >= goal && (partitions === 1 || engine.rate >= 20_000),
      });
    }
    rows.push(await latency(database, contracts, peak * 0.6));
    rows.push(await takeOver(database, counters));
    return rows;
  } finally {
    await database.close();
  }
}

/** A tenant each of so many partitions. */
function tenantsIn(partitions: number, prefix: string): string[] {
  const found = new Map<number, string>();
  for (let place = 0; found.size < partitions; place++) {
    const tenantId = `${prefix}-${place}`;
    const partition = partitionOf(tenantId, PARTITIONS);
    if (!found.has(partition)) found.set(partition, tenantId);
  }
  return [...found.values()];
}

/** Leads that stand in the log → all of them decided and committed: leads a second, and how many bytes a lead was written in. */
async function endToEnd(database: Database, tenants: readonly string[], leads: number,
  contracts: number): Promise<{ rate: number; bytes: number }> {
  const bus = await PostgresBus.open(database, { parallel: 4 });
  const engine = new Engine(new EngineSettings(engineConfig.parse({})), database, bus, new SystemClock(), new PinoLog('bench', 'error'));
  await bus.register('engine', HEARD_TOPICS);
  const random = seededRandom('engine bench');
  for (const tenantId of tenants) await say(database, bus, [configurationOf(tenantId, contracts, random)]);
  for (let from = 0; from < leads; from += 1000) {
    const count = Math.min(1000, leads - from);
    await say(database, bus, Array.from({ length: count },
      (_, place) => leadOf(tenants[(from + place) % tenants.length]!, from + place, random)));
  }
  const consumer = new EngineConsumer(engine);
  const before = await written(database, tenants);
  const beginning = await read(database);
  await consumer.onApplicationBootstrap();
  // The take-over and the configuration are not what is measured here.
  const warm = await readAtLeast(database, beginning + leads / 10);
  const started = performance.now();
  await readAtLeast(database, beginning + leads);
  const seconds = (performance.now() - started) / 1000;
  await consumer.beforeApplicationShutdown();
  const bytes = Math.round((await written(database, tenants) - before) / leads);
  await bus.close();
  return { rate: (beginning + leads - warm) / seconds, bytes };
}

/** How many leads were decided and committed, by the engine's positions: counting rows would slow down what is measured. */
async function read(database: Database): Promise<number> {
  const { rows } = await database.pool.query<{ read: string }>(
    `SELECT coalesce(sum(position), 0) AS read FROM log.position WHERE grp = 'engine' AND topic = 'sluice.intake'`);
  return Number(rows[0]!.read);
}

async function readAtLeast(database: Database, count: number): Promise<number> {
  for (;;) {
    const now = await read(database);
    if (now >= count) return now;
    await pause(10);
  }
}

async function say(database: Database, bus: PostgresBus, said: readonly Said[]): Promise<void> {
  await database.transaction({ service: 'log', tenants: [] }, async (tx) => bus.append(tx, said));
}

/** Leads that come evenly at a rate: how long after its own commit each is decided and committed. */
async function latency(database: Database, contracts: number, rate: number): Promise<Row> {
  const bus = await PostgresBus.open(database);
  const engine = new Engine(new EngineSettings(engineConfig.parse({})), database, bus, new SystemClock(), new PinoLog('bench', 'error'));
  await engine.open();
  const [tenantId] = tenantsIn(1, 'even');
  const random = seededRandom('latency');
  await say(database, bus, [configurationOf(tenantId!, contracts, random)]);
  const consumer = new EngineConsumer(engine);
  const committed: { last: number; at: number }[] = [];
  const subscription = await bus.own(Object.assign(Object.create(consumer) as EngineConsumer, {
    take: async (batch: Batch) => {
      const taken = await consumer.take(batch);
      if (batch.topic === LeadReceived.topic.name) taken.committed.then(() => committed.push({ last: batch.last, at: performance.now() }),
        () => undefined);
      return taken;
    },
  }));
  const bunch = Math.max(1, Math.round(rate / 100));
  const sent: number[] = [];
  const started = performance.now();
  // The first second warms up.
  for (let tick = 0; tick < 600; tick++) {
    await pause(Math.max(0, started + tick * 10 - performance.now()));
    await say(database, bus, Array.from({ length: bunch }, (_, place) => leadOf(tenantId!, tick * bunch + place, random)));
    sent.push(performance.now());
  }
  while ((committed.at(-1)?.last ?? 0) < sent.length * bunch) await pause(10);
  await subscription.close();
  await bus.close();
  const times = sent.slice(100).map((at, place) => committed.find(({ last }) => last >= (place + 101) * bunch)!.at - at).sort((a, b) =>
    a - b);
  const p99 = times[Math.floor(times.length * 0.99)]!;
  const flush = flushMs();
  return {
    what: `engine, from a lead's commit to its decision's, ${Math.round(rate)} leads/s`, measured: round(p99), unit: 'ms (p99)',
    against: `one fsync: ${round(flush)} ms; median ${round(times[Math.floor(times.length / 2)]!)} ms`, goal: '≤ 3 fsyncs + 5 ms',
    met: p99 <= 3 * flush + 5,
  };
}

/** The 99th percentile of writing 8 kB and having the disk take it. */
function flushMs(): number {
  const file = path.join(os.tmpdir(), `sluice-flush-${process.pid}`);
  const handle = fs.openSync(file, 'w');
  const page = Buffer.alloc(8192);
  const times = Array.from({ length: 300 }, (_, place) => {
    const started = performance.now();
    fs.writeSync(handle, page, 0, page.length, place * page.length);
    fs.fdatasyncSync(handle);
    return performance.now() - started;
  }).sort((a, b) => a - b);
  fs.closeSync(handle);
  fs.rmSync(file);
  return times[Math.floor(times.length * 0.99)]!;
}

/** Bytes of what the engine wrote for the tenants, its events among them. */
async function written(database: Database, tenants: readonly string[]): Promise<number> {
  const { rows } = await database.pool.query<{ bytes: string }>(
    `SELECT (SELECT coalesce(sum(octet_length(lead) + octet_length(life) + octet_length(attempts) + 60), 0) FROM engine.leads
      WHERE tenant_id = ANY ($1))
          + (SELECT coalesce(sum(octet_length(receipt) + octet_length(attempt_id) + 60), 0) FROM engine.attempts WHERE tenant_id = ANY ($1))
          + (SELECT count(*) * 180 FROM engine.outbound_leads WHERE tenant_id = ANY ($1))
          + (SELECT coalesce(sum(octet_length(heads) + octet_length(bodies)), 0) FROM log.run WHERE topic = 'sluice.distribution')
            AS bytes`, [tenants]);
  return Number(rows[0]!.bytes);
}

/** The limit: as many rows of as many bytes by COPY, 5,000 a transaction, over as many connections. */
async function rawCopy(database: Database, url: string, rows: number, bytes: number, connections: number): Promise<number> {
  await database.pool.query('DROP TABLE IF EXISTS bench_raw; CREATE TABLE bench_raw (id text PRIMARY KEY, body text NOT NULL)');
  const body = 'x'.repeat(Math.max(1, bytes - 36));
  const chunks: string[] = [];
  for (let from = 0; from < rows; from += 5000) {
    chunks.push(Array.from({ length: Math.min(5000, rows - from) }, (_, place) =>
      `${String(from + place).padStart(36, '0')}\t${body}\n`).join(''));
  }
  const clients = await Promise.all(Array.from({ length: connections }, async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  }));
  const started = performance.now();
  await Promise.all(clients.map(async (client) => {
    for (let chunk = chunks.pop(); chunk !== undefined; chunk = chunks.pop()) await copyIn(client, 'COPY bench_raw FROM STDIN', chunk);
  }));
  const seconds = (performance.now() - started) / 1000;
  await Promise.all(clients.map((client) => client.end()));
  await database.pool.query('DROP TABLE bench_raw');
  return rows / seconds;
}

interface CopyConnection { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }

/** COPY … FROM STDIN with one chunk, by the driver's own protocol messages. */
function copyIn(client: pg.Client, text: string, chunk: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new pg.Query(text, undefined as never, (error: Error | undefined) => { if (error) reject(error); else resolve(); });
    Object.assign(query, {
      handleCopyInResponse: (connection: CopyConnection) => {
        connection.sendCopyFromChunk(Buffer.from(chunk));
        connection.endCopyFrom();
      },
    });
    client.query(query);
  });
}

/** From the call to a partition that can be decided on: 10,000 contracts and a million counters. */
async function takeOver(database: Database, counters: number): Promise<Row> {
  const contracts = 10_000;
  const [tenantId] = tenantsIn(1, 'large');
  const partition = partitionOf(tenantId!, PARTITIONS);
  const items = itemsOf(documentOf(contracts, seededRandom('take over')));
  await database.pool.query('INSERT INTO engine.tenants (tenant_id, partition) VALUES ($1, $2)', [tenantId, partition]);
  await database.pool.query('INSERT INTO engine.configuration_versions (tenant_id, version, taken_at) VALUES ($1, 1, 0)', [tenantId]);
  await database.pool.query(
    `INSERT INTO engine.configuration_items (tenant_id, kind, id, version, entry, body)
     SELECT $1, i->>'kind', i->>'id', 1, (i->>'entry')::int, i->>'body' FROM json_array_elements($2::json)
       AS i`, [tenantId, JSON.stringify(items)]);
  await database.pool.query(
    `INSERT INTO engine.state (tenant_id, key, value)
     SELECT $1, 'cap|contract|c' || (n % $3::int) || '|day|count|2026-' || lpad((n / $3::int)::text, 4, '0'), (n % 20 + 1)::text
       FROM generate_series(0, $2::int - 1) AS n`, [tenantId, counters, contracts]);
  await database.pool.query('ANALYZE engine.state');
  const bus = await PostgresBus.open(database);
  const engine = new Engine(new EngineSettings(engineConfig.parse({})), database, bus, new SystemClock(), new PinoLog('bench', 'error'));
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    await Partition.takeOver(engine, partition);
    times.push(performance.now() - started);
  }
  await bus.close();
  const ms = Math.round(times.sort((a, b) => a - b)[1]!);
  return {
    what: `engine takes over a partition: ${contracts.toLocaleString('en')} contracts, ${counters.toLocaleString('en')} counters`,
    measured: ms, unit: 'ms',
    goal: '≤ 2,000 ms', met: ms <= 2000,
  };
}

/** Contracts of a realistic, skewed kind: a product each, two to five states, an age range, a daily cap. */
function documentOf(contracts: number, random: SeededRandom): ConfigDocument {
  const clients = Math.max(2, Math.round(contracts / 4));
  return {
    apiVersion: 'v1',
    timezone: 'America/New_York',
    clients: Array.from({ length: clients }, (_, place) => ({ id: `client-${place}`, timezone: 'America/Chicago' })),
    deliveryMethods: [{ id: 'hook', type: 'webhook', url: 'https://example.com/hook' }],
    contracts: Array.from({ length: contracts }, (_, place) => ({
      id: `c${place}`, client: `client-${place % clients}`, price: (5 + random.int(0, 9500) / 100).toFixed(2),
      maxShareCount: random.int(1, 4),
      deliveryMethod: 'hook', caps: { day: 1_000_000, month: 10_000_000 },
      criteria: { all: [
        { field: 'product', op: 'equals' as const, value: random.pick(PRODUCTS) },
        { field: 'state', op: 'in' as const, value: random.shuffle(STATES).slice(0, random.int(1, 2)) },
        { field: 'age', op: 'between' as const, value: [random.int(18, 40), random.int(45, 90)] },
      ] },
    })),
    campaigns: [{ id: 'home', workflow: 'w' }],
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price', take: 2 }] }],
  };
}

function configurationOf(tenantId: string, contracts: number, random: SeededRandom): Said {
  const items = itemsOf(documentOf(contracts, random)).map(({ kind, id, entry, body }) => ({ kind, id, entry, body: body as never }));
  return ConfigurationChanged.make({ tenantId, version: 1, part: 1, parts: 1, items }, { id: `${tenantId}-config`, time: 0 });
}

function leadOf(tenantId: string, place: number, random: SeededRandom): Said {
  const leadId = `0198c000-0000-7000-8000-${String(place).padStart(12, '0')}`;
  return LeadReceived.make({
    tenantId, leadId, campaignId: 'home', sourceId: 'web', receivedAt: '2026-03-02T12:00:00.000Z', configurationVersion: 1,
    attributes: {
      product: random.pick(PRODUCTS), state: random.pick(STATES), age: random.int(18, 90), 'zip.prefix': String(random.int(100, 999)),
      homeowner: random.chance(0.7),
      credit: random.int(500, 850), roof: random.pick(['asphalt', 'tile', 'metal']),
    },
    phoneHash: `p${random.int(0, 1e9)}`, emailHash: `e${random.int(0, 1e9)}`,
  }, { id: `lead-${leadId}`, time: 0, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
}

const round = (value: number) => Math.round(value * 100) / 100;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
