import { createService, Database } from '@sluice/db';
import { OutboundLeadAccepted, type Said } from '@sluice/events';
import { partitionOf } from '@sluice/kernel';
import { Kafka, logLevel } from 'kafkajs';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PARTITIONS, type Bus } from './bus.js';
import { KafkaBus } from './kafka-bus.js';
import { messageOf } from './kafka-record.js';
import { busMigrations } from './migrations/index.js';
import { PostgresBus } from './postgres-bus.js';
import { Relay } from './relay.js';

/** A line of the table that `bench` prints. */
export interface BenchRow {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly against: string;
  readonly ratio: number;
  readonly goal: string;
  readonly met: boolean;
}

export interface BusBenchOptions {
  /** An empty database on the server that is measured; its user may make roles. */
  readonly url: string;
  /** host:port of a broker; without it what needs Kafka is left out. */
  readonly brokers?: readonly string[];
  readonly events?: number;
}

const TOPIC = OutboundLeadAccepted.topic.name;
const BATCH = 1_000;

/** Each side is measured in turn, so often. */
const ROUNDS = 3;

/** Events a second of the two sides, one after the other. */
interface Round {
  readonly measured: number;
  readonly raw: number;
}

class Bench1764000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'bench');
  }

  async down(): Promise<void> {
    // Of a database of this run alone.
  }
}

/** Measures the log against what lies beneath it, in the same run: reading the table, relaying, and the whole way over Kafka. */
export async function benchBus(options: BusBenchOptions): Promise<BenchRow[]> {
  const { url, brokers, events = 50_000 } = options;
  const database = await Database.open({ url, poolMax: 16, migrations: [...busMigrations, Bench1764000000009] });
  try {
    await database.migrate();
    const rows = [await benchTable(database, events)];
    if (brokers) {
      rows.push(await benchRelay(database, brokers, events));
      rows.push(await benchKafka(database, brokers, events));
    }
    return rows;
  } finally {
    await database.close();
  }
}

/** A backlog in four partitions → handled by a group that does nothing, against paging through the same rows. */
async function benchTable(database: Database, events: number): Promise<BenchRow> {
  const bus = await PostgresBus.open(database);
  await appendAll(database, bus, eventsOf(events));
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push({ measured: await handled(bus, `bench-table-${i}`, events), raw: events / (await pageThrough(database)) });
  await bus.close();
  return row('Postgres log: backlog → handled, position committed', rounds, 'SELECT of the same rows, position saved, nothing parsed', 0.5);
}

/** Seconds that it takes to read all rows by position, a position saved after each. */
async function pageThrough(database: Database): Promise<number> {
  const read = 'SELECT first_seq, count, heads, bodies FROM log.run WHERE topic = $1 AND partition = $2 AND first_seq > $3 ORDER BY first_seq LIMIT 1';
  const save = `INSERT INTO log.position VALUES ('bench-raw', $1, $2, $3) ON CONFLICT (grp, topic, partition) DO UPDATE SET position = $3`;
  const started = performance.now();
  for (let after = 0, partition = 0; partition < PARTITIONS;) {
    const { rows } = await database.pool.query<{ first_seq: string }>({ name: 'raw', text: read, values: [TOPIC, partition, after] });
    if (rows[0]) {
      after = Number(rows[0].first_seq);
      await database.pool.query({ name: 'save', text: save, values: [TOPIC, partition, after] });
    } else {
      [partition, after] = [partition + 1, 0];
    }
  }
  return (performance.now() - started) / 1_000;
}

/** The backlog → acknowledged by the broker, position moved; against the client sending the same messages. */
async function benchRelay(database: Database, brokers: readonly string[], events: number): Promise<BenchRow> {
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const prefix = `relay${i}-${Math.floor(performance.now())}.`;
    const raw = await producedAlone(brokers, prefix, eventsOf(events));
    await empty(database);
    const bus = await PostgresBus.open(database);
    await appendAll(database, bus, eventsOf(events));
    await bus.close();
    const relay = await Relay.start(database, { brokers, prefix });
    const started = performance.now();
    const before = await relayed(database);
    let after = before;
    await until(async () => (after = await relayed(database)) >= events);
    rounds.push({ raw, measured: (after - before) / ((performance.now() - started) / 1_000) });
    await relay.close();
  }
  return row('relay: backlog → acknowledged, position moved', rounds, 'kafkajs producing the same messages by 1,000', 0.9);
}

/** append → relay → handled and position committed, all at once; against kafkajs producing and consuming batch for batch. */
async function benchKafka(database: Database, brokers: readonly string[], events: number): Promise<BenchRow> {
  await empty(database);
  const options = { brokers, prefix: `bus${Math.floor(performance.now())}.` };
  const bus = await KafkaBus.open(database, options);
  const relay = await Relay.start(database, options);
  let count = 0;
  await bus.subscribe({
    group: 'bench-kafka', service: 'bench', topics: [TOPIC], types: [OutboundLeadAccepted.type], batchMax: BATCH,
    handle: (batch) => Promise.resolve(void (count += batch.events.length)),
  });
  await appendAll(database, bus, eventsOf(PARTITIONS, 'warm'));
  await until(() => Promise.resolve(count >= PARTITIONS));
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const raw = await throughAlone(brokers, `alone${i}-${options.prefix}`, eventsOf(events));
    count = 0;
    const started = performance.now();
    await appendAll(database, bus, eventsOf(events, `through${i}`));
    await until(() => Promise.resolve(count >= events));
    rounds.push({ raw, measured: events / ((performance.now() - started) / 1_000) });
  }
  await bus.close();
  await relay.close();
  return row('Kafka driver: append → relay → handled, position committed', rounds, 'kafkajs alone: produce → consume → commit, by 1,000', 0.8);
}

/** As if nothing had ever been said. */
async function empty(database: Database): Promise<void> {
  await database.pool.query('TRUNCATE log.run, log.head, log.position, log.registration, log.lease, log.member, log.parked');
}

async function relayed(database: Database): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(`SELECT coalesce(sum(position), 0)::float8 AS n FROM log.position WHERE grp = 'kafka-relay'`);
  return rows[0]!.n;
}

/** Events a second from the first batch on: joining the group is another matter. */
async function handled(bus: Bus, group: string, events: number): Promise<number> {
  let count = 0;
  let started: number | undefined;
  let before = 0;
  await bus.subscribe({
    group, service: 'bench', topics: [TOPIC], types: [OutboundLeadAccepted.type], batchMax: BATCH,
    handle: (batch) => {
      count += batch.events.length;
      if (started === undefined) [started, before] = [performance.now(), count];
      return Promise.resolve();
    },
  });
  await until(() => Promise.resolve(count >= events));
  return (events - before) / ((performance.now() - started!) / 1_000);
}

async function producedAlone(brokers: readonly string[], prefix: string, events: readonly Said[]): Promise<number> {
  const kafka = await withTopic(brokers, prefix);
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const started = performance.now();
  for (let at = 0; at < events.length; at += BATCH) {
    await producer.send({ topic: prefix + TOPIC, acks: -1, messages: messagesOf(events, at) });
  }
  const seconds = (performance.now() - started) / 1_000;
  await producer.disconnect();
  return events.length / seconds;
}

async function throughAlone(brokers: readonly string[], prefix: string, events: readonly Said[]): Promise<number> {
  const kafka = await withTopic(brokers, prefix);
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId: `${prefix}alone`, maxWaitTimeInMs: 500 });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: prefix + TOPIC, fromBeginning: true });
  let count = 0;
  await consumer.run({
    autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, uncommittedOffsets }) => {
      for (const message of batch.messages) JSON.parse(message.value!.toString());
      resolveOffset(batch.lastOffset());
      await commitOffsetsIfNecessary(uncommittedOffsets());
      count += batch.messages.length;
    },
  });
  await producer.send({ topic: prefix + TOPIC, acks: -1, messages: messagesOf(eventsOf(PARTITIONS), 0) });
  await until(() => Promise.resolve(count >= PARTITIONS));
  count = 0;
  const started = performance.now();
  for (let at = 0; at < events.length; at += BATCH) {
    await producer.send({ topic: prefix + TOPIC, acks: -1, messages: messagesOf(events, at) });
  }
  await until(() => Promise.resolve(count >= events.length));
  const seconds = (performance.now() - started) / 1_000;
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
  return events.length / seconds;
}

async function withTopic(brokers: readonly string[], prefix: string): Promise<Kafka> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: prefix + TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }] });
  await admin.disconnect();
  return kafka;
}

const messagesOf = (events: readonly Said[], at: number) =>
  events.slice(at, at + BATCH).map((event, i) => messageOf({ ...event, seq: at + i }, partitionOf(event.key, PARTITIONS)));

/** Events of some 540 bytes, spread over a few tenants as a batch of an engine's partition is. */
function eventsOf(count: number, from = 'e'): Said[] {
  return Array.from({ length: count }, (_, i) => OutboundLeadAccepted.make({
    tenantId: `tenant-${Math.floor(i / BATCH) % 4}`, leadId: `0193b7a4-7c1e-7f3a-9b2d-${String(i).padStart(12, '0')}`, outboundLeadId: `0193b7a4-0000-8000-8000-${String(i).padStart(12, '0')}`,
    contractId: 'contract-0193b7a4', reference: 'x'.repeat(300),
  } as never, { id: `${from}-${i}`, time: 1_700_000_000_000 + i, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }));
}

async function appendAll(database: Database, bus: Bus, events: readonly Said[]): Promise<void> {
  for (let at = 0; at < events.length; at += BATCH)
    await database.transaction({ service: 'bench', tenants: [] }, async (tx) => bus.append(tx, events.slice(at, at + BATCH)));
}

async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** The middle one of the rounds, by its ratio: what else a machine does meanwhile hits one side of a round or the other. */
function row(what: string, rounds: readonly Round[], against: string, goal: number): BenchRow {
  const { measured, raw } = [...rounds].sort((a, b) => a.measured / a.raw - b.measured / b.raw)[Math.floor(rounds.length / 2)]!;
  return {
    what, measured: Math.round(measured), unit: 'events/s', against: `${against}: ${Math.round(raw)}/s`,
    ratio: Math.round((measured / raw) * 100) / 100, goal: `≥ ${goal}`, met: measured / raw >= goal,
  };
}
