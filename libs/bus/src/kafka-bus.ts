import type { Database } from '@sluice/db';
import { topics as knownTopics } from '@sluice/events';
import { SystemClock } from '@sluice/runtime';
import type { Kafka } from 'kafkajs';
import type { Consumer, PartitionOwner, Subscription } from './bus.js';
import { consumerHandler, ownerHandler, type Handler } from './handler.js';
import { createTopics, kafkaClient, type KafkaOptions } from './kafka-client.js';
import { KafkaGroup } from './kafka-group.js';
import { Limit } from './limit.js';
import { checkTypes, LogBus } from './log-bus.js';
import type { LogBusOptions } from './postgres-bus.js';
import { RelayStore } from './relay.store.js';
import { Retention } from './retention.js';
import { Stalled } from './stalled.js';
import { Wake } from './wake.js';

export interface KafkaBusOptions extends LogBusOptions, Omit<KafkaOptions, 'log'> {
  /** The names of the topics that it makes; all that the platform knows unless set. */
  readonly topics?: readonly string[];
}

/** Events are appended to the table, which a `Relay` carries on to Kafka; consumers read there. Positions stay in Postgres. */
export class KafkaBus extends LogBus {
  private readonly groups = new Map<string, KafkaGroup>();
  private readonly kafka: Kafka;
  private readonly wake: Wake;
  private readonly retention: Retention;
  private readonly limits: { consumers: Limit; owners: Limit };
  private readonly stalled: Stalled;

  private constructor(database: Database, private readonly options: KafkaBusOptions) {
    const clock = options.clock ?? new SystemClock();
    super(database, () => clock.now(), options.log);
    this.kafka = kafkaClient(options);
    this.retention = new Retention(database, options.retentionDays ?? 14, options.log);
    this.limits = { consumers: new Limit(options.parallel ?? 4), owners: new Limit(options.parallel ?? 4) };
    const relayed = new RelayStore(database);
    // What readers can have is what the relay has carried on: where that stands still, they are not to blame.
    this.wake = new Wake(database, {
      pollMs: options.pollMs ?? 1_000, coalesceMs: options.coalesceMs ?? 10, log: options.log, heads: () => relayed.heads(),
    });
    this.stalled = new Stalled(options.stalledMs ?? 60_000, (error) => this.fatal(error), () => this.wake.poll());
  }

  /** Starts on a migrated database (`busMigrations`), and makes the topics that are missing. */
  static async open(database: Database, options: KafkaBusOptions): Promise<KafkaBus> {
    const bus = new KafkaBus(database, options);
    await createTopics(bus.kafka, options, options.topics ?? knownTopics.map((topic) => topic.name));
    await bus.ensureTopics();
    await bus.retention.start();
    await bus.wake.start();
    bus.wake.onRewound((group) => bus.groups.get(group)?.refresh());
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
    await Promise.all([...this.groups.values()].map((group) => group.close()));
    this.groups.clear();
    await this.wake.close();
  }

  /** Drops what retention allows, now. */
  async retain(): Promise<string[]> {
    return this.retention.run();
  }

  protected override appended(): void {
    // For the relay, wherever it runs.
    this.wake.announce();
  }

  protected override rewound(group: string): void {
    this.wake.rewound(group);
  }

  private async start(handler: Handler): Promise<Subscription> {
    if (this.groups.has(handler.group)) throw new Error(`this process is a member of ${handler.group} already`);
    const group = new KafkaGroup(handler, {
      store: this.store, settler: this.settler, kafka: this.kafka, prefix: this.options.prefix ?? '',
      sessionTimeoutMs: this.options.sessionTimeoutMs ?? 45_000, log: this.log, onFatal: (error) => this.fatal(error),
    });
    this.groups.set(handler.group, group);
    this.stalled.watch(
      handler, (topic, partition) => group.scanned(topic, partition), (topic, partition) => this.wake.head(topic, partition),
    );
    await group.start();
    return {
      close: async () => {
        this.groups.delete(handler.group);
        this.stalled.forget(handler.group);
        await group.close();
      },
    };
  }

  private fatal(error: Error): void {
    this.log?.error({ error: error.message }, 'the log cannot be read on');
    this.options.onFatal?.(error);
  }
}
