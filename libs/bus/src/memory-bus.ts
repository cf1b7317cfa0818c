import type { Database, Tx } from '@sluice/db';
import type { Heard, Said } from '@sluice/events';
import { Bus, type Batch, type Consumer, type Lag, type ParkedEvent, type PartitionOwner, type Subscription } from './bus.js';
import { consumerHandler, ownerHandler, type Handler } from './handler.js';
import { Limit } from './limit.js';
import { checkTypes } from './log-bus.js';
import type { MemoryLog } from './memory-log.js';
import { Settler } from './settle.js';
import { parse, redriveOf } from './sift.js';

/**
 * The log for simulations: the promises of the other drivers but durability, under seeded faults. Several buses on one MemoryLog are
 * several processes. Transactions are given: the database's, or MemoryTransactions where all state is in memory.
 */
export class MemoryBus extends Bus {
  private readonly settler: Settler;
  private readonly limit = new Limit(Number.MAX_SAFE_INTEGER);
  private readonly leaving = new Set<() => Promise<void>>();
  private readonly buffers = new WeakMap<Tx, Said[]>();

  constructor(private readonly log: MemoryLog, private readonly transactions: Pick<Database, 'transaction'>) {
    super();
    this.settler = new Settler(log.store, (tx, events) => this.append(tx, events), log.now);
  }

  override append(tx: Tx, events: readonly Said[]): void {
    const gathered = this.buffers.get(tx);
    if (gathered) {
      for (const event of events) gathered.push(event);
      return;
    }
    const said = [...events];
    this.buffers.set(tx, said);
    this.log.store.append(tx, said);
  }

  override async subscribe(consumer: Consumer): Promise<Subscription> {
    checkTypes(consumer.group, consumer.types);
    this.log.store.register(consumer.group, consumer.topics);
    return this.join(consumerHandler(consumer, { database: this.transactions, settler: this.settler, limit: this.limit }));
  }

  override async own(owner: PartitionOwner): Promise<Subscription> {
    checkTypes(owner.group, owner.types);
    this.log.store.register(owner.group, owner.topics, true);
    return this.join(ownerHandler(owner, { database: this.transactions, settler: this.settler, limit: this.limit }));
  }

  override async settle(tx: Tx, batch: Batch): Promise<void> {
    await this.settler.settleBatch(tx, batch);
  }

  override register(group: string, topics: readonly string[]): Promise<void> {
    this.log.store.register(group, topics);
    return Promise.resolve();
  }

  override lag(group: string): Promise<Lag[]> {
    return Promise.resolve(this.log.store.lag(group));
  }

  override parked(group: string, tenantId?: string): Promise<ParkedEvent[]> {
    return Promise.resolve(this.log.store.parked(group, tenantId));
  }

  override async redrive(group: string, topic: string, partition: number, seq: number): Promise<void> {
    await this.transactions.transaction({ service: 'log', tenants: [] }, (tx) => {
      const claimed = this.log.store.claimForRedrive(tx, group, topic, partition, seq);
      if (!claimed) throw new Error(`${group} has nothing parked at ${seq} of ${topic}/${partition}`);
      this.append(tx, this.settler.redrives(group, topic, claimed.about, claimed.keys));
      return Promise.resolve();
    });
  }

  override async reset(group: string, truncate: (tx: Tx) => Promise<void>): Promise<void> {
    if (this.log.store.isOwned(group)) throw new Error(`${group} commits by itself: its state is no projection, and its position is never set back`);
    await this.transactions.transaction({ service: group, tenants: [] }, async (tx) => {
      this.log.store.rewind(tx, group);
      await truncate(tx);
    });
    await this.log.refresh(group);
  }

  override replay(batch: Pick<Batch, 'group' | 'topic' | 'partition' | 'first' | 'last' | 'parked'>, types: readonly string[]): Promise<Heard[]> {
    const { store } = this.log;
    const events = store.records(batch.topic, batch.partition, batch.first, batch.last).flatMap((record) => {
      const named = redriveOf(record, batch.group);
      const told = named ? store.records(named.topic, batch.partition, named.seq, named.seq)[0]! : record;
      if (batch.parked.includes(record.seq) || !types.includes(told.type)) return [];
      const heard = parse(told, record.seq);
      if (typeof heard === 'string') throw new Error(heard);
      return [heard];
    });
    return Promise.resolve(events);
  }

  /** Nothing is ever dropped here. */
  override hold(): Promise<void> {
    return Promise.resolve();
  }

  /** Leaves its groups; the log stays, for the buses that are left. */
  override async close(): Promise<void> {
    for (const leave of [...this.leaving]) await leave();
  }

  private async join(handler: Handler): Promise<Subscription> {
    const left = await this.log.join(handler, this.settler);
    const leave = async () => {
      if (!this.leaving.delete(leave)) return;
      await left();
    };
    this.leaving.add(leave);
    return { close: leave };
  }
}
