import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import type { Heard, OutboundLeadReleased, OutboundLeadReserved } from '@sluice/events';
import { Clock } from '@sluice/runtime';
import { newDelivery } from './new-delivery.js';
import { outcomeEvent } from './outcome-event.js';
import { methodKey, ReservationsStore, type WaitingReservation } from './reservations.store.js';
import { WorkSignal } from './work-signal.service.js';
import { webhookIdOf } from './webhook-signature.service.js';

/** Reservations become deliveries. All of a batch in a few statements; the requests themselves are the job's. */
@Injectable()
export class ReservationsService {
  constructor(
    private readonly store: ReservationsStore, private readonly bus: Bus, private readonly clock: Clock,
      private readonly signal: WorkSignal,
  ) {}

  async take(tx: Tx, events: readonly Heard<OutboundLeadReserved>[]): Promise<void> {
    if (events.length === 0) return;
    const reservations = events.map((event) => ({ reservation: event.data, traceparent: event.traceparent }));
    let early = await this.early(tx, reservations);
    if (early.length > 0) {
      // Topics overtake each other. Under the lock nobody can take in the version between this look and the commit, and leave these
      // waiting for ever.
      await this.store.lockConfiguration(tx, tenantsOf(early));
      early = await this.early(tx, reservations);
      await this.store.wait(tx, early);
    }
    const waits = new Set(early);
    await this.begin(tx, early.length === 0 ? reservations : reservations.filter((one) => !waits.has(one)));
  }

  private async early(tx: Tx, reservations: readonly WaitingReservation[]): Promise<WaitingReservation[]> {
    const versions = await this.store.versions(tx, tenantsOf(reservations));
    return reservations.filter(({ reservation }) => (reservation.configurationVersion ?? 0) > (versions.get(reservation.tenantId) ?? 0));
  }

  /** Begins deliveries whose configuration is there; what was begun before is left as it is. */
  async begin(tx: Tx, reservations: readonly WaitingReservation[]): Promise<void> {
    if (reservations.length === 0) return;
    const now = this.clock.now();
    const wanted = new Map(reservations.filter(({ reservation }) => reservation.deliveryMethodId).map(({ reservation }) => {
      const one = { tenantId: reservation.tenantId, methodId: reservation.deliveryMethodId ?? '', version: reservation.configurationVersion ?? 0 };
      return [methodKey(one.tenantId, one.methodId, one.version), one];
    }));
    const methods = await this.store.methods(tx, [...wanted.values()]);
    const deliveries = reservations.map(({ reservation, traceparent }) => newDelivery(
      reservation, traceparent, webhookIdOf(reservation.outboundLeadId),
      methods.get(methodKey(reservation.tenantId, reservation.deliveryMethodId ?? '', reservation.configurationVersion ?? 0))));
    const added = await this.store.insert(tx, deliveries, now);
    const fresh = deliveries.filter((delivery) => added.delete(delivery.reservation.outboundLeadId));
    this.bus.append(tx, fresh.flatMap(({ state, reservation, reason, traceparent }) => (
      state === 'pending' ? [] : [outcomeEvent(reservation, { state, attempts: 0, reason, at: now, traceparent })])));
    if (fresh.some((delivery) => delivery.state === 'pending')) tx.afterCommit(() => this.signal.wake());
  }

  async release(tx: Tx, events: readonly Heard<OutboundLeadReleased>[]): Promise<void> {
    await this.store.release(tx, events.map(({ data }) => ({ outboundLeadId: data.outboundLeadId, reason: data.reason })),
      this.clock.now());
  }
}

function tenantsOf(reservations: readonly WaitingReservation[]): string[] {
  return [...new Set(reservations.map(({ reservation }) => reservation.tenantId))];
}
