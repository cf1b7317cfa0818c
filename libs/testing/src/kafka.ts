import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { freePort, startKafka, whyNoKafka, type RunningKafka } from '@sluice/servers';
import { Kafka, logLevel } from 'kafkajs';
import { testConfig } from './config.js';
import { containerOr, dockerIsPossible, startContainer } from './docker.js';
import { noteServer, once, runFolder, type Started } from './run.js';
import { conditionally } from './skipping.js';

export interface TestKafka {
  /** host:port, as kafkajs takes them. */
  readonly brokers: string[];
  /** For names of topics and groups: the broker is shared by the specs of a run. */
  readonly prefix: string;
}

/**
 * The one broker of this run: the one of TEST_KAFKA_BROKERS, else a container where an engine answers, else Apache Kafka from its Maven
 * jars (version SLUICE_TEST_KAFKA_VERSION). Others use it at the same time: put `prefix` before every name, and do not kill it
 * (`ownKafka` is for that).
 */
export async function testKafka(): Promise<TestKafka> {
  const given = testConfig().TEST_KAFKA_BROKERS;
  const brokers = given ?? (await once('kafka', (folder) => containerOr('Kafka', inContainer, () => fromJars(folder)))).address;
  return { brokers: brokers.split(','), prefix: `t${randomBytes(4).toString('hex')}.` };
}

/** A broker from the Maven jars for one spec alone, which may kill and restart it. It ends with the run at the latest. */
export async function ownKafka(): Promise<RunningKafka> {
  const name = `kafka-${randomBytes(4).toString('hex')}`;
  const dir = path.join(runFolder(), name);
  noteServer(name, { address: dir, pidFile: path.join(dir, 'broker.json') });
  return startKafka({ dir, version: testConfig().SLUICE_TEST_KAFKA_VERSION, outlives: true });
}

async function fromJars(folder: string): Promise<Started> {
  const broker = await startKafka({ dir: folder, version: testConfig().SLUICE_TEST_KAFKA_VERSION, outlives: true });
  return { address: broker.brokers.join(','), pid: broker.pid };
}

async function inContainer(): Promise<Started> {
  // The address that clients are told must be the one they reach it at: the same port inside as outside, at the engine's host.
  const { getContainerRuntimeClient } = await import('testcontainers');
  const { host } = (await getContainerRuntimeClient()).info.containerRuntime;
  const image = `apache/kafka:${testConfig().SLUICE_TEST_KAFKA_VERSION}`;
  const port = await freePort();
  const container = await startContainer(image, (shape) => shape
    .withExposedPorts({ container: port, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1', KAFKA_PROCESS_ROLES: 'broker,controller', KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_LISTENERS: `PLAINTEXT://0.0.0.0:${port},CONTROLLER://0.0.0.0:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${host}:${port}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER', KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false', KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0', KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1', KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1', KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    }));
  const broker = `${host}:${port}`;
  await serves(broker);
  return { address: broker, container: container.getId() };
}

async function serves(broker: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
    try {
      await admin.connect();
      if ((await admin.describeCluster()).brokers.length > 0) return;
    } catch (error) {
      if (attempt === 120) throw error;
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Why no broker can be had, or undefined where one can. */
export function whyNoTestKafka(): string | undefined {
  const config = testConfig();
  if (config.TEST_KAFKA_BROKERS || dockerIsPossible()) return undefined;
  const why = whyNoKafka(config.SLUICE_TEST_KAFKA_VERSION);
  return why && `no TEST_KAFKA_BROKERS, no engine for containers, and ${why}`;
}

/** `describe` for what needs Kafka: skipped with a loud line where there is no way to one, failing where SLUICE_REQUIRE_KAFKA=1. */
export function describeWithKafka(name: string, body: () => void): void {
  conditionally(name, body, whyNoTestKafka(), testConfig().SLUICE_REQUIRE_KAFKA === '1');
}

/** The same for specs with `ownKafka`, which comes from the jars alone. */
export function describeWithOwnKafka(name: string, body: () => void): void {
  conditionally(name, body, whyNoKafka(testConfig().SLUICE_TEST_KAFKA_VERSION), testConfig().SLUICE_REQUIRE_KAFKA === '1');
}
