import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { EngineConsumer } from './engine.consumer.js';
import { Engine } from './engine.service.js';
import { SnapshotService } from './snapshot.service.js';

const HOUR_MS = 3_600_000;
/** How often it looks whether a snapshot is due. */
const LOOK_MS = 60_000;

/** Snapshots the partitions that this process owns, one at a time. */
@Injectable()
export class SnapshotJob implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopping = false;

  constructor(private readonly engine: Engine, private readonly consumer: EngineConsumer, private readonly snapshots: SnapshotService) {}

  onApplicationBootstrap(): void {
    if (this.engine.settings.values.ENGINE_SNAPSHOT_EVERY_HOURS === 0) return;
    this.timer = setInterval(() => { this.running = this.running.then(() => this.look()); }, LOOK_MS);
    this.timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    await this.running;
  }

  private async look(): Promise<void> {
    for (const partition of this.consumer.owned()) {
      if (this.stopping) return;
      await this.snapshotIfDue(partition).catch((error: Error) => this.engine.log.warn({ partition, error: error.message },
        'a snapshot failed'));
    }
  }

  private async snapshotIfDue(partition: number): Promise<void> {
    const last = await this.snapshots.lastTakenAt(partition);
    const everyMs = this.engine.settings.values.ENGINE_SNAPSHOT_EVERY_HOURS * HOUR_MS;
    if (last === undefined || this.engine.clock.now() - last >= everyMs) await this.snapshots.take(partition);
  }
}
