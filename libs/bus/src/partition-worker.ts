import { crashPoint, type Log } from '@sluice/runtime';
import { isPassing, reasonOf, StaleReader } from './failures.js';
import type { Handler } from './handler.js';
import type { LogRecord } from './log-record.js';
import type { LogStore } from './log.store.js';
import type { Settler } from './settle.js';
import { cut, redriveOf, sift, Waiting, withLastParked, workOf, type Work, type WorkPlace } from './sift.js';

/** Consecutive records of a topic: all that first … last holds for the group, and perhaps more. */
export interface Chunk {
  readonly first: number;
  readonly last: number;
  readonly records: readonly LogRecord[];
  /** Where the broker has the record after the last one. */
  readonly brokerOffset?: string | undefined;
}

export interface WorkerOptions {
  readonly store: Pick<LogStore, 'positions' | 'waiting' | 'parkedRecord'>;
  readonly settler: Settler;
  readonly handler: Handler;
  readonly partition: number;
  readonly log: Log | undefined;
  /** False once this member knows that the partition is another's: then nothing is retried. */
  readonly holds: () => boolean;
  /** The same, after asking: a failure counts against an event only where nobody else can have caused it. */
  readonly stillHolds: () => Promise<boolean>;
  /** The partition was loaded, also anew after a failure: look what there is to read. */
  readonly onLoaded: () => void;
  /** Between two tries; simulations do not wait. */
  readonly pause?: (ms: number) => Promise<void>;
}

/** Tries of a batch, and of each event after it, before the event is set aside. With the pauses between them about half a second. */
const TRIES = 3;
/** So many sequences that hold nothing for the group are passed before its position says so. */
const SKIP_MAX = 20_000;

interface Place {
  /** Handed to the handler up to here. */
  taken: number;
  /** Looked at up to here; what lies between holds nothing for the group. */
  scanned: number;
  /** Where the broker has what follows `scanned`. */
  brokerOffset?: string | undefined;
}

interface Pending {
  readonly work: Work;
  readonly ended: Promise<void>;
}

/**
 * One partition of one group, over all its topics: one thing at a time, in the order it is offered. Drivers differ only in where they
 * get the records from.
 */
export class PartitionWorker {
  private readonly places = new Map<string, Place>();
  private waiting = new Waiting([]);
  private readonly pending: Pending[] = [];
  private failed: { work: Work | undefined; error: unknown } | undefined;
  /** What has failed: from where, how often, and up to where its events go one by one. */
  private fault: { topic: string; first: number; tries: number; singlesTo: number } | undefined;
  private turn: Promise<void> = Promise.resolve();
  private loaded = false;
  private stopping = false;

  constructor(private readonly options: WorkerOptions) {}

  /** The sequence up to which a topic was looked at: what to read follows it. */
  scanned(topic: string): number {
    return this.places.get(topic)?.scanned ?? 0;
  }

  /** Where the broker may have the next record, as the last transaction knew it. */
  readonly brokerOffsets = new Map<string, string | null>();

  get ready(): boolean {
    return this.loaded && !this.stopping;
  }

  /** Reads the positions and has the handler load. Tries until it succeeds or is stopped. */
  start(): Promise<void> {
    return this.inTurn(() => this.load());
  }

  /** Handles records, or has the failure behind it: look at `scanned` for what comes next. Never throws. */
  offer(topic: string, chunk: Chunk): Promise<void> {
    return this.inTurn(async () => {
      if (!this.ready || chunk.first !== this.scanned(topic) + 1) return;
      try {
        await this.process(topic, chunk);
      } catch (error) {
        this.failed ??= { work: undefined, error };
      }
      if (this.failed) await this.recover();
    });
  }

  /** Answers once nothing that was offered is under way. */
  async idle(): Promise<void> {
    await this.inTurn(() => this.drain());
    await this.turn;
  }

  /** Starts again from the positions where they are not what this member believes: a group was set back. */
  refresh(): Promise<void> {
    return this.inTurn(async () => {
      await this.drain();
      const { store, handler, partition } = this.options;
      if (!this.ready || this.failed) return;
      const positions = await store.positions(handler.group, partition);
      if (positions.every(({ topic, position }) => this.places.get(topic)?.taken === position)) return;
      await this.revoke();
      await this.load();
    }).catch(() => undefined);
  }

  /** Moves the position over what was only skipped. */
  flush(): Promise<void> {
    return this.inTurn(async () => {
      if (!this.ready || this.pending.length > 0) return;
      try {
        for (const [topic, place] of this.places) if (place.scanned > place.taken) await this.skip(topic, place);
      } catch (error) {
        this.failed ??= { work: undefined, error };
        await this.recover();
      }
    });
  }

  /** Ends once the running batch has ended, and tells the handler that the partition is gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.inTurn(async () => {
      await this.drain();
      if (this.loaded) {
        for (const [topic, place] of this.places) {
          if (!this.failed && place.scanned > place.taken) await this.skip(topic, place).catch(() => undefined);
        }
      }
      await this.revoke();
    });
  }

  private async process(topic: string, chunk: Chunk): Promise<void> {
    const { handler, partition } = this.options;
    const { group, types, batchMax } = handler;
    const place = this.places.get(topic);
    if (!place) throw new Error(`${group} is not registered for ${topic}`);
    const redriven = await this.redrivenAmong(chunk.records);
    const items = sift(chunk.records, { group, topic, wanted: types, waiting: this.waiting, redriven });
    if (items.length === 0) {
      place.scanned = chunk.last;
      place.brokerOffset = chunk.brokerOffset;
      if (place.scanned - place.taken >= SKIP_MAX && this.pending.length === 0) await this.skip(topic, place);
      return;
    }
    if (this.fault?.topic === topic && place.taken >= this.fault.first && place.taken >= this.fault.singlesTo) this.fault = undefined;
    const singles = this.fault?.topic === topic && chunk.first <= this.fault.singlesTo;
    const where: WorkPlace = { group, topic, partition, brokerOffset: chunk.brokerOffset };
    for (const work of cut(where, place.taken + 1, chunk.last, items, singles ? 1 : batchMax)) {
      if (this.stopping || this.failed) return;
      await this.deliver(work, singles ? 1 : handler.depth);
      if (this.failed) return;
      place.taken = place.scanned = work.batch.last;
    }
  }

  private async deliver(work: Work, depth: number): Promise<void> {
    const { handler, settler } = this.options;
    settler.remember(work);
    while (this.pending.length >= depth && !this.failed) await this.pending[0]!.ended;
    if (this.failed) return;
    try {
      if (work.batch.events.length === 0) {
        await this.drain();
        if (!this.failed) await handler.settleOnly(work);
        return;
      }
      const { committed } = await handler.deliver(work);
      this.track(work, committed);
      if (depth === 1) await this.drain();
    } catch (error) {
      this.failed ??= { work, error };
    }
  }

  private track(work: Work, committed: Promise<void>): void {
    const entry: Pending = {
      work,
      ended: committed.then(() => crashPoint('bus.after-commit'), (error: unknown) => { this.failed ??= { work, error }; }).then(() => {
        this.pending.splice(this.pending.indexOf(entry), 1);
        // Nobody may be offering anything that would notice.
        if (this.failed && this.pending.length === 0) {
          void this.inTurn(async () => { if (this.failed && this.ready) await this.recover(); });
        }
      }),
    };
    this.pending.push(entry);
  }

  private async drain(): Promise<void> {
    while (this.pending.length > 0) await this.pending[0]!.ended;
  }

  /** After a failure: all that is under way ends, memory is thrown away, and it starts again from the positions. */
  private async recover(): Promise<void> {
    await this.drain();
    const { work, error } = this.failed!;
    this.failed = undefined;
    const { group } = this.options.handler;
    const place = { group, partition: this.options.partition, error: reasonOf(error) };
    await this.revoke();
    if (!(error instanceof StaleReader)) this.options.log?.warn({ ...place, topic: work?.batch.topic, first: work?.batch.first }, 'a batch failed');
    const poison = work && !isPassing(error) && !this.stopping && (await this.options.stillHolds()) ? this.blame(work) : undefined;
    if (poison) {
      this.options.log?.error({ ...place, topic: poison.batch.topic, seq: poison.batch.last }, 'an event is set aside with its subject');
      // Where this fails the position has not moved: the event is tried and set aside again.
      await this.options.handler.settleOnly(withLastParked(poison, reasonOf(error))).catch(() => undefined);
    } else if (!this.stopping) {
      await this.pause(50 * 4 ** Math.min(this.fault?.tries ?? 1, 2));
    }
    await this.load();
  }

  /** Counts a failure; answers the part whose one event has had all its tries. */
  private blame(work: Work): Work | undefined {
    const { topic, first, last, events } = work.batch;
    const known = this.fault?.topic === topic && this.fault.first === first;
    const singlesTo = this.fault?.topic === topic ? this.fault.singlesTo : 0;
    this.fault = { topic, first, tries: known ? this.fault!.tries + 1 : 1, singlesTo };
    if (this.fault.tries < TRIES) return undefined;
    this.fault.tries = 0;
    if (events.length === 1) return work;
    this.fault.singlesTo = last;
    return undefined;
  }

  private async load(): Promise<void> {
    const { store, handler, partition, log } = this.options;
    for (let waitMs = 100; !this.stopping && this.options.holds(); waitMs = Math.min(waitMs * 2, 2_000)) {
      try {
        const positions = await store.positions(handler.group, partition);
        this.waiting = new Waiting(await store.waiting(handler.group, partition));
        await handler.assigned(partition);
        this.places.clear();
        for (const { topic, position, brokerOffset } of positions) {
          this.places.set(topic, { taken: position, scanned: position });
          this.brokerOffsets.set(topic, brokerOffset);
        }
        this.loaded = true;
        this.options.onLoaded();
        return;
      } catch (error) {
        log?.warn({ group: handler.group, partition, error: reasonOf(error) }, 'a partition could not be loaded');
        await this.pause(waitMs);
      }
    }
  }

  private async revoke(): Promise<void> {
    if (!this.loaded) return;
    this.loaded = false;
    await this.options.handler.revoked(this.options.partition).catch((error: unknown) => {
      this.options.log?.warn({ group: this.options.handler.group, partition: this.options.partition, error: reasonOf(error) }, 'giving a partition back failed');
    });
  }

  private async skip(topic: string, place: Place): Promise<void> {
    const where = { group: this.options.handler.group, topic, partition: this.options.partition, brokerOffset: place.brokerOffset };
    await this.options.handler.settleOnly(workOf(where, place.taken + 1, place.scanned, []));
    place.taken = place.scanned;
  }

  private pause(ms: number): Promise<void> {
    return this.options.pause ? this.options.pause(ms) : new Promise((resolve) => setTimeout(resolve, ms));
  }

  private async redrivenAmong(records: readonly LogRecord[]) {
    const named = new Map<number, { key: { topic: string; seq: number }; record: LogRecord }>();
    const { handler, partition, store } = this.options;
    for (const record of records) {
      const key = redriveOf(record, handler.group);
      const parked = key && (await store.parkedRecord(handler.group, key.topic, partition, key.seq));
      if (key && parked) named.set(record.seq, { key, record: parked });
    }
    return named;
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    const mine = this.turn.then(step);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}
