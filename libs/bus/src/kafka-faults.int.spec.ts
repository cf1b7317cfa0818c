import 'reflect-metadata';
import { afterEach, expect, it } from '@jest/globals';
import { Database } from '@sluice/db';
import { OutboundLeadAccepted } from '@sluice/events';
import { partitionOf } from '@sluice/kernel';
import { describeWithKafka, describeWithOwnKafka, ownKafka, testKafka } from '@sluice/testing';
import { Kafka, logLevel } from 'kafkajs';
import { accepted, eventually, TOPIC } from './bus.suite.js';
import { databaseHarness, type DatabaseHarness } from './database-harness.suite.js';
import { coPartitions } from './co-partitioned.js';
import { KafkaBus, LogGap, Relay, type Bus, type Consumer } from './index.js';
import { messageOf } from './kafka-record.js';
import { RELAY } from './relay.store.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function world(kafka: { brokers: readonly string[]; prefix: string }, onFatal?: (error: Error) => void) {
  const options = { ...kafka, sessionTimeoutMs: 6_000, onFatal };
  const harness = await databaseHarness((database) => KafkaBus.open(database, options));
  closing.push(() => harness.close());
  const bus = await harness.open();
  closing.push(() => bus.close());
  const relayOn = async () => {
    const database = await Database.open({ url: harness.clone.url });
    const relay = await Relay.start(database, options);
    return { close: async () => { await relay.close(); await database.close(); } };
  };
  return { harness, bus, options, relayOn };
}

const consumer = (harness: DatabaseHarness): Consumer => ({
  group: 'g', service: 'suite', topics: [TOPIC], types: [OutboundLeadAccepted.type], handle: (batch, tx) => harness.record(tx, 'g', batch, batch.events),
});
const say = (harness: DatabaseHarness, bus: Bus, ids: readonly string[]) =>
  harness.transaction(async (tx) => bus.append(tx, ids.map((id) => accepted(id))));
const heard = async (harness: DatabaseHarness) => (await harness.effects('g')).map((effect) => effect.id);
const ids = (from: string, n: number) => Array.from({ length: n }, (_, i) => `${from}${i}`);

it('gives partition p of every topic to the same member', () => {
  const dealt = coPartitions(['m2', 'm1', 'm3'], ['a', 'b'], 12);
  expect(dealt.get('m1')).toEqual({ a: [0, 3, 6, 9], b: [0, 3, 6, 9] });
  expect([...dealt.values()].flatMap((of) => of['b']).sort((x, y) => x! - y!)).toEqual(Array.from({ length: 12 }, (_, p) => p));
});

describeWithKafka('faults of the way over Kafka', () => {
  it('skips what a relay sends twice, at new offsets', async () => {
    const { harness, bus, relayOn } = await world(await testKafka());
    await say(harness, bus, ids('a', 30));
    const relay = await relayOn();
    await bus.subscribe(consumer(harness));
    await eventually(() => heard(harness), (all) => expect(all).toEqual(ids('a', 30)));
    await relay.close();
    // As if it had died after sending, and before it moved its position.
    await harness.database.pool.query('UPDATE log.position SET position = greatest(position - 20, 0) WHERE grp = $1', [RELAY]);
    const again = await relayOn();
    closing.push(() => again.close());
    await say(harness, bus, ids('b', 5));
    await eventually(() => heard(harness), (all) => expect(all).toEqual([...ids('a', 30), ...ids('b', 5)]));
  });

  it('a relay that lost its lease moves nothing, and another one carries on', async () => {
    const { harness, bus, relayOn } = await world(await testKafka());
    const first = await relayOn();
    closing.push(() => first.close());
    await bus.subscribe(consumer(harness));
    await say(harness, bus, ids('a', 3));
    await eventually(() => heard(harness), (all) => expect(all.length).toBe(3));
    // Taken by a member that this one knows nothing of yet.
    await harness.database.pool.query('UPDATE log.lease SET member = 7, epoch = epoch + 1 WHERE grp = $1', [RELAY]);
    await say(harness, bus, ids('b', 3));
    await eventually(() => heard(harness), (all) => expect(all).toEqual([...ids('a', 3), ...ids('b', 3)]));
    const epochs = await harness.database.pool.query('SELECT min(epoch)::int AS epoch FROM log.lease WHERE grp = $1', [RELAY]);
    expect(epochs.rows[0].epoch).toBeGreaterThanOrEqual(2);
  });

  it('rebuilds a topic that the broker has lost from the log', async () => {
    const kafka = await testKafka();
    const { harness, bus, options, relayOn } = await world(kafka);
    const relay = await relayOn();
    await bus.subscribe(consumer(harness));
    await say(harness, bus, ids('a', 10));
    await eventually(() => heard(harness), (all) => expect(all.length).toBe(10));
    await relay.close();
    await bus.register('late', [TOPIC]);
    const admin = new Kafka({ brokers: [...options.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    closing.push(() => admin.disconnect());
    await bus.close();
    await admin.deleteTopics({ topics: [kafka.prefix + TOPIC] });
    await eventually(() => admin.listTopics(), (topics) => expect(topics).not.toContain(kafka.prefix + TOPIC));
    const again = await relayOn();
    closing.push(() => again.close());
    const next = await harness.open();
    closing.push(() => next.close());
    const late: string[] = [];
    await next.subscribe(consumer(harness));
    await next.subscribe({ ...consumer(harness), group: 'late', handle: (batch) => Promise.resolve(void late.push(...batch.events.map((event) => event.id))) });
    await say(harness, next, ids('b', 2));
    await eventually(() => heard(harness), (all) => expect(all).toEqual([...ids('a', 10), ...ids('b', 2)]));
    await eventually(() => late, (all) => expect(all).toEqual([...ids('a', 10), ...ids('b', 2)]));
  });

  it('stops loudly at a gap, instead of going on behind it', async () => {
    const kafka = await testKafka();
    const fatal: Error[] = [];
    const { harness, bus, options, relayOn } = await world(kafka, (error) => fatal.push(error));
    const relay = await relayOn();
    await bus.subscribe(consumer(harness));
    await say(harness, bus, ids('a', 3));
    await eventually(() => heard(harness), (all) => expect(all.length).toBe(3));
    await relay.close();
    const producer = new Kafka({ brokers: [...options.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    closing.push(() => producer.disconnect());
    const said = accepted('forged');
    const partition = partitionOf(said.key, 12);
    await producer.send({ topic: kafka.prefix + TOPIC, messages: [messageOf({ ...said, seq: 5 }, partition)] });
    await eventually(() => fatal.length, (n) => expect(n).toBeGreaterThan(0));
    expect(fatal[0]).toBeInstanceOf(LogGap);
    expect(fatal[0]!.message).toContain(`${TOPIC}/${partition} goes on at 5 after 3`);
    expect(await heard(harness)).toEqual(ids('a', 3));
  });

  it('reads a topic from its start where the hint of the broker\'s offset leads past what it needs', async () => {
    const { harness, bus, relayOn } = await world(await testKafka());
    const relay = await relayOn();
    closing.push(() => relay.close());
    await bus.register('g', [TOPIC]);
    await say(harness, bus, ids('a', 10));
    await harness.database.pool.query(`UPDATE log.position SET broker_offset = 6 WHERE grp = 'g'`);
    await bus.subscribe(consumer(harness));
    await eventually(() => heard(harness), (all) => expect(all).toEqual(ids('a', 10)));
  });

  it('writes CloudEvents that anybody can read, and changes no row an event', async () => {
    const kafka = await testKafka();
    const { harness, bus, options, relayOn } = await world(kafka);
    const relay = await relayOn();
    closing.push(() => relay.close());
    await say(harness, bus, ids('a', 500));
    const reader = new Kafka({ brokers: [...options.brokers], logLevel: logLevel.NOTHING }).consumer({ groupId: `${kafka.prefix}anybody` });
    await reader.connect();
    closing.push(() => reader.disconnect());
    await reader.subscribe({ topic: kafka.prefix + TOPIC, fromBeginning: true });
    const messages: { partition: number; key: string; headers: Record<string, string>; value: string }[] = [];
    await reader.run({
      eachMessage: async ({ partition, message }) => {
        const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]));
        messages.push({ partition, key: String(message.key), headers, value: String(message.value) });
      },
    });
    await eventually(() => messages.length, (n) => expect(n).toBe(500));
    const said = accepted('a0');
    expect(messages[0]).toEqual({
      partition: partitionOf(said.key, 12), key: said.key, value: said.value,
      headers: {
        seq: '1', ce_specversion: '1.0', ce_id: 'a0', ce_source: '/sluice', ce_type: said.type, ce_time: '2023-11-14T22:13:20.000Z', ce_subject: said.subject,
        ce_tenantid: said.tenantId, 'content-type': 'application/json', traceparent: said.traceparent,
      },
    });
    const changes = () => harness.database.pool.query(
      `SELECT relname, (n_tup_upd + n_tup_del)::int AS changed FROM pg_stat_user_tables WHERE schemaname = 'log' AND (relname LIKE 'run%' OR relname = 'position')`);
    const { rows } = await eventually(changes, (result) => expect(result.rows.find((row) => row.relname === 'position').changed).toBeGreaterThan(0));
    for (const row of rows) expect(row.changed).toBeLessThan(row.relname === 'position' ? 20 : 1);
  });

  it('runs no timers while it is idle', async () => {
    const { harness, bus, relayOn } = await world(await testKafka());
    const relay = await relayOn();
    closing.push(() => relay.close());
    await bus.subscribe(consumer(harness));
    await say(harness, bus, ids('a', 3));
    await eventually(() => heard(harness), (all) => expect(all.length).toBe(3));
    const real = globalThis.setTimeout;
    let armed = 0;
    globalThis.setTimeout = ((...args: Parameters<typeof real>) => { armed++; return real(...args); }) as typeof real;
    await new Promise((resolve) => real(resolve, 2_000));
    globalThis.setTimeout = real;
    // The client alone arms some 5,000 in two seconds.
    expect(armed).toBeLessThan(400);
  });
});

describeWithOwnKafka('a broker that is killed', () => {
  it('and started again, costs nothing: all is carried on, each has its effect once', async () => {
    const broker = await ownKafka();
    closing.push(() => broker.stop());
    const { harness, bus, relayOn } = await world({ brokers: broker.brokers, prefix: '' });
    const relay = await relayOn();
    closing.push(() => relay.close());
    await bus.subscribe(consumer(harness));
    const all: string[] = [];
    let talking = true;
    const talk = (async () => {
      while (talking) {
        const next = ids(`n${all.length}-`, 5);
        all.push(...next);
        await say(harness, bus, next);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await eventually(() => heard(harness), (events) => expect(events.length).toBeGreaterThan(50));
    await broker.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await broker.restart();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    talking = false;
    await talk;
    await eventually(() => heard(harness), (events) => expect(events).toEqual(all), 90_000);
  }, 180_000);
});
