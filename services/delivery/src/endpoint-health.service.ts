import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { EndpointResumed, EndpointSuspended } from '@sluice/events';
import { Clock, Log } from '@sluice/runtime';
import { afterAttempt, CLOSED, probing, type Breaker } from './breaker.js';
import { BreakersStore, type BreakerRow } from './breakers.store.js';
import { DeliverySettings } from './config.js';
import { eventIdOf } from './event-id.service.js';

export interface EndpointRef {
  readonly endpointId: string;
  readonly tenantId: string;
  readonly methodId: string;
}

const DAY_MS = 86_400_000;
const BREAKERS_KEPT = 20_000;

/** Watches endpoints: suspends those that fail, tries them again, and gives up on those that stay away for days. */
@Injectable()
export class EndpointHealth {
  private readonly breakers = new Map<string, Breaker>();
  private readonly store = new BreakersStore();

  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock, private readonly log: Log,
    private readonly settings: DeliverySettings,
  ) {}

  /** Counts attempts and writes what that changed, in the transaction of their results. Memory moves only with the commit. */
  async count(tx: Tx, attempts: readonly { endpoint: EndpointRef; failed: boolean; gone: boolean }[]): Promise<void> {
    const now = this.clock.now();
    const { DELIVERY_SUSPEND_MS: suspendMs, DELIVERY_SUSPEND_MS_MAX: suspendMsMax } = this.settings.value;
    const moved = new Map<string, { endpoint: EndpointRef; breaker: Breaker }>();
    for (const { endpoint, failed, gone } of attempts) {
      const before = moved.get(endpoint.endpointId)?.breaker ?? this.breakers.get(endpoint.endpointId) ?? CLOSED;
      moved.set(endpoint.endpointId, { endpoint, breaker: afterAttempt(before, failed, now, { suspendMs, suspendMsMax }) });
      if (gone) await this.disable(tx, endpoint, 'gone', now);
    }
    for (const { endpoint, breaker } of moved.values()) await this.write(tx, endpoint, this.breakers.get(endpoint.endpointId) ?? CLOSED,
      breaker, now);
    tx.afterCommit(() => {
      if (this.breakers.size > BREAKERS_KEPT) this.breakers.clear();
      for (const { endpoint, breaker } of moved.values()) this.breakers.set(endpoint.endpointId, breaker);
    });
  }

  /** Endpoints that get one request at a time, if any. */
  unwell(): string[] {
    return [...this.breakers].filter(([, breaker]) => breaker.state !== 'closed').map(([endpointId]) => endpointId);
  }

  /** Takes over what other processes found, and lets endpoints back whose time is up while nothing waits that could try them. */
  async look(): Promise<void> {
    const rows = await this.database.transaction({ service: 'delivery', tenants: [] }, (tx) => this.store.all(tx));
    const seen = new Set(rows.map((row) => row.endpointId));
    for (const [endpointId, breaker] of this.breakers) if (breaker.state !== 'closed' && !seen.has(endpointId)) this.breakers.set(endpointId, CLOSED);
    const now = this.clock.now();
    for (const row of rows) {
      const { state, until, opens, since } = row;
      this.breakers.set(row.endpointId, { state, until, opens, since, buckets: [] });
      if (state === 'open' && now - since > this.settings.value.DELIVERY_DISABLE_AFTER_DAYS * DAY_MS) await this.giveUp(row, now);
      else if (state === 'open' && until <= now && !row.queued) await this.letProbe(row, now);
    }
  }

  private async letProbe(row: BreakerRow, now: number): Promise<void> {
    await this.database.transaction({ service: 'delivery', tenants: [row.tenantId] }, async (tx) => {
      if (!await this.store.probe(tx, row.endpointId)) return;
      this.bus.append(tx, [resumed(row, now)]);
      tx.afterCommit(() => this.breakers.set(row.endpointId, probing({ ...row, state: 'open', buckets: [] })));
    });
  }

  private async giveUp(row: BreakerRow, now: number): Promise<void> {
    await this.database.transaction({ service: 'delivery', tenants: [row.tenantId] }, async (tx) => {
      await this.disable(tx, row, 'suspended_too_long', now);
      await this.store.close(tx, row.endpointId);
      tx.afterCommit(() => this.breakers.set(row.endpointId, CLOSED));
    });
  }

  private async disable(tx: Tx, endpoint: EndpointRef, reason: string, now: number): Promise<void> {
    if (!await this.store.disable(tx, endpoint.endpointId, reason, now)) return;
    this.log.warn({ tenantId: endpoint.tenantId, deliveryMethodId: endpoint.methodId, reason }, 'an endpoint is disabled until its method or secret changes');
    // Without an end: until it resumes.
    this.bus.append(tx, [suspended(endpoint, undefined, now)]);
  }

  private async write(tx: Tx, endpoint: EndpointRef, before: Breaker, after: Breaker, now: number): Promise<void> {
    if (after.state === 'open' && (before.state !== 'open' || before.until !== after.until)) {
      await this.store.open(tx, { ...endpoint, until: after.until, opens: after.opens, since: after.since });
      this.bus.append(tx, [suspended(endpoint, after.until, now)]);
      this.log.warn({ tenantId: endpoint.tenantId, deliveryMethodId: endpoint.methodId, opens: after.opens }, 'an endpoint is suspended');
    } else if (after.state === 'closed' && before.state !== 'closed') {
      await this.store.close(tx, endpoint.endpointId);
      // One that is on trial was let back already.
      if (before.state === 'open') this.bus.append(tx, [resumed(endpoint, now)]);
      this.log.info({ tenantId: endpoint.tenantId, deliveryMethodId: endpoint.methodId }, 'an endpoint answers again');
    }
  }
}

function suspended({ tenantId, methodId }: EndpointRef, until: number | undefined, now: number) {
  const end = until === undefined ? {} : { until: new Date(until).toISOString() };
  return EndpointSuspended.make({ tenantId, deliveryMethodId: methodId, ...end },
    { id: eventIdOf(`suspended ${tenantId}/${methodId} ${until ?? 'disabled'} ${now}`), time: now });
}

/** The event that lets leads through to an endpoint again. */
export function resumed({ tenantId, methodId }: Pick<EndpointRef, 'tenantId' | 'methodId'>, now: number) {
  return EndpointResumed.make({ tenantId, deliveryMethodId: methodId }, { id: eventIdOf(`resumed ${tenantId}/${methodId} ${now}`), time: now });
}
