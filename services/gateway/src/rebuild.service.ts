import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { BelowRetained, Bus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { Log } from '@sluice/runtime';
import { ReadModelsStore } from './read-models.store.js';

/** Goes up where what is heard tells the read models more than before; the rows that are there are then built anew. */
const PROJECTION = 2;

/** Another replica was first. */
class BuiltAlready extends Error {
  override readonly name = 'BuiltAlready';
}

/** Builds the read models anew from the log, as far back as that is kept. */
@Injectable()
export class RebuildService implements OnApplicationBootstrap {
  constructor(
    private readonly bus: Bus, private readonly database: Database, private readonly store: ReadModelsStore, private readonly log: Log,
  ) {}

  /** A database of an older version is heard again, once. Where the log's beginning is gone, rows stay: they are right, and tell less. */
  async onApplicationBootstrap(): Promise<void> {
    const built = await this.database.transaction({ service: 'gateway', tenants: [] }, (tx) => this.store.projection(tx));
    if (built >= PROJECTION) return;
    try {
      await this.bus.reset('gateway', async (tx) => {
        if (!(await this.store.setProjection(tx, PROJECTION))) throw new BuiltAlready();
        await this.store.truncate(tx);
      });
      this.log.info({ from: built, to: PROJECTION }, 'the read models are built anew from the log');
    } catch (error) {
      if (error instanceof BuiltAlready) return;
      if (!(error instanceof BelowRetained)) throw error;
      this.log.warn({ from: built, to: PROJECTION }, 'the log does not reach back to its beginning: older leads are shown as they were');
      await this.database.transaction({ service: 'gateway', tenants: [] }, (tx) => this.store.setProjection(tx, PROJECTION));
    }
  }

  /** Empties the projection and sets its position back in one transaction; the consumer then hears everything again. */
  async rebuild(): Promise<void> {
    await this.bus.reset('gateway', (tx) => this.store.truncate(tx));
  }
}
