import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Database } from '@sluice/db';
import { Log } from '@sluice/runtime';
import { ConfigurationStore } from './configuration.store.js';

/** The services that must have taken a version before it is in force. */
export const takers = ['intake', 'engine', 'delivery'] as const;

interface Wait {
  readonly tenantId: string;
  readonly version: number;
  readonly done: (taken: boolean) => void;
}

/** Reports mostly come in within some 20 ms; a wake from this process's own consumer cuts the rest. */
const TICK_MS = 50;

/** Lets requests wait until a version is taken in everywhere. All waits of the process share one query a tick. */
@Injectable()
export class TakenService implements BeforeApplicationShutdown {
  private readonly waits = new Set<Wait>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private stopping = false;

  constructor(private readonly database: Database, private readonly store: ConfigurationStore, private readonly log: Log) {}

  /** Answers true once all services have reported the version, or false after `ms` milliseconds. */
  async until(tenantId: string, version: number, ms: number): Promise<boolean> {
    if (this.stopping) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (taken: boolean) => {
        if (this.waits.delete(wait)) {
          clearTimeout(limit);
          resolve(taken);
        }
      };
      const wait: Wait = { tenantId, version, done: finish };
      const limit = setTimeout(() => finish(false), ms);
      this.waits.add(wait);
      this.wake();
    });
  }

  /** Looks at once instead of at the next tick: reports have come in. */
  wake(): void {
    if (this.waits.size === 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), 0);
  }

  /** Before the server closes, which waits for the requests that wait here. */
  beforeApplicationShutdown(): void {
    this.stopping = true;
    clearTimeout(this.timer);
    for (const wait of [...this.waits]) wait.done(false);
  }

  private async look(): Promise<void> {
    if (this.looking || this.waits.size === 0) return;
    this.looking = true;
    try {
      const tenants = [...new Set([...this.waits].map((wait) => wait.tenantId))];
      const reports = await this.database.transaction({ service: 'workflow', tenants }, (tx) => this.store.reports(tx, tenants));
      const reported = new Map(reports.map((report) => [`${report.tenantId}\n${report.service}`, report.version]));
      for (const wait of [...this.waits]) {
        if (takers.every((service) => (reported.get(`${wait.tenantId}\n${service}`) ?? 0) >= wait.version)) wait.done(true);
      }
    } catch (error) {
      this.log.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'reports of configurations could not be read');
    } finally {
      this.looking = false;
      if (this.waits.size > 0) this.timer = setTimeout(() => void this.look(), TICK_MS);
    }
  }
}
