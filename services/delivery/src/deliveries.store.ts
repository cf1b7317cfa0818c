import { Injectable } from '@nestjs/common';
import { Database, textArray, type Tx } from '@sluice/db';
import type { Exposure } from './next-step.js';

export interface ShownDelivery {
  readonly no: string;
  readonly id: string;
  readonly lead: string;
  readonly campaign: string;
  readonly contract: string;
  readonly client: string;
  readonly deliveryMethod: string;
  readonly webhookId: string;
  readonly state: string;
  readonly reason: string | null;
  readonly clientReference: string | null;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly settledAt: Date | null;
  readonly settledBy: string | null;
  readonly nextAttemptAt: Date | null;
}

export interface ShownAttempt {
  readonly n: number;
  readonly startedAt: Date;
  readonly outcome: string;
  readonly reason: string | null;
  readonly status: number | null;
  readonly durationMs: number | null;
  readonly excerpt: Buffer | null;
}

export interface DeliveryFilter {
  readonly state?: string | undefined;
  readonly contract?: string | undefined;
  readonly lead?: string | undefined;
  readonly deliveryMethod?: string | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

/** A delivery as a person's decision needs it. */
export interface DeliveryToSettle {
  readonly outboundLeadId: string;
  readonly tenantId: string;
  readonly leadId: string;
  readonly contractId: string;
  readonly clientId: string;
  readonly endpointId: string | null;
  readonly state: string;
  readonly released: string | null;
  readonly attempts: number;
  readonly exposure: Exposure;
  readonly traceparent: string | null;
}

const SHOWN = `d.no, d.outbound_lead_id AS id, d.lead_id AS lead, d.campaign_id AS campaign, d.contract_id AS contract, d.client_id AS client,
  d.method_id AS "deliveryMethod", d.webhook_id AS "webhookId", CASE WHEN q.claimed THEN 'leased' ELSE d.state END AS state, d.reason,
  d.client_reference AS "clientReference", d.attempts, d.created_at AS "createdAt", d.settled_at AS "settledAt", d.settled_by AS "settledBy",
  CASE WHEN q.claimed THEN NULL ELSE q.due_at END AS "nextAttemptAt"`;

/** What people read and decide about deliveries. */
@Injectable()
export class DeliveriesStore {
  constructor(private readonly database: Database) {}

  inTenant<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'delivery', tenants: [tenantId] }, work);
  }

  /** The newest first. */
  async list(tx: Tx, tenantId: string, filter: DeliveryFilter): Promise<ShownDelivery[]> {
    return tx.query<ShownDelivery>(`
      SELECT ${SHOWN} FROM delivery.deliveries d LEFT JOIN delivery.queue q ON q.outbound_lead_id = d.outbound_lead_id
       WHERE d.tenant_id = $1 AND ($2::bigint IS NULL OR d.no < $2) AND ($3::text IS NULL OR d.contract_id = $3) AND ($4::text IS NULL OR d.lead_id = $4)
         AND ($5::text IS NULL OR d.method_id = $5)
         AND ($6::text IS NULL OR CASE WHEN $6 = 'leased' THEN q.claimed ELSE d.state = $6 END)
       ORDER BY d.no DESC LIMIT $7`,
    [tenantId, filter.before ?? null, filter.contract ?? null, filter.lead ?? null, filter.deliveryMethod ?? null, filter.state ?? null,
      filter.limit]);
  }

  async one(tx: Tx, outboundLeadId: string): Promise<{ delivery: ShownDelivery; attempts: ShownAttempt[] } | undefined> {
    const [delivery] = await tx.query<ShownDelivery>(
      `SELECT ${SHOWN} FROM delivery.deliveries d LEFT JOIN delivery.queue q ON q.outbound_lead_id = d.outbound_lead_id WHERE d.outbound_lead_id = $1`,
      [outboundLeadId]);
    if (!delivery) return undefined;
    const attempts = await tx.query<ShownAttempt>(`
      SELECT n, started_at AS "startedAt", outcome, reason, status, duration_ms AS "durationMs", excerpt
        FROM delivery.attempts WHERE outbound_lead_id = $1
      UNION ALL
      SELECT epoch, started_at, 'started', NULL, NULL, NULL, NULL FROM delivery.queue q
       WHERE q.outbound_lead_id = $1 AND q.claimed
         AND NOT EXISTS (SELECT FROM delivery.attempts a WHERE a.outbound_lead_id = q.outbound_lead_id AND a.n = q.epoch)
       ORDER BY n`, [outboundLeadId]);
    return { delivery, attempts };
  }

  /** What ended without the client's word, the newest first. */
  async deadLetters(tx: Tx, tenantId: string, filter: DeliveryFilter): Promise<(ShownDelivery & { at: Date })[]> {
    return tx.query(`
      SELECT ${SHOWN}, l.no, l.at FROM delivery.dead_letters l JOIN delivery.deliveries d ON d.outbound_lead_id = l.outbound_lead_id
        LEFT JOIN delivery.queue q ON q.outbound_lead_id = d.outbound_lead_id
       WHERE l.tenant_id = $1 AND ($2::bigint IS NULL OR l.no < $2) AND ($3::text IS NULL OR d.contract_id = $3) AND ($4::text IS NULL OR d.method_id = $4)
         AND ($5::text IS NULL OR l.state = $5)
       ORDER BY l.no DESC LIMIT $6`,
    [tenantId, filter.before ?? null, filter.contract ?? null, filter.deliveryMethod ?? null, filter.state ?? null, filter.limit]);
  }

  /** Locks deliveries, in the order of their ids, so that two people's decisions come one after the other. */
  async lock(tx: Tx, outboundLeadIds: readonly string[]): Promise<DeliveryToSettle[]> {
    return tx.query<DeliveryToSettle>(`
      SELECT outbound_lead_id AS "outboundLeadId", tenant_id AS "tenantId", lead_id AS "leadId", contract_id AS "contractId", client_id AS "clientId",
             endpoint_id AS "endpointId", state, released, attempts, exposure, traceparent
        FROM delivery.deliveries WHERE outbound_lead_id = ANY ($1) ORDER BY outbound_lead_id FOR UPDATE`, [textArray(outboundLeadIds)]);
  }

  async settle(tx: Tx, outboundLeadId: string, state: 'accepted' | 'rejected', reason: string | undefined, by: string, now: number): Promise<void> {
    await tx.query(`
      UPDATE delivery.deliveries SET state = $2, reason = $3, settled_by = $4, settled_at = to_timestamp($5 / 1000.0) WHERE outbound_lead_id = $1`,
    [outboundLeadId, state, reason ?? null, by, now]);
    await tx.query('DELETE FROM delivery.dead_letters WHERE outbound_lead_id = $1', [outboundLeadId]);
  }

  /** Queues deliveries anew, due now, with the whole schedule before them; what they were sent is not forgotten. */
  async requeue(tx: Tx, outboundLeadIds: readonly string[], now: number): Promise<void> {
    await tx.query(`
      WITH again AS (
        UPDATE delivery.deliveries SET state = 'pending', attempts_base = attempts, settled_at = NULL WHERE outbound_lead_id = ANY ($1)
        RETURNING outbound_lead_id, tenant_id, endpoint_id),
      alive AS (DELETE FROM delivery.dead_letters WHERE outbound_lead_id = ANY ($1))
      INSERT INTO delivery.queue (outbound_lead_id, tenant_id, endpoint_id, due_at, turn_at, epoch)
      SELECT a.outbound_lead_id, a.tenant_id, a.endpoint_id, to_timestamp($2 / 1000.0), to_timestamp($2 / 1000.0),
             coalesce((SELECT max(t.n) FROM delivery.attempts t WHERE t.outbound_lead_id = a.outbound_lead_id), 0)
        FROM again a ON CONFLICT (outbound_lead_id) DO NOTHING`, [textArray(outboundLeadIds), now]);
  }
}
