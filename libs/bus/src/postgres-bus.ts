import type { Database } from '@sluice/db';
import { SystemClock, type Clock, type Log } from '@sluice/runtime';
import type { Consumer, PartitionOwner, Subscription } from './bus.js';
import { GroupReader } from './group-reader.js';
import { consumerHandler, ownerHandler, type Handler } from './handler.js';
import { LeaseStore } from './leases.store.js';
import { Limit } from './limit.js';
import { checkTypes, LogBus } from './log-bus.js';
import type { Head } from './log.store.js';
import type { Run } from './log-record.js';
import { Recent } from './recent.js';
import { Retention } from './retention.js';
import { Stalled } from './stalled.js';
import { Wake } from './wake.js';

export interface LogBusOptions {
  /** How often the heads of the log are asked for, beside being told; 1 s unless set. */
  readonly pollMs?: number;
  /** Appends within this time wake other processes once; 10 ms unless set. */
  readonly coalesceMs?: number;
  /** How long a member that says nothing keeps its partitions; 30 s unless set. One whose process is gone loses them within 5 s. */
  readonly leaseMs?: number;
  /** Transactions of consumers, and as many of owners, at once; 4 unless set. Leave the pool more than twice as many connections. */
  readonly parallel?: number;
  /** Days that an event is kept at least; 14 unless set. */
  readonly retentionDays?: number;
  /** Without progress for so long while there is something to read, `onFatal` is called; 60 s unless set. */
  readonly stalledMs?: number;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Something that only a new process mends: a gap in the log, a reader that does not move. Ends the process in production. */
  readonly onFatal?: (error: Error) => void;
}

/** Consumers read the table by sequence. */
export class PostgresBus extends LogBus {
  private readonly readers = new Map<string, GroupReader>();
  private readonly leaseStore: LeaseStore;
  private readonly recent = new Recent();
  private readonly wake: Wake;
  private readonly retention: Retention;
  private readonly limits: { consumers: Limit; owners: Limit };
  private readonly stalled: Stalled;

  private constructor(database: Database, private readonly options: LogBusOptions) {
    const clock = options.clock ?? new SystemClock();
    super(database, () => clock.now(), options.log);
    this.leaseStore = new LeaseStore(database);
    this.retention = new Retention(database, options.retentionDays ?? 14, options.log);
    this.limits = { consumers: new Limit(options.parallel ?? 4), owners: new Limit(options.parallel ?? 4) };
    this.wake = new Wake(database, {
      pollMs: options.pollMs ?? 1_000, coalesceMs: options.coalesceMs ?? 10, log: options.log, heads: () => this.store.heads(),
    });
    this.stalled = new Stalled(options.stalledMs ?? 60_000, (error) => this.fatal(error), () => this.wake.poll());
  }

  /** Starts on a migrated database (`busMigrations`). */
  static async open(database: Database, options: LogBusOptions = {}): Promise<PostgresBus> {
    const bus = new PostgresBus(database, options);
    await bus.ensureTopics();
    await bus.retention.start();
    bus.wake.onLost(() => bus.recent.forget());
    await bus.wake.start();
    return bus;
  }

  override async subscribe(consumer: Consumer): Promise<Subscription> {
    checkTypes(consumer.group, consumer.types);
    await this.join({ group: consumer.group, topics: consumer.topics, service: consumer.service });
    return this.start(consumerHandler(consumer, { database: this.database, settler: this.settler, limit: this.limits.consumers }));
  }

  override async own(owner: PartitionOwner): Promise<Subscription> {
    checkTypes(owner.group, owner.types);
    await this.join({ group: owner.group, topics: owner.topics, service: owner.service, owned: true });
    return this.start(ownerHandler(owner, { database: this.database, settler: this.settler, limit: this.limits.owners }));
  }

  override async close(): Promise<void> {
    this.stalled.close();
    this.retention.close();
    await Promise.all([...this.readers.values()].map((reader) => reader.close()));
    this.readers.clear();
    await this.wake.close();
    this.recent.forget();
  }

  /** Drops what retention allows, now. */
  async retain(): Promise<string[]> {
    return this.retention.run();
  }

  protected override appended(heads: readonly Head[], runs: readonly Run[]): void {
    // Before anybody is woken. What is committed while nobody would be told of a loss is read from the table.
    if (this.wake.listening) this.recent.put(runs, heads);
    this.wake.appended(heads);
  }

  protected override rewound(group: string): void {
    this.wake.rewound(group);
  }

  private async start(handler: Handler): Promise<Subscription> {
    if (this.readers.has(handler.group)) throw new Error(`this process is a member of ${handler.group} already`);
    const reader = new GroupReader(handler, {
      store: this.store, leaseStore: this.leaseStore, settler: this.settler, wake: this.wake, recent: this.recent,
      log: this.log,
      leaseMs: this.options.leaseMs ?? 30_000, onFatal: (error) => this.fatal(error),
    });
    this.readers.set(handler.group, reader);
    this.stalled.watch(
      handler, (topic, partition) => reader.scanned(topic, partition), (topic, partition) => this.wake.head(topic, partition),
    );
    await this.wake.poll();
    await reader.start();
    return {
      close: async () => {
        this.readers.delete(handler.group);
        this.stalled.forget(handler.group);
        await reader.close();
      },
    };
  }

  private fatal(error: Error): void {
    this.log?.error({ error: error.message }, 'the log cannot be read on');
    this.options.onFatal?.(error);
  }
}
