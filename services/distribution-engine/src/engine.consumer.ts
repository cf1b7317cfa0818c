import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Batch, PartitionOwner, Subscription } from '@sluice/bus';
import { Engine } from './engine.service.js';
import { Partition } from './partition.service.js';
import { HEARD_TOPICS, HEARD_TYPES } from './step.js';

/** The engine on the bus: everything it listens to, and the partitions that this process owns. */
@Injectable()
export class EngineConsumer implements PartitionOwner, OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly group = 'engine';
  readonly service = 'engine';
  readonly topics = HEARD_TOPICS;
  readonly types = HEARD_TYPES;
  readonly batchMax: number;
  private readonly partitions = new Map<number, Partition>();
  private subscription: Subscription | undefined;

  constructor(private readonly engine: Engine) {
    this.batchMax = engine.settings.values.ENGINE_BATCH_MAX;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.engine.open();
    this.subscription = await this.engine.bus.own(this);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.subscription?.close();
    this.subscription = undefined;
  }

  /** The partitions that are loaded here. */
  owned(): number[] {
    return [...this.partitions.keys()];
  }

  async assigned(partition: number): Promise<void> {
    await this.revoked(partition);
    const { clock, log } = this.engine;
    const started = clock.now();
    this.partitions.set(partition, await Partition.takeOver(this.engine, partition));
    log.info({ partition, tookMs: clock.now() - started }, 'took a partition over');
  }

  async revoked(partition: number): Promise<void> {
    this.partitions.get(partition)?.drop();
    this.partitions.delete(partition);
  }

  async take(batch: Batch): Promise<{ committed: Promise<void> }> {
    const partition = this.partitions.get(batch.partition);
    if (!partition) throw new Error(`partition ${batch.partition} was never assigned`);
    return partition.take(batch);
  }
}
