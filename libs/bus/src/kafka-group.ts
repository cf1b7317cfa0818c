import { definitions } from '@sluice/events';
import type { Log } from '@sluice/runtime';
import type { Consumer as KafkaConsumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { PARTITIONS, type Subscription } from './bus.js';
import { coPartitioned } from './co-partitioned.js';
import { LogGap, reasonOf } from './failures.js';
import type { Handler } from './handler.js';
import { recordOf, seqOf, typeOf } from './kafka-record.js';
import type { LogRecord } from './log-record.js';
import type { LogStore } from './log.store.js';
import { PartitionWorker, type Chunk } from './partition-worker.js';
import type { Settler } from './settle.js';

export interface KafkaGroupTools {
  readonly store: LogStore;
  readonly settler: Settler;
  readonly kafka: Kafka;
  readonly prefix: string;
  readonly sessionTimeoutMs: number;
  readonly log: Log | undefined;
  readonly onFatal: (error: Error) => void;
}

/** How often the broker is told where the group is, for whoever watches its lag there. The truth stands in Postgres. */
const HINT_MS = 5_000;

/** A member of a group that reads from Kafka. Whatever a handler throws ends in its worker: kafkajs sees none of it. */
export class KafkaGroup implements Subscription {
  private readonly workers = new Map<number, PartitionWorker>();
  private readonly consumer: KafkaConsumer;
  private readonly hints = new Map<string, { topic: string; partition: number; offset: string }>();
  /** Where a gap has had us begin at the start of the topic once. */
  private readonly resought = new Set<string>();
  private readonly timers: NodeJS.Timeout[] = [];
  private closed = false;

  constructor(private readonly handler: Handler, private readonly tools: KafkaGroupTools) {
    const { sessionTimeoutMs } = tools;
    this.consumer = tools.kafka.consumer({
      groupId: tools.prefix + handler.group,
      partitionAssigners: [coPartitioned],
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.min(3_000, Math.floor(sessionTimeoutMs / 3)),
      rebalanceTimeout: Math.max(10_000, sessionTimeoutMs),
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 500,
      // Every failure of the client is worth another start; what only a new process mends, the watchdog sees.
      retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: () => Promise.resolve(true) },
    });
  }

  async start(): Promise<void> {
    const { GROUP_JOIN, CRASH } = this.consumer.events;
    this.consumer.on(GROUP_JOIN, ({ payload }) => this.assigned(new Set(Object.values(payload.memberAssignment).flat())));
    this.consumer.on(CRASH, ({ payload }) => {
      this.tools.log?.warn({ group: this.handler.group, error: reasonOf(payload.error), restart: payload.restart }, 'the client of Kafka failed');
      if (!payload.restart && !this.closed) this.tools.onFatal(payload.error);
    });
    await this.consumer.connect();
    // Not from the beginning is from the end: all that was said before the first member came would be lost.
    await this.consumer.subscribe({ topics: this.handler.topics.map((topic) => this.tools.prefix + topic), fromBeginning: true });
    await this.consumer.run({
      autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: PARTITIONS,
      eachBatch: (payload) => this.safely(payload),
    });
    this.every(1_000, () => { for (const worker of this.workers.values()) void worker.flush(); });
    this.every(HINT_MS, () => void this.commitHints());
  }

  refresh(): void {
    for (const worker of this.workers.values()) void worker.refresh();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearInterval(timer);
    // First the workers, at the end of their batches: what the client waits for then ends at once.
    await Promise.all([...this.workers.values()].map((worker) => worker.stop()));
    await this.commitHints();
    await this.consumer.disconnect().catch(() => undefined);
    this.workers.clear();
  }

  /** What each of our partitions has read of a topic; undefined for others'. */
  scanned(topic: string, partition: number): number | undefined {
    return this.workers.get(partition)?.scanned(topic);
  }

  private assigned(partitions: ReadonlySet<number>): void {
    if (this.closed) return;
    for (const [partition, worker] of this.workers) {
      if (partitions.has(partition)) continue;
      this.workers.delete(partition);
      void worker.stop();
    }
    for (const partition of partitions) {
      const present = this.workers.get(partition);
      // Another may have had it in between; and the client forgets where it was.
      if (present) this.seekAll(partition, present);
      else this.begin(partition);
    }
  }

  private begin(partition: number): void {
    const ours = () => !this.closed && this.workers.get(partition) === worker;
    const worker = new PartitionWorker({
      ...this.tools, handler: this.handler, partition, holds: ours, stillHolds: () => Promise.resolve(ours()),
      onLoaded: () => this.seekAll(partition, worker),
    });
    this.workers.set(partition, worker);
    void worker.start();
  }

  private seekAll(partition: number, worker: PartitionWorker): void {
    for (const topic of this.handler.topics) this.seek(topic, partition, worker.brokerOffsets.get(topic) ?? '0');
  }

  private seek(topic: string, partition: number, offset: string): void {
    if (!this.closed) this.consumer.seek({ topic: this.tools.prefix + topic, partition, offset });
  }

  private async safely(payload: EachBatchPayload): Promise<void> {
    const topic = payload.batch.topic.slice(this.tools.prefix.length);
    const { partition } = payload.batch;
    // The client beats only between batches; a slow one, or one that is retried, would cost the membership.
    const beat = setInterval(() => void payload.heartbeat().catch(() => undefined), Math.min(3_000, this.tools.sessionTimeoutMs / 3));
    try {
      await this.feed(payload, topic, partition);
    } catch (error) {
      const place = { group: this.handler.group, topic, partition, error: reasonOf(error) };
      if (error instanceof LogGap) {
        this.tools.log?.error(place, 'a sequence is missing; the reader stops');
        payload.pause();
        this.tools.onFatal(error);
      } else {
        this.tools.log?.error(place, 'a batch of Kafka could not be taken');
        await pause(500);
      }
    } finally {
      clearInterval(beat);
    }
  }

  private async feed({ batch, resolveOffset, isRunning, isStale }: EachBatchPayload, topic: string, partition: number): Promise<void> {
    while (isRunning() && !isStale() && !this.closed) {
      const worker = this.workers.get(partition);
      if (!worker) return pause(50);
      if (!worker.ready) {
        await pause(5);
        continue;
      }
      const after = worker.scanned(topic);
      const chunk = chunkAfter(batch.messages, after, this.handler);
      if (!chunk) {
        if (batch.messages.length > 0) resolveOffset(batch.lastOffset());
        return;
      }
      if (chunk.first !== after + 1) return this.gap(topic, partition, after, chunk.first);
      await worker.offer(topic, chunk);
      if (worker.scanned(topic) === chunk.last) this.passed(topic, partition, chunk);
    }
  }

  private passed(topic: string, partition: number, chunk: Chunk): void {
    this.workers.get(partition)?.brokerOffsets.set(topic, chunk.brokerOffset!);
    this.hints.set(`${topic}/${partition}`, { topic: this.tools.prefix + topic, partition, offset: chunk.brokerOffset! });
    this.resought.delete(`${topic}/${partition}`);
  }

  /** A hint that points behind what we need (a topic made anew) is mended by reading from the start; what is missing there, is missing. */
  private gap(topic: string, partition: number, after: number, found: number): void {
    const place = `${topic}/${partition}`;
    if (this.resought.has(place)) throw new LogGap(`${this.handler.group}: ${place} goes on at ${found} after ${after}`);
    this.resought.add(place);
    this.tools.log?.warn({ group: this.handler.group, topic, partition, after, found }, 'a gap; reading the topic from its start');
    this.seek(topic, partition, '0');
  }

  private async commitHints(): Promise<void> {
    const offsets = [...this.hints.values()];
    this.hints.clear();
    if (offsets.length > 0) await this.consumer.commitOffsets(offsets).catch(() => undefined);
  }

  private every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.timers.push(timer);
  }
}

/**
 * The consecutive records after a sequence, what is known already left out. Undefined where there are none; where the first one is not the
 * next, it is a gap. Only what the handler listens to is decoded, and what nobody here knows, to be set aside.
 */
function chunkAfter(messages: readonly KafkaMessage[], after: number, handler: Handler): Chunk | undefined {
  const records: LogRecord[] = [];
  let first: number | undefined;
  let last = after;
  let end: string | undefined;
  // Two batches at a time: retries and singles begin again at the position.
  const max = handler.batchMax * 2;
  for (const message of messages) {
    const seq = seqOf(message);
    // Not of the log, or sent twice.
    if (!(seq > last)) continue;
    if (first !== undefined && seq !== last + 1) break;
    first ??= seq;
    const type = typeOf(message);
    if (handler.types.has(type) || !definitions.has(type)) records.push(recordOf(message));
    last = seq;
    end = message.offset;
    if (last - first + 1 >= max) break;
  }
  return first === undefined ? undefined : { first, last, records, brokerOffset: String(BigInt(end!) + 1n) };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
