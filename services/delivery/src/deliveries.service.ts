import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Clock, Problem, type PageQuery, type Principal } from '@sluice/runtime';
import { excerptPlace } from './attempt-delivery.service.js';
import { DeliveriesStore, type DeliveryFilter, type DeliveryToSettle, type ShownAttempt } from './deliveries.store.js';
import { outcomeEvent } from './outcome-event.js';
import { beforeOf, pageByNumber, withoutNumber } from './page.js';
import { Sealer } from './sealer.service.js';
import { WorkSignal } from './work-signal.service.js';

export type Filters = Omit<DeliveryFilter, 'before' | 'limit'>;

/** What people see of deliveries and decide about them. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly store: DeliveriesStore, private readonly bus: Bus, private readonly clock: Clock, private readonly signal: WorkSignal,
    private readonly sealer: Sealer,
  ) {}

  async list({ tenantId }: Principal, page: PageQuery, filters: Filters) {
    const filter = filterOf(page, filters);
    return pageByNumber(await this.store.inTenant(tenantId, (tx) => this.store.list(tx, tenantId, filter)), page.limit);
  }

  async deadLetters({ tenantId }: Principal, page: PageQuery, filters: Filters) {
    const filter = filterOf(page, filters);
    return pageByNumber(await this.store.inTenant(tenantId, (tx) => this.store.deadLetters(tx, tenantId, filter)), page.limit);
  }

  /** One delivery with its attempts. Throws a Problem where the tenant has none of this id. */
  async one({ tenantId }: Principal, id: string) {
    const found = await this.store.inTenant(tenantId, (tx) => this.store.one(tx, id));
    if (!found) throw notFound(id);
    const attemptList = found.attempts.map((attempt) => ({ ...attempt, excerpt: this.excerptOf(id, attempt) }));
    return { ...withoutNumber(found.delivery), attemptList };
  }

  /** A person says how a delivery ended that nobody answered. */
  async settle(caller: Principal, id: string, outcome: 'accepted' | 'rejected', reason: string | undefined) {
    await this.store.inTenant(caller.tenantId, async (tx) => {
      const [delivery] = await this.store.lock(tx, [id]);
      if (!delivery) throw notFound(id);
      if (delivery.state !== 'unresolved') {
        throw new Problem(409, 'not_unresolved', `Only a delivery that nobody answered can be settled by hand; this one is ${delivery.state}.`);
      }
      const now = this.clock.now();
      await this.store.settle(tx, id, outcome, reason, `${caller.kind}:${caller.id}`, now);
      this.bus.append(tx, [outcomeEvent(delivery, {
        state: outcome, attempts: delivery.attempts, reason: reason ?? 'settled_by_hand', at: now, traceparent: delivery.traceparent ?? undefined,
      })]);
    });
    return this.one(caller, id);
  }

  /** Tries a delivery again from the start of its schedule, under the same webhook id. */
  async redrive(caller: Principal, id: string) {
    const { refused } = await this.redriveAll(caller, [id]);
    const [refusal] = refused;
    if (refusal?.code === 'not_found') throw notFound(id);
    if (refusal) throw new Problem(409, refusal.code, refusal.detail);
    return this.one(caller, id);
  }

  /** Tries many again; those that cannot be are named with the reason, and keep nobody else from it. */
  async redriveAll({ tenantId }: Principal, ids: readonly string[]) {
    return this.store.inTenant(tenantId, async (tx) => {
      const found = new Map((await this.store.lock(tx, ids)).map((delivery) => [delivery.outboundLeadId, delivery]));
      const refused = ids.flatMap((id) => {
        const refusal = redriveRefusal(found.get(id));
        return refusal ? [{ id, ...refusal }] : [];
      });
      const kept = new Set(refused.map(({ id }) => id));
      const redriven = ids.filter((id) => !kept.has(id));
      await this.store.requeue(tx, redriven, this.clock.now());
      tx.afterCommit(() => this.signal.wake());
      return { redriven, refused };
    });
  }

  private excerptOf(id: string, { n, excerpt }: ShownAttempt): string | null {
    return excerpt === null ? null : this.sealer.open(excerptPlace(id, n), excerpt);
  }
}

function redriveRefusal(delivery: DeliveryToSettle | undefined): { code: string; detail: string } | undefined {
  if (!delivery) return { code: 'not_found', detail: 'There is no such delivery.' };
  const { state, released } = delivery;
  if (state === 'pending') return { code: 'already_pending', detail: 'This delivery is being tried already.' };
  if (state === 'accepted') return { code: 'already_accepted', detail: 'The client has accepted this lead; a repeat would sell it twice.' };
  if (state !== 'unresolved' || released !== null) {
    return {
      code: 'reservation_released',
      detail: `The reservation of this delivery ended (${released ?? state}), and its units may be another lead's by now. `
        + 'Distribute the lead to the contract again: that reserves anew and makes a new delivery.',
    };
  }
  return undefined;
}

function filterOf(page: PageQuery, filters: Filters): DeliveryFilter {
  return { ...filters, before: beforeOf(page), limit: page.limit + 1 };
}

function notFound(id: string): Problem {
  return new Problem(404, 'not_found', `There is no delivery "${id}". The id is that of the outbound lead.`);
}
