import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { ReadModelsStore } from './read-models.store.js';

/** Builds the read models anew from the log, as far back as that is kept. */
@Injectable()
export class RebuildService {
  constructor(private readonly bus: Bus, private readonly store: ReadModelsStore) {}

  /** Empties the projection and sets its position back in one transaction; the consumer then hears everything again. */
  async rebuild(): Promise<void> {
    await this.bus.reset('gateway', (tx) => this.store.truncate(tx));
  }
}
