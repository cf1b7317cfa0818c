import { Injectable } from '@nestjs/common';
import { Engine } from './engine.service.js';
import type { AttemptRow } from './changes.js';
import { partitionMemory } from './memory.js';
import { replayBatch } from './replay.js';
import { SnapshotStore, type SnapshotLabel } from './snapshot.store.js';
import { HEARD_TYPES } from './step.js';

/** Takes snapshots of partitions, and decides again what was decided since. */
@Injectable()
export class SnapshotService {
  private readonly store: SnapshotStore;

  constructor(private readonly engine: Engine) {
    this.store = new SnapshotStore(engine.database);
  }

  lastTakenAt(partition: number): Promise<number | undefined> {
    return this.store.lastTakenAt(partition);
  }

  /** Snapshots a partition; the log is kept back to the oldest that is kept. Undefined where nothing ever happened in the partition. */
  take(partition: number): Promise<SnapshotLabel | undefined> {
    const { bus, clock, settings } = this.engine;
    const { ENGINE_SNAPSHOT_LEAD_DAYS: leadDays, ENGINE_SNAPSHOTS_KEPT: kept } = settings.values;
    return this.store.take(partition, clock.now(), { leadDays, kept }, async (tx, { positions }) => {
      await bus.hold(tx, `engine.snapshot.${partition}`,
        Object.entries(positions).map(([topic, position]) => ({ topic, partition, position })));
    });
  }

  /** The attempts of every batch since the last snapshot, decided again from journal and log; nothing is written. */
  async *replay(partition: number): AsyncGenerator<AttemptRow> {
    const { bus } = this.engine;
    await this.engine.open();
    const snapshot = await this.store.load(partition);
    if (!snapshot) throw new Error(`partition ${partition} has no snapshot yet`);
    const tools = this.engine.replayTools();
    const memory = partitionMemory(partition, { epoch: 0, batchNo: snapshot.batchNo, now: snapshot.now }, snapshot.record, tools.market);
    for (const row of await this.store.journal(partition, snapshot.batchNo)) {
      const events = await bus.replay({ group: 'engine', ...row }, HEARD_TYPES);
      yield* replayBatch(memory, snapshot.leads, { ...row, events }, tools);
    }
  }
}
