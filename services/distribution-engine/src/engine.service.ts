import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { Clock, Log, recordSpan } from '@sluice/runtime';
import type { EngineConfig } from './config.js';
import { linearRegex } from './linear-regex.js';
import type { Tools } from './run.js';
import { SeedsStore } from './seeds.store.js';

/** The engine's settings as a class, so that Nest injects them by type. */
export class EngineSettings {
  constructor(readonly values: EngineConfig) {}
}

/** What the partitions of this process work with. */
@Injectable()
export class Engine {
  readonly seeds: SeedsStore;
  readonly market = { regex: linearRegex };

  constructor(readonly settings: EngineSettings, readonly database: Database, readonly bus: Bus, readonly clock: Clock, readonly log: Log) {
    this.seeds = new SeedsStore(database);
  }

  /** To be awaited before anything is decided. */
  open(): Promise<void> {
    return this.seeds.open(this.settings.values.ENGINE_SEED_SECRET);
  }

  /** What a step takes from outside. */
  tools(): Tools {
    const start = this.clock.now();
    return {
      seedOf: (tenantId) => this.seeds.of(tenantId),
      trace: (leadId, parent) => recordSpan('distribute', parent, { start, end: this.clock.now() }, { 'sluice.lead_id': leadId }),
      market: this.market,
    };
  }

  /** The same for a replay: nothing is recorded. */
  replayTools(): Tools {
    return { seedOf: (tenantId) => this.seeds.of(tenantId), trace: (_leadId, parent) => parent, market: this.market };
  }
}
