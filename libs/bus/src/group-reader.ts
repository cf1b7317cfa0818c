import { definitions } from '@sluice/events';
import type { Log } from '@sluice/runtime';
import type { Subscription } from './bus.js';
import { LogGap, reasonOf } from './failures.js';
import type { Handler } from './handler.js';
import { Leases, type LeaseHolder } from './leases.js';
import type { Lease, LeaseStore } from './leases.store.js';
import { recordsOf } from './log-record.js';
import type { LogStore } from './log.store.js';
import { PartitionWorker, type Chunk } from './partition-worker.js';
import type { Recent } from './recent.js';
import type { Settler } from './settle.js';
import type { Wake } from './wake.js';

export interface ReaderTools {
  readonly store: LogStore;
  readonly leaseStore: LeaseStore;
  readonly settler: Settler;
  readonly wake: Wake;
  readonly recent: Recent;
  readonly leaseMs: number;
  readonly log: Log | undefined;
  /** The reader of a partition stopped for good. */
  readonly onFatal: (error: Error) => void;
}

/** A member of a group that reads the table: for each leased partition, one topic after the other, for as long as there is more. */
export class GroupReader implements Subscription, LeaseHolder {
  private readonly workers = new Map<number, Member>();
  private readonly leases: Leases;
  private readonly stopListening: (() => void)[];
  private readonly skip: readonly string[];
  private readonly flusher: NodeJS.Timeout;

  constructor(private readonly handler: Handler, private readonly tools: ReaderTools) {
    this.leases = new Leases(tools.leaseStore, tools.wake, handler.group, this, tools);
    // What this version knows and the group does not listen to. What it does not know must come, to be parked.
    this.skip = [...definitions.keys()].filter((type) => !handler.types.has(type));
    this.stopListening = [
      tools.wake.onHeads((changed) => {
        for (const { topic, partition } of changed) if (handler.topics.includes(topic)) void this.workers.get(partition)?.pump();
      }),
      tools.wake.onRewound((group) => {
        if (group === handler.group) for (const member of this.workers.values()) void member.worker.refresh();
      }),
    ];
    // Positions over what is merely skipped are written once a second, not once a wake.
    this.flusher = setInterval(() => { for (const member of this.workers.values()) void member.worker.flush(); }, 1_000);
    this.flusher.unref();
  }

  async start(): Promise<void> {
    await this.leases.start();
  }

  gained({ partition }: Lease): void {
    const worker = new PartitionWorker({
      ...this.tools,
      handler: this.handler,
      partition,
      holds: () => this.leases.holds(partition),
      stillHolds: async () => {
        await this.leases.tick();
        return this.leases.holds(partition);
      },
      onLoaded: () => void this.workers.get(partition)?.pump(),
    });
    const member = new Member(worker, partition, this.handler, this.skip, this.tools);
    this.workers.set(partition, member);
    void worker.start();
  }

  async dropped({ partition }: Lease): Promise<void> {
    const member = this.workers.get(partition);
    this.workers.delete(partition);
    await member?.stop();
  }

  async close(): Promise<void> {
    for (const stop of this.stopListening) stop();
    clearInterval(this.flusher);
    await this.leases.close();
  }

  /** How far a partition of ours has been looked at; undefined for others'. */
  scanned(topic: string, partition: number): number | undefined {
    return this.workers.get(partition)?.worker.scanned(topic);
  }
}

/** Feeds the worker of one partition. */
class Member {
  private pumping: Promise<void> | undefined;
  private again = false;
  private stopped = false;
  private readonly ahead = new Map<string, { after: number; chunk: Promise<Chunk | undefined> }>();

  constructor(
    readonly worker: PartitionWorker,
    private readonly partition: number,
    private readonly handler: Handler,
    private readonly skip: readonly string[],
    private readonly tools: ReaderTools,
  ) {}

  /** Reads until there is no more. A wake in the meantime has it look once more. */
  pump(): Promise<void> {
    if (this.pumping) {
      this.again = true;
      return this.pumping;
    }
    this.pumping = this.readAll().catch((error: unknown) => this.failed(error)).then(() => {
      this.pumping = undefined;
      if (!this.again || this.stopped) return;
      this.again = false;
      return this.pump();
    });
    return this.pumping;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.worker.stop();
    await this.pumping;
  }

  private async readAll(): Promise<void> {
    for (let more = true; more;) {
      more = false;
      // A topic in turn each, so that none starves the others.
      for (const topic of this.handler.topics) {
        if (this.stopped || !this.worker.ready) return;
        const after = this.worker.scanned(topic);
        if (this.tools.wake.head(topic, this.partition) <= after) continue;
        const chunk = await this.next(topic, after);
        // The following one is read while this one is handled and commits; it is thrown away where this one fails.
        if (this.tools.wake.head(topic, this.partition) > chunk.last) {
          this.ahead.set(topic, { after: chunk.last, chunk: this.readAhead(topic, chunk.last) });
        }
        await this.worker.offer(topic, chunk);
        more = true;
      }
    }
  }

  private async next(topic: string, after: number): Promise<Chunk> {
    const ahead = this.ahead.get(topic);
    this.ahead.delete(topic);
    return (ahead?.after === after ? await ahead.chunk : undefined) ?? this.read(topic, after);
  }

  /** Undefined where it fails: whoever needs it reads it again, and fails then. */
  private readAhead(topic: string, after: number): Promise<Chunk | undefined> {
    return this.read(topic, after).catch(() => undefined);
  }

  private async read(topic: string, after: number): Promise<Chunk> {
    const { batchMax } = this.handler;
    const recent = this.tools.recent.after(topic, this.partition, after, batchMax);
    if (recent.length > 0) return { first: after + 1, last: after + recent.length, records: recent };
    const to = after + batchMax;
    const runs = await this.tools.store.read(topic, this.partition, after, batchMax, this.skip);
    const records = [];
    let last = after;
    for (const run of runs) {
      if (run.first_seq > last + 1) break;
      if (run.heads !== null && run.bodies !== null) {
        const whole = { types: run.types, heads: run.heads, bodies: run.bodies };
        for (const record of recordsOf(run.first_seq, whole, after + 1, to)) records.push(record);
        last = Math.min(run.first_seq + run.count - 1, to);
      } else {
        last = run.first_seq + run.count - 1;
      }
      if (last >= to) break;
    }
    if (last === after) {
      // Whoever sees n can see n − 1: nothing here means that it is gone, not that it is still to come.
      throw new LogGap(`${this.handler.group}: ${topic}/${this.partition} has nothing at ${after + 1} of ${this.tools.wake.head(topic, this.partition)}`);
    }
    return { first: after + 1, last, records };
  }

  private async failed(error: unknown): Promise<void> {
    const { log, onFatal } = this.tools;
    const place = { group: this.handler.group, partition: this.partition, error: reasonOf(error) };
    if (error instanceof LogGap) {
      log?.error(place, 'a sequence is missing; the reader stops');
      this.stopped = true;
      onFatal(error);
      return;
    }
    if (this.stopped) return;
    log?.warn(place, 'the log could not be read');
    this.again = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
