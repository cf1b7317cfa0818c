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
  const { url, brokers, events = 100_000 } = options;
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
  const said = eventsOf(events);
  await appendAll(database, bus, said);
  const perSecond = await handled(bus, 'bench-table', events);
  await bus.close();
  const raw = await best(3, async () => {
    for (let after = 0, partition = 0; partition < PARTITIONS;) {
      const { rows } = await database.pool.query<{ first_seq: string; count: number; heads: string; bodies: string }>({
        name: 'raw', text: 'SELECT first_seq, count, heads, bodies FROM log.run WHERE topic = $1 AND partition = $2 AND first_seq > $3 ORDER BY first_seq LIMIT 1',
        values: [TOPIC, partition, after],
      });
      if (rows.length > 0) {
        after = Number(rows[rows.length - 1]!.first_seq);
        await database.pool.query({
          name: 'save', text: `INSERT INTO log.position VALUES ('bench-raw', $1, $2, $3) ON CONFLICT (grp, topic, partition) DO UPDATE SET position = $3`, values: [TOPIC, partition, after],
        });
      } else [partition, after] = [partition + 1, 0];
    }
  });
  return row('Postgres log: backlog → handled, position committed', perSecond, 'SELECT of the same rows, position saved, nothing parsed', events / raw, 0.5);
}

/** The backlog → acknowledged by the broker, position moved; against the client sending the same messages. */
async function benchRelay(database: Database, brokers: readonly string[], events: number): Promise<BenchRow> {
  const prefix = `relay${Date.now()}.`;
  const raw = await producedAlone(brokers, prefix, eventsOf(events));
  const started = performance.now();
  const relay = await Relay.start(database, { brokers, prefix });
  const boot = performance.now() - started;
  await until(async () => {
    const { rows } = await database.pool.query(`SELECT 1 FROM log.position p JOIN log.head h USING (topic, partition) WHERE grp = 'kafka-relay' AND p.position < h.head LIMIT 1`);
    return rows.length === 0;
  });
  const seconds = (performance.now() - started - boot) / 1_000;
  await relay.close();
  return row('relay: backlog → acknowledged, position moved', events / seconds, 'kafkajs producing the same messages by 1,000', raw, 0.9);
}

/** append → relay → handled and position committed, all at once; against kafkajs producing and consuming batch for batch. */
async function benchKafka(database: Database, brokers: readonly string[], events: number): Promise<BenchRow> {
  const alone = await throughAlone(brokers, `alone${Date.now()}.`, eventsOf(events));
  const options = { brokers, prefix: `bus${Date.now()}.` };
  // The relay and the group begin behind what the other rows have left.
  await database.pool.query(`UPDATE log.position p SET position = h.head FROM log.head h WHERE h.topic = p.topic AND h.partition = p.partition AND grp = 'kafka-relay'`);
  const bus = await KafkaBus.open(database, options);
  await bus.register('bench-kafka', [TOPIC]);
  await database.pool.query(`UPDATE log.position p SET position = h.head FROM log.head h WHERE h.topic = p.topic AND h.partition = p.partition AND grp = 'bench-kafka'`);
  const relay = await Relay.start(database, options);
  let count = 0;
  await bus.subscribe({
    group: 'bench-kafka', service: 'bench', topics: [TOPIC], types: [OutboundLeadAccepted.type], batchMax: BATCH,
    handle: (batch) => Promise.resolve(void (count += batch.events.length)),
  });
  await appendAll(database, bus, eventsOf(PARTITIONS, 'warm'));
  await until(() => Promise.resolve(count > 0));
  count = 0;
  const started = performance.now();
  await appendAll(database, bus, eventsOf(events, 'through'));
  await until(() => Promise.resolve(count >= events));
  const perSecond = events / ((performance.now() - started) / 1_000);
  await bus.close();
  await relay.close();
  return row('Kafka driver: append → relay → handled, position committed', perSecond, 'kafkajs alone: produce → consume → commit, by 1,000', alone, 0.8);
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

async function best(times: number, work: () => Promise<void>): Promise<number> {
  let seconds = Infinity;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await work();
    seconds = Math.min(seconds, (performance.now() - started) / 1_000);
  }
  return seconds;
}

function row(what: string, perSecond: number, against: string, rawPerSecond: number, goal: number): BenchRow {
  const ratio = Math.round((perSecond / rawPerSecond) * 100) / 100;
  return {
    what, measured: Math.round(perSecond), unit: 'events/s', against: `${against}: ${Math.round(rawPerSecond)}/s`, ratio, goal: `≥ ${goal}`, met: perSecond / rawPerSecond >= goal,
  };
}
