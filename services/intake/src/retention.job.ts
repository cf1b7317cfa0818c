import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';
import { Clock, Log } from '@sluice/runtime';
import { SourcesStore } from './sources.store.js';

const EVERY_MS = 60_000;
/** Leads are money: a sender may come back after a long weekend. */
const IDEMPOTENCY_MS = 7 * 86_400_000;
/** Twice the longest wait would do; an hour leaves something to look at. */
const OUTCOMES_MS = 3_600_000;
/** Rows of one statement: short enough to hold nobody up. */
const CHUNK = 5_000;
/** Tenants of one transaction: their names stand in one setting. */
const TENANTS = 500;

/** Throws away what has had its time: idempotency keys after 7 days, fingerprints after their span, outcomes that nobody waits for. */
@Injectable()
export class RetentionJob implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database, private readonly sources: SourcesStore, private readonly clock: Clock, private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.running = this.run().then(() => undefined, (error: unknown) => this.log.warn(
        { error: error instanceof Error ? error.name : 'unknown' }, 'what is old could not be removed; tried again in a minute'));
    }, EVERY_MS);
    this.timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Answers how many rows went. Replicas may run it at once: they remove different rows or none. */
  async run(): Promise<number> {
    const now = this.clock.now();
    const tenants = await this.database.transaction({ service: 'intake', tenants: [] }, (tx) => this.sources.tenants(tx));
    let removed = 0;
    for (let from = 0; from < tenants.length; from += TENANTS) {
      const some = tenants.slice(from, from + TENANTS);
      removed += await this.sweep(some, 'idempotency', `created_at < $1`, now - IDEMPOTENCY_MS);
      removed += await this.sweep(some, 'fingerprints', `until < $1`, now);
      removed += await this.sweep(some, 'outcomes', `asked_at < $1`, now - OUTCOMES_MS);
    }
    return removed;
  }

  private async sweep(tenants: readonly string[], table: string, condition: string, before: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const rows = await this.database.transaction({ service: 'intake', tenants }, (tx) => remove(tx, table, condition, before));
      removed += rows;
      if (rows < CHUNK) return removed;
    }
  }
}

/** The parts of a partitioned table number their rows each for itself, hence the table's own id beside the place. */
async function remove(tx: Tx, table: string, condition: string, before: number): Promise<number> {
  const rows = await tx.query<{ removed: number }>(`
    WITH gone AS (
      DELETE FROM intake.${table} WHERE (tableoid, ctid) IN (
        SELECT tableoid, ctid FROM intake.${table} WHERE ${condition} LIMIT ${CHUNK} FOR UPDATE SKIP LOCKED) RETURNING 1)
    SELECT count(*)::int AS removed FROM gone`, [new Date(before)]);
  return rows[0]?.removed ?? 0;
}
