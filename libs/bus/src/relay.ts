import type { Database } from '@sluice/db';
import { topics as knownTopics } from '@sluice/events';
import { crashPoint } from '@sluice/runtime';
import type { Kafka, Producer } from 'kafkajs';
import { LogGap, reasonOf } from './failures.js';
import { createTopics, emptyPartitions, kafkaClient, type KafkaOptions } from './kafka-client.js';
import { messageOf } from './kafka-record.js';
import { Leases, type LeaseHolder } from './leases.js';
import { LeaseStore, type Lease } from './leases.store.js';
import { recordsOf, RUN_MAX, type LogRecord } from './log-record.js';
import { LogStore } from './log.store.js';
import { RELAY, RelayStore, type Carried } from './relay.store.js';
import { Wake } from './wake.js';

export interface RelayOptions extends KafkaOptions {
  readonly leaseMs?: number;
  readonly pollMs?: number;
  /** The names of the topics that it carries; all that the platform knows unless set. */
  readonly topics?: readonly string[];
  /** A gap in the log: the relay has stopped. Ends the process in production. */
  readonly onFatal?: (error: Error) => void;
}

/** Most bytes that go to a partition at once: a broker refuses a batch of more than 1 MB unless its topic says otherwise. */
const PART_BYTES_MAX = 900_000;

/** What a message has beside its value, about. */
const ENVELOPE_BYTES = 400;

/** Most events of a round: enough to fill the client's batches, and to hold a few MB. */
const ROUND_MAX = 4_000;

interface Part extends Carried {
  readonly records: readonly LogRecord[];
}

/**
 * Carries the log on to Kafka: a reader with a position like any other, in the order of the log, with no statement an event. Members
 * share the partitions by leases. One that dies between sending and moving its position sends again, and consumers skip what they know.
 */
export class Relay implements LeaseHolder {
  private readonly store: LogStore;
  private readonly positions: RelayStore;
  private readonly wake: Wake;
  private readonly leases: Leases;
  private readonly kafka: Kafka;
  private producer: Producer | undefined;
  private readonly owned = new Map<number, { lease: Lease; positions: Map<string, number> }>();
  private readonly topics: readonly string[];
  private running: Promise<void> | undefined;
  private again = false;
  private closed = false;

  private constructor(database: Database, private readonly options: RelayOptions) {
    this.topics = options.topics ?? knownTopics.map((topic) => topic.name);
    this.store = new LogStore(database);
    this.positions = new RelayStore(database);
    this.wake = new Wake(database, { pollMs: options.pollMs ?? 1_000, coalesceMs: 10, log: options.log, heads: () => this.store.heads() });
    this.leases = new Leases(new LeaseStore(database), this.wake, RELAY, this, { leaseMs: options.leaseMs ?? 30_000, log: options.log });
    this.kafka = kafkaClient({ clientId: 'sluice-relay', ...options });
  }

  static async start(database: Database, options: RelayOptions): Promise<Relay> {
    const relay = new Relay(database, options);
    await createTopics(relay.kafka, options, relay.topics);
    await relay.store.register(RELAY, relay.topics);
    // A topic that was lost is rebuilt from the log, for as far back as that goes; whoever has read it skips it.
    await relay.positions.begin(await relay.store.retainedFrom(relay.topics), await emptyPartitions(relay.kafka, options, relay.topics));
    await relay.wake.start();
    relay.wake.onHeads(() => void relay.carry());
    await relay.wake.poll();
    await relay.leases.start();
    return relay;
  }

  gained(lease: Lease): void {
    // Where the positions cannot be read it is taken anew.
    void this.load(lease).then(() => this.carry(), () => pause(300).then(() => this.leases.lost(lease.partition)));
  }

  async dropped({ partition }: Lease): Promise<void> {
    this.owned.delete(partition);
    await this.running;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.leases.close();
    await this.wake.close();
    await this.producer?.disconnect().catch(() => undefined);
  }

  /** Rounds until there is no more. Never throws: what fails is tried again from the positions. */
  private carry(): Promise<void> {
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.again = false;
    this.running = this.rounds().catch((error: unknown) => this.failed(error)).then(() => {
      this.running = undefined;
      if (this.again && !this.closed) return this.carry();
    });
    return this.running;
  }

  /**
   * While a round is on its way, the next one is read and the position of the last one moved. What was sent and not moved when something
   * fails is sent again.
   */
  private async rounds(): Promise<void> {
    let moving: Promise<void> = Promise.resolve();
    for (let round = await this.read(); round.length > 0;) {
      const [next, ...others] = await Promise.allSettled([this.read(round), this.send(round), moving]);
      for (const each of [next, ...others]) if (each.status === 'rejected') throw each.reason;
      for (const { topic, partition, to } of round) this.owned.get(partition)?.positions.set(topic, to);
      moving = this.move(round);
      // Looked at by the next turn; until then its failure is nobody's.
      moving.catch(() => undefined);
      const follows = (part: Part) => this.owned.get(part.partition)?.positions.get(part.topic) === part.from;
      round = (next as PromiseFulfilledResult<Part[]>).value.filter(follows);
    }
    await moving;
  }

  /** What there is after the positions, or after a round that is under way. */
  private async read(under: readonly Part[] = []): Promise<Part[]> {
    const ends = new Map(under.map((part) => [`${part.topic}/${part.partition}`, part.to]));
    const parts: Promise<Part>[] = [];
    let room = ROUND_MAX;
    for (const [partition, { lease, positions }] of this.owned) {
      for (const [topic, position] of positions) {
        const from = ends.get(`${topic}/${partition}`) ?? position;
        const behind = this.wake.head(topic, partition) - from;
        if (behind <= 0 || room <= 0 || this.closed) continue;
        const max = Math.min(behind, RUN_MAX);
        room -= max;
        parts.push(this.readPart({ topic, partition, epoch: lease.epoch, from, to: from + max }));
      }
    }
    return Promise.all(parts);
  }

  private async readPart(part: Carried): Promise<Part> {
    const { topic, partition, from, to } = part;
    const records: LogRecord[] = [];
    for (const run of await this.store.read(topic, partition, from, to - from, [])) {
      const packed = { types: run.types, heads: run.heads!, bodies: run.bodies! };
      for (const record of recordsOf(run.first_seq, packed, from + 1, to)) records.push(record);
    }
    let bytes = 0;
    let count = 0;
    for (const record of records) {
      if (record.seq !== from + 1 + count) break;
      bytes += Buffer.byteLength(record.value) + ENVELOPE_BYTES;
      // At least one, whatever its size.
      if (count > 0 && bytes > PART_BYTES_MAX) return { ...part, to: from + count, records: records.slice(0, count) };
      count++;
    }
    if (count !== to - from) throw new LogGap(`relay: ${topic}/${partition} has nothing at ${from + 1 + count}`);
    return { ...part, records };
  }

  private async send(round: readonly Part[]): Promise<void> {
    crashPoint('relay.before-send');
    const producer = (this.producer ??= await this.connect());
    const messages = new Map<string, Part[]>();
    for (const part of round) messages.set(part.topic, [...(messages.get(part.topic) ?? []), part]);
    await producer.sendBatch({
      acks: -1,
      topicMessages: [...messages].map(([topic, parts]) => ({
        topic: (this.options.prefix ?? '') + topic,
        messages: parts.flatMap((part) => part.records.map((record) => messageOf(record, part.partition))),
      })),
    });
    crashPoint('relay.sent');
  }

  private async move(round: readonly Part[]): Promise<void> {
    const moved = new Set((await this.positions.move(round)).map(({ topic, partition }) => `${topic}/${partition}`));
    crashPoint('relay.moved');
    for (const { topic, partition } of round) {
      // Another relay has it, and has sent what we sent: whoever reads skips one of the two.
      if (!moved.has(`${topic}/${partition}`) && this.owned.delete(partition)) this.leases.lost(partition);
    }
  }

  private async connect(): Promise<Producer> {
    // One request in flight and the sequence numbers of the idempotent producer keep the order over retries.
    const producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await producer.connect();
    return producer;
  }

  private async load(lease: Lease): Promise<void> {
    const rows = await this.store.positions(RELAY, lease.partition);
    if (!this.leases.holds(lease.partition)) return;
    const wanted = rows.filter((row) => this.topics.includes(row.topic));
    this.owned.set(lease.partition, { lease, positions: new Map(wanted.map((row) => [row.topic, row.position])) });
  }

  private async failed(error: unknown): Promise<void> {
    const { log, onFatal } = this.options;
    if (error instanceof LogGap) {
      log?.error({ error: error.message }, 'a sequence is missing in the log; the relay stops');
      this.closed = true;
      onFatal?.(error);
      return;
    }
    if (this.closed) return;
    log?.warn({ error: reasonOf(error) }, 'the relay could not carry on; it tries again');
    // A producer whose sequence is in doubt is not used again.
    await this.producer?.disconnect().catch(() => undefined);
    this.producer = undefined;
    for (const { lease } of [...this.owned.values()]) await this.load(lease).catch(() => undefined);
    this.again = true;
    await pause(300);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
