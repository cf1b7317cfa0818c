import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database } from '@sluice/db';
import type { Market, Request, State } from '@sluice/distribution';
import { Sandbox, Scripts, linearRegex } from '@sluice/scripts';
import { Clock, Log, recordSpan } from '@sluice/runtime';
import type { EngineConfig } from './config.js';
import type { Tools } from './run.js';
import { SeedsStore } from './seeds.store.js';

/** The engine's settings as a class, so that Nest injects them by type. */
export class EngineSettings {
  constructor(readonly values: EngineConfig) {}
}

/** What the partitions of this process work with. */
@Injectable()
export class Engine implements OnApplicationShutdown {
  readonly seeds: SeedsStore;
  readonly market = { regex: linearRegex };
  /** Of all partitions: decisions do not overlap in time. */
  readonly scripts = new Scripts(new Sandbox(), linearRegex);

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
      market: this.market, scripts: this.scripts,
    };
  }

  /** The same for a replay: nothing is recorded. */
  replayTools(): Tools {
    const { market, scripts } = this;
    return { seedOf: (tenantId) => this.seeds.of(tenantId), trace: (_leadId, parent) => parent, market, scripts };
  }

  /** The request with the market's scripts, for a decision that only shows what would be. */
  withScripts(request: Request, market: Market, state: State): Request {
    const hooks = this.scripts.hooksOf(market, state, true);
    return hooks ? { ...request, hooks } : request;
  }

  onApplicationShutdown(): void {
    this.scripts.stop();
  }
}
