import { Injectable } from '@nestjs/common';
import { Database, plainArray, textArray, type Tx } from '@sluice/db';
import type { EndpointRow } from './endpoint.js';
import type { Exposure, FinalState } from './next-step.js';

/** A delivery that this process may attempt until its lease ends. */
export interface ClaimedDelivery {
  readonly outboundLeadId: string;
  readonly tenantId: string;
  readonly endpointId: string;
  /** Number of the claim, of the attempt, and the fence: results of an older one are not taken. */
  readonly epoch: number;
  readonly revision: number;
  readonly leadId: string;
  readonly campaignId: string;
  readonly contractId: string;
  readonly clientId: string;
  readonly sourceId: string | null;
  readonly templateVersion: number;
  readonly webhookId: string;
  readonly priceMinor: string;
  readonly currency: string;
  readonly attributes: Record<string, unknown>;
  readonly receivedAt: number | null;
  readonly reservedAt: number;
  readonly traceparent: string | null;
  /** Attempts before this one that count. */
  readonly attempts: number;
  readonly attemptsBase: number;
  readonly exposure: Exposure;
  readonly released: boolean;
}

/** How many deliveries a claim takes: of endpoints that are named their own number, of others `rest`. */
export interface Quotas {
  readonly total: number;
  readonly rest: number;
  readonly named: ReadonlyMap<string, number>;
  /** Endpoints up to this one had their turn. */
  readonly after: string;
}

/** What became of an attempt, and what that makes of its delivery. */
export interface SettledAttempt {
  readonly claimed: ClaimedDelivery;
  readonly outcome: string;
  readonly reason: string | undefined;
  readonly status: number | undefined;
  readonly durationMs: number | undefined;
  readonly excerpt: Buffer | undefined;
  readonly traceparent: string | undefined;
  readonly state: 'pending' | FinalState;
  readonly deliveryReason: string | undefined;
  readonly reference: string | undefined;
  readonly attempts: number;
  readonly exposure: Exposure;
  /** Of a pending one: when it is tried again, in ms. */
  readonly dueAt: number;
}

export interface TemplateRow {
  readonly endpoint_id: string;
  readonly version: number;
  readonly body: unknown;
}

/** The job's SQL: claims and results, set-based. */
@Injectable()
export class WorkStore {
  constructor(private readonly database: Database) {}

  /**
   * Claims what is due, fairly over the endpoints, and commits a started attempt for each before a byte is sent: whatever happens after
   * this, it will be known that the client may have been asked. A claim whose process was lost becomes an attempt without an answer.
   */
  async claim(quotas: Quotas, now: number, leaseMs: number): Promise<ClaimedDelivery[]> {
    return this.database.transaction({ service: 'delivery', tenants: [], pipelined: true }, async (tx) => {
      const [, rows] = await Promise.all([planOnce(tx), tx.query<{ id: string; tenant_id: string; epoch: number; lost: boolean }>(CLAIM, [
        quotas.after, now, plainArray([...quotas.named.keys()]), plainArray([...quotas.named.values()]), quotas.rest, quotas.total, leaseMs,
      ], 'delivery.claim')]);
      if (rows.length === 0) return [];
      return this.begin(tx, rows, now);
    });
  }

  private begin(tx: Tx, rows: readonly { id: string; tenant_id: string; epoch: number; lost: boolean }[],
    now: number): Promise<ClaimedDelivery[]> {
    return tx.query<ClaimedDelivery>(BEGIN, [
      textArray(rows.map((row) => row.id)), textArray(rows.map((row) => row.tenant_id)), plainArray(rows.map((row) => row.epoch)),
      plainArray(rows.map((row) => row.lost)), now,
    ], 'delivery.begin');
  }

  /** Writes results; answers the ids of those whose claim still stood. The transaction's tenants must be those of the results. */
  async settle(tx: Tx, results: readonly SettledAttempt[], now: number): Promise<Set<string>> {
    const text = (pick: (result: SettledAttempt) => string | undefined) => textArray(results.map(pick));
    const [, rows] = await Promise.all([planJoinsOnce(tx), tx.query<{ id: string }>(SETTLE, [
      text((r) => r.claimed.outboundLeadId), plainArray(results.map((r) => r.claimed.epoch)), text((r) => r.outcome), text((r) => r.reason),
      plainArray(results.map((r) => r.status)), plainArray(results.map((r) => r.durationMs)), text((r) => r.excerpt?.toString('hex')),
      text((r) => r.traceparent), text((r) => r.state), text((r) => r.deliveryReason), text((r) => r.reference),
      plainArray(results.map((r) => r.attempts)), text((r) => r.exposure), plainArray(results.map((r) => r.dueAt)), now,
    ], 'delivery.settle')]);
    return new Set(rows.map((row) => row.id));
  }

  async endpoints(tx: Tx, endpointIds: readonly string[]): Promise<EndpointRow[]> {
    return tx.query<EndpointRow>(`
      SELECT endpoint_id, tenant_id, method_id, revision, body, removed, disabled_at IS NOT NULL AS disabled, secret, previous_secret,
             (extract(epoch FROM previous_until) * 1000)::float8 AS previous_until
        FROM delivery.endpoints WHERE endpoint_id = ANY ($1::bigint[])`, [plainArray(endpointIds)], 'delivery.endpoints');
  }

  async templates(tx: Tx, wanted: readonly { endpointId: string; version: number }[]): Promise<TemplateRow[]> {
    return tx.query(`
      SELECT t.endpoint_id, t.version, t.body FROM unnest($1::bigint[], $2::int[]) AS w (endpoint_id, version)
        JOIN delivery.templates t ON t.endpoint_id = w.endpoint_id AND t.version = w.version`,
    [plainArray(wanted.map((one) => one.endpointId)), plainArray(wanted.map((one) => one.version))], 'delivery.templates');
  }

  scoped<T>(tenants: readonly string[], work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'delivery', tenants, pipelined: true }, work);
  }
}

/**
 * The statements of this file name the rows they touch (`= ANY`), so that the planner goes by the index even of a new table of which it
 * knows nothing; a plan made once is then as good as one made for each batch, which costs milliseconds.
 */
export async function planOnce(tx: Tx): Promise<void> {
  await tx.query(`SELECT set_config('plan_cache_mode', 'force_generic_plan', true)`, [], 'delivery.plan-once');
}

/**
 * The same for a statement that joins its lists with the rows it names. A plan made once takes every list for a short one and would
 * compare each row with each element, 250,000 times for 500 results: joins by hash only.
 */
async function planJoinsOnce(tx: Tx): Promise<void> {
  await tx.query(`SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_nestloop', 'off', true)`, [],
    'delivery.plan-joins-once');
}

/**
 * Steps from endpoint to endpoint by the index, so that a client with a million waiting deliveries costs what one with ten does, and
 * takes of each its number. Of a suspended endpoint whose time is up one is taken, as a probe. The rows' tenants become those of the
 * transaction.
 */
const CLAIM = `
  WITH RECURSIVE step (endpoint_id) AS (
    (SELECT endpoint_id FROM delivery.queue WHERE endpoint_id > $1 ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT q.endpoint_id FROM delivery.queue q WHERE q.endpoint_id > step.endpoint_id ORDER BY q.endpoint_id LIMIT 1) FROM step
     WHERE step.endpoint_id IS NOT NULL),
  turn AS (
    SELECT s.endpoint_id, CASE WHEN b.endpoint_id IS NOT NULL THEN least(1, coalesce(n.quota, 1)) ELSE coalesce(n.quota, $5::int) END AS quota
      FROM step s LEFT JOIN unnest($3::bigint[], $4::int[]) AS n (endpoint_id, quota) ON n.endpoint_id = s.endpoint_id
      LEFT JOIN delivery.breakers b ON b.endpoint_id = s.endpoint_id
     WHERE s.endpoint_id IS NOT NULL AND (b.until IS NULL OR b.until <= to_timestamp($2 / 1000.0))),
  due AS (
    SELECT q.outbound_lead_id, q.claimed FROM turn CROSS JOIN LATERAL (
      SELECT outbound_lead_id, claimed FROM delivery.queue
       WHERE endpoint_id = turn.endpoint_id AND due_at <= to_timestamp($2 / 1000.0) ORDER BY due_at LIMIT greatest(0, turn.quota) FOR UPDATE SKIP LOCKED) q
     LIMIT $6::int),
  taken AS (
    UPDATE delivery.queue q SET due_at = to_timestamp(($2 + $7::int) / 1000.0), epoch = q.epoch + 1, claimed = true
      FROM due WHERE q.outbound_lead_id = due.outbound_lead_id
    RETURNING q.outbound_lead_id AS id, q.tenant_id, q.epoch, due.claimed AS lost),
  scope AS (SELECT set_config('sluice.tenants', string_agg(DISTINCT tenant_id, ','), true) FROM taken)
  SELECT taken.* FROM taken, scope`;

const BEGIN = `
  WITH c AS (SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::boolean[]) AS c (id, tenant_id, epoch, lost)),
  lost AS (UPDATE delivery.attempts a SET outcome = 'unanswered', reason = 'process_lost' FROM c
            WHERE c.lost AND a.outbound_lead_id = ANY ($1) AND a.outbound_lead_id = c.id AND a.n = c.epoch - 1 AND a.outcome = 'started'),
  counted AS (UPDATE delivery.deliveries d SET attempts = d.attempts + 1, exposure = 'lost' FROM c
             WHERE c.lost AND d.outbound_lead_id = ANY ($1) AND d.outbound_lead_id = c.id),
  started AS (INSERT INTO delivery.attempts (outbound_lead_id, n, tenant_id, started_at, outcome)
              SELECT id, epoch, tenant_id, to_timestamp($5 / 1000.0), 'started' FROM c)
  SELECT d.outbound_lead_id AS "outboundLeadId", d.tenant_id AS "tenantId", d.endpoint_id AS "endpointId", c.epoch, e.revision, d.lead_id AS "leadId",
         d.campaign_id AS "campaignId", d.contract_id AS "contractId", d.client_id AS "clientId", d.source_id AS "sourceId",
         d.template_version AS "templateVersion", d.webhook_id AS "webhookId", d.price_minor AS "priceMinor", d.currency, d.attributes,
         (extract(epoch FROM d.received_at) * 1000)::float8 AS "receivedAt", (extract(epoch FROM d.reserved_at) * 1000)::float8 AS "reservedAt",
         d.traceparent, d.attempts + c.lost::int AS attempts, d.attempts_base AS "attemptsBase",
         CASE WHEN c.lost THEN 'lost' ELSE d.exposure END AS exposure, d.released IS NOT NULL AS released
    FROM c CROSS JOIN LATERAL (SELECT * FROM delivery.deliveries o WHERE o.outbound_lead_id = c.id LIMIT 1) d
      CROSS JOIN LATERAL (SELECT revision FROM delivery.endpoints o WHERE o.endpoint_id = d.endpoint_id LIMIT 1) e`;

const SETTLE = `
  WITH r AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
      $12::int[], $13::text[], $14::float8[])
      AS r (id, epoch, outcome, reason, status, duration_ms, excerpt, traceparent, state, delivery_reason, reference, attempts, exposure, due_at)),
  gone AS (
    DELETE FROM delivery.queue q USING r WHERE q.outbound_lead_id = ANY ($1) AND q.outbound_lead_id = r.id AND q.epoch = r.epoch AND r.state <> 'pending'
    RETURNING r.id, q.tenant_id, r.state, r.delivery_reason, r.reference, r.attempts, r.exposure),
  later AS (
    UPDATE delivery.queue q SET due_at = to_timestamp(r.due_at / 1000.0), claimed = false FROM r
     WHERE q.outbound_lead_id = ANY ($1) AND q.outbound_lead_id = r.id AND q.epoch = r.epoch AND r.state = 'pending'
    RETURNING r.id, q.tenant_id, r.state, r.delivery_reason, r.reference, r.attempts, r.exposure),
  mine AS (SELECT * FROM gone UNION ALL SELECT * FROM later),
  attempted AS (
    UPDATE delivery.attempts a SET outcome = r.outcome, reason = r.reason, status = r.status, duration_ms = r.duration_ms,
           excerpt = decode(r.excerpt, 'hex'), traceparent = r.traceparent
      FROM r WHERE a.outbound_lead_id = ANY ($1) AND a.outbound_lead_id = r.id AND a.n = r.epoch),
  changed AS (
    UPDATE delivery.deliveries d SET state = m.state, reason = m.delivery_reason, client_reference = m.reference, attempts = m.attempts, exposure = m.exposure,
           settled_at = CASE WHEN m.state = 'pending' THEN NULL ELSE to_timestamp($15 / 1000.0) END
      FROM mine m WHERE d.outbound_lead_id = ANY ($1) AND d.outbound_lead_id = m.id),
  dead AS (
    INSERT INTO delivery.dead_letters (outbound_lead_id, tenant_id, state, reason, at)
    SELECT id, tenant_id, state, delivery_reason, to_timestamp($15 / 1000.0) FROM mine WHERE state IN ('failed', 'unresolved')
    ON CONFLICT (outbound_lead_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, at = excluded.at)
  SELECT id FROM mine`;
