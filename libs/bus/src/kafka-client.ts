/// <reference path="./kafkajs-internals.d.ts" />
import type { Log } from '@sluice/runtime';
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { PARTITIONS } from './bus.js';

export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId?: string;
  /** Before the names of topics and groups, where a cluster is shared. */
  readonly prefix?: string;
  /** Copies of each topic; 1 unless set. Three in production, with min.insync.replicas 2. */
  readonly replicationFactor?: number;
  /**
   * How long a member that the broker does not hear keeps its partitions; 45 s unless set, 6 s in a local stack, where a kill costs as
   * much.
   */
  readonly sessionTimeoutMs?: number;
  readonly connection?: Pick<KafkaConfig, 'ssl' | 'sasl'>;
  readonly log?: Log;
}

/** The client, with patience enough for a broker that restarts. */
export function kafkaClient(options: KafkaOptions): Kafka {
  quietIdleQueues();
  return new Kafka({
    ...options.connection,
    brokers: [...options.brokers],
    clientId: options.clientId ?? 'sluice',
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: logLevel.ERROR,
    // The client logs every lost connection as an error, with its own retries still to come.
    logCreator: () => ({ namespace, log }) => options.log?.warn({ from: `kafkajs ${namespace}`, error: log['error'] as unknown }, log.message),
  });
}

/** Makes the topics that are missing. Throws where one has another number of partitions: its keys would go elsewhere. */
export async function createTopics(kafka: Kafka, options: KafkaOptions, topics: readonly string[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const names = topics.map((topic) => (options.prefix ?? '') + topic);
    const present = new Set(await admin.listTopics());
    await admin.createTopics({
      waitForLeaders: true,
      topics: names.filter((name) => !present.has(name))
        .map((topic) => ({
          topic, numPartitions: PARTITIONS, replicationFactor: options.replicationFactor ?? 1,
          // Of a batch of the client, which may be one whole configuration.
          configEntries: [{ name: 'max.message.bytes', value: String(16 * 1024 * 1024) }],
        })),
    }).catch((error: unknown) => {
      // Another process made them in the meantime.
      if (!/already exists/.test(String(error))) throw error;
    });
    const { topics: made } = await admin.fetchTopicMetadata({ topics: names });
    for (const { name, partitions } of made)
      if (partitions.length !== PARTITIONS) throw new Error(`topic ${name} has ${partitions.length} partitions, and must have ${PARTITIONS} for ever`);
  } finally {
    await admin.disconnect();
  }
}

/** The partitions that never held a record, as "topic/partition" without the prefix: new ones, and those that a broker has lost. */
export async function emptyPartitions(kafka: Kafka, options: KafkaOptions, topics: readonly string[]): Promise<Set<string>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const empty = new Set<string>();
    for (const topic of topics) {
      const offsets = await patiently(() => admin.fetchTopicOffsets((options.prefix ?? '') + topic));
      for (const { partition, high } of offsets) if (high === '0') empty.add(`${topic}/${partition}`);
    }
    return empty;
  } finally {
    await admin.disconnect();
  }
}

/** A topic that was made a moment ago has no leader yet, and the client does not wait for one here. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

let quiet = false;

/**
 * kafkajs 2.2.4 re-arms a timer of 1 ms for every idle connection, for ever: 2–3 % of a core a process (issue 1751, unmerged). A queue
 * with nothing pending needs no timer; the next request arms it.
 */
function quietIdleQueues(): void {
  if (quiet) return;
  quiet = true;
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
  RequestQueue.prototype.scheduleCheckPendingRequests = function scheduleWherePending(this: { pending: unknown[] }) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
