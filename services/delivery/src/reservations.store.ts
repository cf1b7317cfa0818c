import { Injectable } from '@nestjs/common';
import { plainArray, textArray, type Tx } from '@sluice/db';
import type { OutboundLeadReserved } from '@sluice/events';
import type { KnownMethod, NewDelivery } from './new-delivery.js';
import { planOnce } from './work.store.js';

export interface WaitingReservation {
  readonly reservation: OutboundLeadReserved;
  readonly traceparent: string | undefined;
}

/** What the consumer writes: reservations in, releases, and those that wait for their configuration. */
@Injectable()
export class ReservationsStore {
  /** The newest configuration version that each tenant's deliveries go by; absent: none yet. */
  async versions(tx: Tx, tenants: readonly string[]): Promise<Map<string, number>> {
    const rows = await tx.query<{ tenant_id: string; version: number }>(
      'SELECT tenant_id, version FROM delivery.configurations WHERE tenant_id = ANY ($1)', [textArray(tenants)], 'delivery.versions');
    return new Map(rows.map((row) => [row.tenant_id, row.version]));
  }

  /** Waits for whoever is just taking in a version of these tenants, and keeps others from it until the commit. */
  async lockConfiguration(tx: Tx, tenants: readonly string[]): Promise<void> {
    for (const tenant of [...tenants].sort()) await tx.query(`SELECT pg_advisory_xact_lock(hashtext('delivery.configuration'), hashtext($1))`, [tenant]);
  }

  /** Methods by `methodKey`. */
  async methods(tx: Tx, wanted: readonly { tenantId: string; methodId: string; version: number }[]): Promise<Map<string, KnownMethod>> {
    if (wanted.length === 0) return new Map();
    const rows = await tx.query<{ tenant_id: string; method_id: string; version: number; endpoint_id: string; template_version: number }>(`
      SELECT w.tenant_id, w.method_id, w.version, e.endpoint_id,
             coalesce((SELECT max(t.version) FROM delivery.templates t WHERE t.endpoint_id = e.endpoint_id AND t.version <= w.version), e.version) AS template_version
        FROM unnest($1::text[], $2::text[], $3::int[]) AS w (tenant_id, method_id, version)
        JOIN delivery.endpoints e ON e.tenant_id = w.tenant_id AND e.method_id = w.method_id`,
    [textArray(wanted.map((one) => one.tenantId)), textArray(wanted.map((one) => one.methodId)),
      plainArray(wanted.map((one) => one.version))],
    'delivery.methods');
    return new Map(rows.map((row) => [
      methodKey(row.tenant_id, row.method_id, row.version), { endpointId: row.endpoint_id, templateVersion: row.template_version },
    ]));
  }

  /** Stores deliveries and queues the pending ones, due at once; answers the ids that were not there before. `now` in ms. */
  async insert(tx: Tx, deliveries: readonly NewDelivery[], now: number): Promise<Set<string>> {
    if (deliveries.length === 0) return new Set();
    const text = (pick: (delivery: NewDelivery) => string | null | undefined) => textArray(deliveries.map(pick));
    const rows = await tx.query<{ outbound_lead_id: string }>(INSERT, [
      text((d) => d.reservation.outboundLeadId), text((d) => d.reservation.tenantId), text((d) => d.reservation.leadId),
      text((d) => d.reservation.campaignId ?? ''), text((d) => d.reservation.contractId), text((d) => d.reservation.clientId),
      text((d) => d.reservation.sourceId), text((d) => d.reservation.deliveryMethodId ?? ''), plainArray(deliveries.map((d) => d.endpointId)),
      plainArray(deliveries.map((d) => d.templateVersion)), text((d) => d.webhookId), text((d) => d.reservation.priceMinor),
      text((d) => d.reservation.currency), text((d) => JSON.stringify(d.reservation.attributes ?? {})),
      text((d) => d.reservation.receivedAt),
      text((d) => d.reservation.reservedAt), text((d) => d.traceparent), text((d) => d.state), text((d) => d.reason), now,
    ], 'delivery.insert');
    return new Set(rows.map((row) => row.outbound_lead_id));
  }

  /** Keeps reservations until their configuration version has come. */
  async wait(tx: Tx, waiting: readonly WaitingReservation[]): Promise<void> {
    if (waiting.length === 0) return;
    await tx.query(`
      INSERT INTO delivery.waiting (outbound_lead_id, tenant_id, version, traceparent, reservation)
      SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::jsonb[]) ON CONFLICT (outbound_lead_id) DO NOTHING`,
    [textArray(waiting.map(({ reservation }) => reservation.outboundLeadId)),
      textArray(waiting.map(({ reservation }) => reservation.tenantId)),
      plainArray(waiting.map(({ reservation }) => reservation.configurationVersion ?? 0)), textArray(waiting.map((one) => one.traceparent)),
      textArray(waiting.map(({ reservation }) => JSON.stringify(reservation)))]);
  }

  /** Takes out what waited for a version up to this one, in the order it was reserved. */
  async stopWaiting(tx: Tx, tenantId: string, version: number): Promise<WaitingReservation[]> {
    const rows = await tx.query<{ reservation: OutboundLeadReserved; traceparent: string | null }>(
      'DELETE FROM delivery.waiting WHERE tenant_id = $1 AND version <= $2 RETURNING reservation, traceparent', [tenantId, version]);
    return rows.map((row) => ({ reservation: row.reservation, traceparent: row.traceparent ?? undefined }))
      .sort((one, other) => (one.reservation.outboundLeadId < other.reservation.outboundLeadId ? -1 : 1));
  }

  /**
   * Notes that reservations ended. One that no attempt was begun for is over with that; one under way ends with its attempt, since it may
   * have been sent already.
   */
  async release(tx: Tx, released: readonly { outboundLeadId: string; reason: string }[], now: number): Promise<void> {
    if (released.length === 0) return;
    await planOnce(tx);
    // The queue's rows first, as results lock them too.
    await tx.query(`
      WITH r AS (SELECT * FROM unnest($1::text[], $2::text[]) AS r (id, reason)),
      unqueued AS (DELETE FROM delivery.queue q USING r, delivery.deliveries d
                    WHERE q.outbound_lead_id = ANY ($1) AND d.outbound_lead_id = ANY ($1) AND q.outbound_lead_id = r.id AND d.outbound_lead_id = r.id
                      AND NOT q.claimed AND d.exposure = 'none' RETURNING r.id),
      unwaited AS (DELETE FROM delivery.waiting w USING r WHERE w.outbound_lead_id = r.id)
      UPDATE delivery.deliveries d
         SET released = r.reason,
             state = CASE WHEN r.id IN (SELECT id FROM unqueued) THEN 'failed' ELSE d.state END,
             reason = CASE WHEN r.id IN (SELECT id FROM unqueued) THEN r.reason ELSE d.reason END,
             settled_at = CASE WHEN r.id IN (SELECT id FROM unqueued) THEN to_timestamp($3 / 1000.0) ELSE d.settled_at END
        FROM r WHERE d.outbound_lead_id = ANY ($1) AND d.outbound_lead_id = r.id`,
    [textArray(released.map((one) => one.outboundLeadId)), textArray(released.map((one) => one.reason)), now], 'delivery.release');
  }
}

export function methodKey(tenantId: string, methodId: string, version: number): string {
  return `${tenantId}\n${methodId}\n${version}`;
}

const INSERT = `
  WITH n AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::int[], $11::text[],
      $12::bigint[], $13::text[], $14::jsonb[], $15::timestamptz[], $16::timestamptz[], $17::text[], $18::text[], $19::text[])
      AS n (outbound_lead_id, tenant_id, lead_id, campaign_id, contract_id, client_id, source_id, method_id, endpoint_id, template_version, webhook_id,
            price_minor, currency, attributes, received_at, reserved_at, traceparent, state, reason)),
  added AS (
    INSERT INTO delivery.deliveries (outbound_lead_id, tenant_id, lead_id, campaign_id, contract_id, client_id, source_id, method_id, endpoint_id,
      template_version, webhook_id, price_minor, currency, attributes, received_at, reserved_at, traceparent, state, reason, created_at, settled_at)
    SELECT n.*, to_timestamp($20 / 1000.0), CASE WHEN n.state = 'pending' THEN NULL ELSE to_timestamp($20 / 1000.0) END FROM n
    ON CONFLICT (outbound_lead_id) DO NOTHING
    RETURNING outbound_lead_id, tenant_id, endpoint_id, state, reason),
  queued AS (
    INSERT INTO delivery.queue (outbound_lead_id, tenant_id, endpoint_id, due_at, turn_at)
    SELECT outbound_lead_id, tenant_id, endpoint_id, to_timestamp($20 / 1000.0), to_timestamp($20 / 1000.0) FROM added WHERE state = 'pending'),
  dead AS (
    INSERT INTO delivery.dead_letters (outbound_lead_id, tenant_id, state, reason, at)
    SELECT outbound_lead_id, tenant_id, state, reason, to_timestamp($20 / 1000.0) FROM added WHERE state = 'failed')
  SELECT outbound_lead_id FROM added`;
