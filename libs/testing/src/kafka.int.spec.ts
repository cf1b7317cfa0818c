import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import type { RunningKafka } from '@sluice/servers';
import { describeWithKafka, describeWithOwnKafka, ownKafka, testKafka } from './index.js';

const client = (brokers: readonly string[]) => new Kafka({
  clientId: 'spec', brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1000 },
});

async function highWatermark(kafka: Kafka, topic: string): Promise<number> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  } finally {
    await admin.disconnect();
  }
}

describeWithKafka('the broker of a run', () => {
  it('keeps what is sent to it, and gives every spec names of its own', async () => {
    const one = await testKafka();
    const other = await testKafka();
    expect(other.brokers).toEqual(one.brokers);
    expect(other.prefix).not.toBe(one.prefix);
    const kafka = client(one.brokers);
    const admin = kafka.admin();
    const producer = kafka.producer({ idempotent: true });
    await Promise.all([admin.connect(), producer.connect()]);
    try {
      await admin.createTopics({ topics: [{ topic: `${one.prefix}leads`, numPartitions: 4 }] });
      await producer.send({ topic: `${one.prefix}leads`, messages: [{ key: 'a', value: '1' }, { key: 'b', value: '2' }] });
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    }
    expect(await highWatermark(kafka, `${one.prefix}leads`)).toBe(2);
  });
});

describeWithOwnKafka('a broker of one spec', () => {
  let broker: RunningKafka;
  let producer: Producer;

  beforeAll(async () => {
    broker = await ownKafka();
    producer = client(broker.brokers).producer({ idempotent: true });
    await producer.connect();
  }, 120_000);

  afterAll(async () => {
    await producer.disconnect();
    await broker.stop();
  });

  it('comes back after a kill with what it had acknowledged, at the same address', async () => {
    const kafka = client(broker.brokers);
    const before = broker.brokers;
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'leads', numPartitions: 1 }] });
    await admin.disconnect();
    await producer.send({ topic: 'leads', messages: [{ value: 'kept' }] });
    await broker.kill();
    await broker.restart();
    expect(broker.brokers).toEqual(before);
    await producer.send({ topic: 'leads', messages: [{ value: 'after' }] });
    expect(await highWatermark(kafka, 'leads')).toBe(2);
  });
});
