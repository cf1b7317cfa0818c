import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Batch, type PartitionOwner, type Subscription } from '@sluice/bus';
import { Database } from '@sluice/db';
import { Clock, Log } from '@sluice/runtime';
import { RE2JS } from 're2js';
import type { EngineConfig } from './config.js';
import { Partition, type Engine } from './partition.service.js';
import { SeedsStore } from './seeds.store.js';
import { HEARD_TOPICS, HEARD_TYPES } from './step.js';

/** The engine on the bus: everything it listens to, and the partitions that this process owns. */
@Injectable()
export class EngineConsumer implements PartitionOwner, OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly group = 'engine';
  readonly service = 'engine';
  readonly topics = HEARD_TOPICS;
  readonly types = HEARD_TYPES;
  readonly batchMax: number;
  private readonly engine: Engine;
  private readonly partitions = new Map<number, Partition>();
  private subscription: Subscription | undefined;

  constructor(
    private readonly config: EngineSettings, database: Database, private readonly bus: Bus, clock: Clock, log: Log,
  ) {
    this.batchMax = config.values.ENGINE_BATCH_MAX;
    this.engine = { database, bus, clock, log, seeds: new SeedsStore(database), market: { regex: linearRegex } };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.engine.seeds.open(this.config.values.ENGINE_SEED_SECRET);
    this.subscription = await this.bus.own(this);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.subscription?.close();
  }

  async assigned(partition: number): Promise<void> {
    this.partitions.get(partition)?.drop();
    this.partitions.delete(partition);
    const started = this.engine.clock.now();
    this.partitions.set(partition, await Partition.takeOver(this.engine, partition));
    this.engine.log.info({ partition, tookMs: this.engine.clock.now() - started }, 'took a partition over');
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

/** The engine's configuration as a class, so that Nest injects it by type. */
export class EngineSettings {
  constructor(readonly values: EngineConfig) {}
}

/** `matches` runs on a linear-time engine: a pattern of a user must not be able to stop a partition. */
export function linearRegex(pattern: string): { test(text: string): boolean } {
  const compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
  return { test: (text) => compiled.matcher(text).find() };
}
