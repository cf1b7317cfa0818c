import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import { crashPoint } from '@sluice/runtime';
import type { AttemptReport } from './attempt.js';
import { EndpointHealth, type EndpointRef } from './endpoint-health.service.js';
import { JobInfra } from './job-infra.service.js';
import { outcomeEvent } from './outcome-event.js';
import { WorkSignal } from './work-signal.service.js';
import { WorkStore } from './work.store.js';

interface Entry {
  readonly report: AttemptReport;
  readonly endpoint: EndpointRef;
}

const BATCH_MAX = 500;
const RETRY_MS = 250;
/** For longer than any lease: whoever has claimed them since knows better. */
const TRIES_MAX = 240;
const BUSY = 8;
const GATHER_MS = 4;
const GATHER_MS_MAX = 16;

/**
 * Writes results together: while one batch commits the next gathers, so that one result alone does not wait and a thousand share a
 * commit.
 */
@Injectable()
export class SettleAttempts {
  private gathered: Entry[] = [];
  private running = false;
  private stopped = false;
  private under: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: WorkStore, private readonly bus: Bus, private readonly health: EndpointHealth, private readonly infra: JobInfra,
    private readonly signal: WorkSignal,
  ) {}

  /** Has a result written. Wakes the job when it is durable, or when another process has taken the delivery over. */
  settle(report: AttemptReport, endpoint: EndpointRef): void {
    this.gathered.push({ report, endpoint });
    if (!this.running) this.under = this.run();
  }

  /** Waits until all that was given is written; what cannot be is left to the leases, since the process ends. */
  async close(): Promise<void> {
    this.stopped = true;
    await this.under;
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.gathered.length > 0) {
      const batch = this.gathered.splice(0, BATCH_MAX);
      await this.commitUntilDone(batch);
      this.signal.wake();
      // Under load the next gathers for a moment, the longer the more there is: it costs a few milliseconds of one delivery and saves
      // commits of all.
      if (batch.length >= BUSY) await new Promise((resolve) => setTimeout(resolve, Math.min(GATHER_MS_MAX, GATHER_MS + batch.length / 20)));
    }
    this.running = false;
  }

  /**
   * A database that is away comes back; until then the results are all that is known of these attempts. What it will never take is left to
   * its lease, and keeps nobody else waiting. The fence drops what comes too late.
   */
  private async commitUntilDone(batch: readonly Entry[]): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.store.scoped([...new Set(batch.map(({ report }) => report.settled.claimed.tenantId))], (tx) => this.write(tx, batch));
        crashPoint('delivery.results-committed');
        return;
      } catch (error) {
        const message = error instanceof Error ? error.message : 'unknown';
        this.infra.log.error({ results: batch.length, tries, error: message }, 'results of deliveries cannot be written');
        const refused = isRefusal(error);
        if (refused && batch.length > 1) {
          for (const entry of batch) await this.commitUntilDone([entry]);
          return;
        }
        if (refused || tries > TRIES_MAX || this.stopped) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private async write(tx: Tx, batch: readonly Entry[]): Promise<void> {
    const now = this.infra.clock.now();
    crashPoint('delivery.before-results');
    const mine = await this.store.settle(tx, batch.map(({ report }) => report.settled), now);
    crashPoint('delivery.results-written');
    const counted = batch.filter(({ report }) => mine.has(report.settled));
    this.bus.append(tx, counted.flatMap(({ report: { settled, say } }) => say.map((state) => outcomeEvent(settled.claimed, {
      state, attempts: settled.attempts, reason: settled.deliveryReason, reference: settled.reference, at: now,
      traceparent: settled.traceparent ?? settled.claimed.traceparent ?? undefined,
    }))));
    await this.health.count(tx, counted.flatMap(({ report: { health, gone }, endpoint }) => (
      health === undefined ? [] : [{ endpoint, failed: health === 'bad', gone }])));
  }
}

/** The data itself is at fault (a value, a constraint, an event's schema): it would be refused again. */
function isRefusal(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return name === 'EventFault' || (typeof code === 'string' && /^(22|23|42)/.test(code));
}
