import 'reflect-metadata';
import { describeWithKafka, testKafka } from '@sluice/testing';
import { busSuite } from './bus.suite.js';
import { databaseHarness } from './database-harness.suite.js';
import { KafkaBus, Relay } from './index.js';

describeWithKafka('with Apache Kafka', () => {
  busSuite('carried on to Kafka by a relay', async () => {
    const { brokers, prefix } = await testKafka();
    const options = { brokers, prefix, sessionTimeoutMs: 6_000 };
    let relay: Relay | undefined;
    const harness = await databaseHarness((database) => KafkaBus.open(database, options), async () => relay?.close());
    relay = await Relay.start(harness.database, options);
    return harness;
  });
});
