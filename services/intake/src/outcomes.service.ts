import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database, plainArray, textArray, type Tx } from '@sluice/db';
import type { Heard, LeadDistributed, LeadNotDistributed } from '@sluice/events';

/** The engine's first word on a lead, as it is told to who waits for it. */
export interface Decision {
  readonly status: 'distributed' | 'notDistributed';
  readonly attemptId: string;
  readonly decidedAt: string | undefined;
  /** How many contracts took the lead. Which ones is no business of the source. */
  readonly contracts: number;
  readonly reason?: string | undefined;
}

interface Waiter {
  readonly leadId: string;
  readonly tenantId: string;
  readonly until: number;
  resolve(decision: Decision | undefined): void;
}

/** How often a replica looks for the outcomes it waits on; one query for all of them. */
const TICK_MS = 25;

/** `Prefer: wait`: outcomes come back as events into a table, since the replica that hears them need not be the one that waits. */
@Injectable()
export class OutcomesService implements OnModuleDestroy {
  /** A request sent again under its key may wait beside the first: each is answered. */
  private readonly waiting = new Set<Waiter>();
  private ticking = false;

  constructor(private readonly database: Database) {}

  /** The decision on a lead that was accepted with `waits`; undefined where none came within `timeoutMs`. */
  wait(tenantId: string, leadId: string, timeoutMs: number): Promise<Decision | undefined> {
    return new Promise((resolve) => {
      this.waiting.add({ leadId, tenantId, until: performance.now() + timeoutMs, resolve });
      void this.tick();
    });
  }

  /** Keeps the outcomes that somebody asked for; the first one of a lead stands. */
  async take(tx: Tx, distributed: readonly Heard<LeadDistributed>[], notDistributed: readonly Heard<LeadNotDistributed>[]): Promise<void> {
    const heard: (readonly [seq: number, leadId: string, decision: Decision])[] = [
      ...distributed.map(({ seq, data }) => [seq, data.leadId, {
        status: 'distributed', attemptId: data.attemptId, decidedAt: data.decidedAt, contracts: data.picks.length }] as const),
      ...notDistributed.map(({ seq, data }) => [seq, data.leadId, {
        status: 'notDistributed', attemptId: data.attemptId, decidedAt: data.decidedAt, contracts: 0, reason: data.reason }] as const),
    ];
    // The first of a lead stands, so that it is the last to be put into the map.
    const first = new Map(heard.sort(([a], [b]) => b - a).map(([, leadId, decision]) => [leadId, decision]));
    if (first.size === 0) return;
    await tx.query(`
      UPDATE intake.outcomes o SET outcome = g.outcome FROM unnest($1::uuid[], $2::text[]) AS g(id, outcome)
      WHERE o.lead_id = g.id AND o.outcome IS NULL`,
    [plainArray([...first.keys()]), textArray([...first.values()].map((decision) => JSON.stringify(decision)))], 'intake.take_outcomes');
  }

  onModuleDestroy(): void {
    for (const waiter of this.waiting) waiter.resolve(undefined);
    this.waiting.clear();
  }

  private async tick(): Promise<void> {
    if (this.ticking) return;
    this.ticking = true;
    while (this.waiting.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      // An outage is not an answer: who waits goes on until his time is up.
      const outcomes = new Map(await this.read().catch(() => []));
      const now = performance.now();
      for (const waiter of this.waiting) {
        const outcome = outcomes.get(waiter.leadId);
        if (outcome !== undefined) this.answer(waiter, JSON.parse(outcome) as Decision);
        else if (waiter.until <= now) this.answer(waiter, undefined);
      }
    }
    this.ticking = false;
  }

  private async read(): Promise<[string, string][]> {
    const tenants = [...new Set([...this.waiting].map((waiter) => waiter.tenantId))];
    const rows = await this.database.transaction({ service: 'intake', tenants }, (tx) => tx.query<{ lead_id: string; outcome: string }>(
      `SELECT lead_id, outcome FROM intake.outcomes WHERE lead_id = ANY ($1::uuid[]) AND outcome IS NOT NULL`,
      [plainArray([...new Set([...this.waiting].map((waiter) => waiter.leadId))])], 'intake.read_outcomes'));
    return rows.map((row) => [row.lead_id, row.outcome]);
  }

  private answer(waiter: Waiter, decision: Decision | undefined): void {
    this.waiting.delete(waiter);
    waiter.resolve(decision);
  }
}
