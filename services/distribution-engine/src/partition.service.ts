import { setImmediate as others } from 'node:timers/promises';
import type { Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import type { StateEntry } from '@sluice/distribution';
import { crashPoint } from '@sluice/runtime';
import { BatchStore } from './batch.store.js';
import { ChainStore } from './chain.store.js';
import type { Changes, StoredLead } from './changes.js';
import type { Engine } from './engine.service.js';
import { LoadStore } from './load.store.js';
import { partitionMemory, type PartitionMemory } from './memory.js';
import type { PastAsked } from './past.js';
import { PastStore } from './past.store.js';
import { ScriptsStore } from './scripts.store.js';
import { stepwise } from './step.js';
import { overlay, wantedLeads } from './wanted.js';

/** Batches that may be decided and not committed yet: one commits, the next is ready. A third would only wait and hold memory. */
const DEPTH = 2;
/** Records between two pauses, some two milliseconds: the commit of the batch before, and all else in this process, goes on in them. */
const PACE = 32;

interface Uncommitted {
  readonly leads: ReadonlyMap<string, StoredLead>;
  readonly committed: Promise<void>;
}

/**
 * One partition while this process owns it: its memory, and the pipeline of batches through it. A batch is decided while the one before
 * it commits. Where a commit fails, all behind it fail, and the whole of this is thrown away: memory may run ahead of a commit, but
 * never outlive its failure.
 */
export class Partition {
  private readonly batches: BatchStore;
  private readonly chain: ChainStore;
  private readonly scripts: ScriptsStore;
  private readonly past: PastStore;
  private uncommitted: Uncommitted[] = [];
  private dropped = false;
  /** The first batch after a load looks whether what arrives is here already: a lead that came twice is why a commit may have failed. */
  private careful = true;

  private constructor(private readonly engine: Engine, private readonly memory: PartitionMemory) {
    this.batches = new BatchStore(engine.database);
    this.chain = new ChainStore(engine.database);
    this.scripts = new ScriptsStore(engine.database);
    this.past = new PastStore(engine.database);
  }

  /** Raises the epoch first and loads then: nothing can be written between by whoever had the partition before. */
  static async takeOver(engine: Engine, partition: number): Promise<Partition> {
    const link = await new ChainStore(engine.database).raiseEpoch(partition);
    const record = await new LoadStore(engine.database).partition(partition);
    const memory = partitionMemory(partition, link, record, engine.market);
    crashPoint('engine.loaded');
    return new Partition(engine, memory);
  }

  /** What is in hand fails from now on; what commits already may still do so, and a new owner waits for it. */
  drop(): void {
    this.dropped = true;
  }

  /** Decides a batch; `committed` answers once its transaction is durable. */
  async take(batch: Batch): Promise<{ committed: Promise<void> }> {
    while (this.uncommitted.length >= DEPTH) await this.uncommitted[0]!.committed;
    this.mustStand();
    const { memory, engine } = this;
    const before = this.uncommitted.map(({ leads }) => leads);
    const stored = await this.batches.leads(wantedLeads(batch.events, memory, this.careful));
    crashPoint('engine.fetched');
    this.mustStand();
    const now = Math.max(engine.clock.now(), memory.now);
    const changes = await this.decide(batch, overlay(stored, before), now);
    crashPoint('engine.decided');
    this.careful = false;
    for (const fault of changes.faults) engine.log.error({ partition: memory.partition, ...fault },
      'a decision threw; the attempt says internal_error');
    for (const fault of changes.scripts.failed) engine.log.warn({ ...fault }, 'a script failed; the built-in method decided');
    return { committed: this.commit(batch, changes, memory.batchNo, now) };
  }

  private async decide(batch: Batch, leads: (key: string) => StoredLead | undefined, now: number): Promise<Changes> {
    try {
      const steps = stepwise(this.memory, batch, leads, now, this.engine.tools(), PACE);
      for (let entries: readonly StateEntry[] = []; ;) {
        const { done, value } = steps.next(entries);
        if (done) return value;
        if (value) entries = await this.counted(value); else await others();
        this.mustStand();
      }
    } catch (error) {
      // Counters may have moved half way.
      this.dropped = true;
      throw error;
    }
  }

  /** The tables say it of all batches before this one once those are committed; nobody else writes. */
  private async counted(asked: PastAsked): Promise<readonly StateEntry[]> {
    await Promise.all(this.uncommitted.map(({ committed }) => committed));
    for (const sum of await this.past.sums(this.memory.partition, asked)) asked.count.add(sum);
    return asked.count.entries(asked.state);
  }

  private commit(batch: Batch, changes: Changes, batchNo: number, now: number): Promise<void> {
    const previous = this.uncommitted.at(-1)?.committed ?? Promise.resolve();
    const committed = previous.then(() => this.write(batch, changes, batchNo, now));
    const entry = { leads: changes.leads, committed };
    this.uncommitted.push(entry);
    committed.then(
      () => { this.uncommitted = this.uncommitted.filter((other) => other !== entry); },
      () => { this.dropped = true; },
    );
    return committed;
  }

  private async write(batch: Batch, changes: Changes, batchNo: number, now: number): Promise<void> {
    const { bus, database } = this.engine;
    const { partition, epoch } = this.memory;
    const { topic, first, last, parked } = batch;
    crashPoint('engine.before-commit');
    await database.transaction({ service: 'engine', tenants: [...changes.touched] }, async (tx) => {
      bus.append(tx, changes.said);
      await inOneTrip(tx, [
        () => this.chain.move(tx, partition, { epoch, batchNo, now }).then(() => crashPoint('engine.chain-moved')),
        () => this.batches.write(tx, changes, { partition, batchNo, topic, first, last, parked, now }).then(() =>
          crashPoint('engine.written')),
        ...(changes.scripts.counts.size > 0 ? [() => this.scripts.write(tx, changes.scripts, now)] : []),
        () => bus.settle(tx, batch).then(() => crashPoint('engine.settled')),
      ]);
    });
    crashPoint('engine.committed');
  }

  private mustStand(): void {
    if (this.dropped) throw new Error(`partition ${this.memory.partition} is not ours any more, or has to be loaded anew`);
  }
}

/**
 * Sends what each piece of work begins with without waiting for the answers in between: the server takes the statements in their order,
 * and after one that failed it refuses those behind it. Throws what the first one that failed threw.
 */
async function inOneTrip(tx: Tx, works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const client = tx.client as Tx['client'] & { pipeline: boolean };
  client.pipeline = true;
  const ends = await Promise.allSettled(works.map((work) => work()));
  client.pipeline = false;
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
