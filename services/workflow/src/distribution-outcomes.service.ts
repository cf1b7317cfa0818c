import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { eventsOf, type Batch } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { LeadDistributed, LeadNotDistributed } from '@sluice/events';
import { Log } from '@sluice/runtime';
import { DistributionsStore, type Outcome, type OutcomeResult } from './distributions.store.js';

interface Wait {
  readonly tenantId: string;
  readonly requestId: string;
  readonly done: (answered: boolean) => void;
}

/** Another replica may be the one that hears; a wake from this process's own consumer cuts the rest. */
const TICK_MS = 50;
/** Only people ask for these: what windows asked for is theirs. */
const BY_PEOPLE: ReadonlySet<string> = new Set(['manual', 'cherryPick']);

/**
 * `Prefer: wait` for requests of people: outcomes come back as events into their rows, and all that this replica waits on is one query a
 * tick.
 */
@Injectable()
export class DistributionOutcomesService implements BeforeApplicationShutdown {
  private readonly waits = new Set<Wait>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private stopping = false;

  constructor(private readonly database: Database, private readonly store: DistributionsStore, private readonly log: Log) {}

  /** Keeps what the engine answered to requests of people. */
  async take(batch: Batch, tx: Tx): Promise<void> {
    const outcomes = [
      ...eventsOf(batch, LeadDistributed).map(({ data, time }) => ({ data, time, outcome: 'distributed' as const, ...given(data) })),
      ...eventsOf(batch, LeadNotDistributed).map(({ data, time }) => ({ data, time, outcome: 'notDistributed' as const, ...refused(data) })),
    ].filter(({ data }) => data.requestId && BY_PEOPLE.has(data.trigger)).map(({ data, time, outcome, result }): Outcome => ({
      tenantId: data.tenantId, requestId: data.requestId!, outcome, attemptId: data.attemptId,
      at: data.decidedAt ? Date.parse(data.decidedAt) : time, result,
    }));
    if (outcomes.length === 0) return;
    await this.store.answer(tx, outcomes);
    tx.afterCommit(() => this.wake());
  }

  /** Answers true once the engine has answered the request, or false after `ms` milliseconds. */
  until(tenantId: string, requestId: string, ms: number): Promise<boolean> {
    if (this.stopping) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (answered: boolean) => {
        if (!this.waits.delete(wait)) return;
        clearTimeout(limit);
        resolve(answered);
      };
      const wait: Wait = { tenantId, requestId, done: finish };
      const limit = setTimeout(() => finish(false), ms);
      this.waits.add(wait);
      this.wake();
    });
  }

  /** Before the server closes, which waits for the requests that wait here. */
  beforeApplicationShutdown(): void {
    this.stopping = true;
    clearTimeout(this.timer);
    for (const wait of [...this.waits]) wait.done(false);
  }

  private wake(): void {
    if (this.waits.size === 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), 0);
  }

  private async look(): Promise<void> {
    if (this.looking || this.waits.size === 0) return;
    this.looking = true;
    try {
      const waits = [...this.waits];
      const tenants = [...new Set(waits.map((wait) => wait.tenantId))];
      const answered = new Set(await this.database.transaction({ service: 'workflow', tenants }, (tx) =>
        this.store.answered(tx, waits.map((wait) => wait.requestId))));
      for (const wait of waits) if (answered.has(wait.requestId)) wait.done(true);
    } catch (error) {
      // An outage is not an answer: who waits goes on until his time is up.
      this.log.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'answers to requests could not be read');
    } finally {
      this.looking = false;
      // A wake in the meantime found this look under way: one timer is left, not two.
      clearTimeout(this.timer);
      if (this.waits.size > 0) this.timer = setTimeout(() => void this.look(), TICK_MS);
    }
  }
}

function given({ picks, full }: LeadDistributed): { result: OutcomeResult } {
  return { result: {
    picks: picks.map(({ outboundLeadId = '', contractId = '', clientId = '', priceMinor = '0', currency = '' }) =>
      ({ outboundLeadId, contractId, clientId, priceMinor, currency })),
    reason: null, reasons: [], full: full ?? false,
  } };
}

function refused({ reason, reasons, full }: LeadNotDistributed): { result: OutcomeResult } {
  return { result: { picks: [], reason, reasons: reasons ?? [], full: full ?? false } };
}
