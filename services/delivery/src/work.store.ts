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

interface ClaimedRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly endpoint_id: string;
  readonly epoch: number;
  /** It was claimed before, and that claim's process is gone. */
  readonly lost: boolean;
  /** Of a lost one: when it was claimed, in ms. */
  readonly started_at: number | null;
}

/** A result that was written: whose, and of which claim. */
interface WrittenRow {
  readonly id: string;
  readonly epoch: number;
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
   * Claims what is due, fairly over the endpoints, and commits that before a byte is sent: the claim is the started attempt, so that
   * whatever happens after this it will be known that the client may have been asked. A claim whose process was lost becomes an attempt
   * without an answer.
   */
  async claim(quotas: Quotas, now: number, leaseMs: number): Promise<ClaimedDelivery[]> {
    return this.database.transaction({ service: 'delivery', tenants: [], pipelined: true }, async (tx) => {
      const [, rows] = await Promise.all([planOnce(tx), tx.query<ClaimedRow>(CLAIM, [
        quotas.after, now, plainArray([...quotas.named.keys()]), plainArray([...quotas.named.values()]), quotas.rest, quotas.total, leaseMs,
      ], 'delivery.claim')]);
      return rows.length === 0 ? [] : this.read(tx, rows, now);
    });
  }

  private async read(tx: Tx, rows: readonly ClaimedRow[], now: number): Promise<ClaimedDelivery[]> {
    const lost = rows.filter((row) => row.lost);
    // Asked for together, so that they share a round trip. The lost ones first: what is read of a delivery counts them.
    const [, endpoints, deliveries] = await Promise.all([
      lost.length === 0 ? undefined : tx.query(LOST, [
        textArray(lost.map((row) => row.id)), textArray(lost.map((row) => row.tenant_id)), plainArray(lost.map((row) => row.epoch - 1)),
        plainArray(lost.map((row) => row.started_at ?? now)),
      ], 'delivery.lost'),
      tx.query<{ endpoint_id: string; revision: number }>('SELECT endpoint_id, revision FROM delivery.endpoints WHERE endpoint_id = ANY ($1::bigint[])',
        [plainArray([...new Set(rows.map((row) => row.endpoint_id))])], 'delivery.revisions'),
      tx.query<Omit<ClaimedDelivery, 'epoch' | 'revision'>>(READ, [textArray(rows.map((row) => row.id))], 'delivery.read'),
    ]);
    const revisions = new Map(endpoints.map((row) => [row.endpoint_id, row.revision]));
    const epochs = new Map(rows.map((row) => [row.id, row.epoch]));
    return deliveries.map((delivery) => Object.assign(delivery, {
      epoch: epochs.get(delivery.outboundLeadId)!, revision: revisions.get(delivery.endpointId) ?? 0,
    }));
  }

  /** Writes results; answers those whose claim still stood. The transaction's tenants must be those of the results. */
  async settle(tx: Tx, results: readonly SettledAttempt[], now: number): Promise<Set<SettledAttempt>> {
    const ended = results.filter((result) => result.state !== 'pending');
    const again = ended.length === results.length ? [] : results.filter((result) => result.state === 'pending');
    const [, ...written] = await Promise.all([
      planJoinsOnce(tx),
      ended.length === 0 ? [] : tx.query<WrittenRow>(END, resultArrays(ended, now), 'delivery.end'),
      again.length === 0 ? [] : tx.query<WrittenRow>(AGAIN, [...resultArrays(again, now), plainArray(again.map((r) => r.dueAt))], 'delivery.again'),
    ]);
    // By the claim: a late result may stand beside that of the claim after it.
    const epochs = new Map(written.flat().map((row) => [row.id, row.epoch]));
    const mine = new Set(results.filter(({ claimed }) => epochs.get(claimed.outboundLeadId) === claimed.epoch));
    const late = mine.size === results.length ? [] : results.filter((result) => !mine.has(result));
    if (late.length > 0) await tx.query(LATE, resultArrays(late, now).slice(0, 8), 'delivery.late');
    return mine;
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
    SELECT q.outbound_lead_id, q.claimed, q.started_at FROM turn CROSS JOIN LATERAL (
      SELECT outbound_lead_id, claimed, started_at FROM delivery.queue
       WHERE endpoint_id = turn.endpoint_id AND turn_at <= to_timestamp($2 / 1000.0) AND due_at <= to_timestamp($2 / 1000.0)
       ORDER BY turn_at LIMIT greatest(0, turn.quota) FOR UPDATE SKIP LOCKED) q
     LIMIT $6::int),
  taken AS (
    UPDATE delivery.queue q SET due_at = to_timestamp(($2 + $7::int) / 1000.0), epoch = q.epoch + 1, claimed = true, started_at = to_timestamp($2 / 1000.0)
      FROM due WHERE q.outbound_lead_id = due.outbound_lead_id
    RETURNING q.outbound_lead_id AS id, q.tenant_id, q.endpoint_id, q.epoch, due.claimed AS lost,
              (extract(epoch FROM due.started_at) * 1000)::float8 AS started_at),
  scope AS (SELECT set_config('sluice.tenants', string_agg(DISTINCT tenant_id, ','), true) FROM taken)
  SELECT taken.* FROM taken, scope`;

/** Attempts whose process was lost. One of the version before has its row already. */
const LOST = `
  WITH c AS (SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::float8[]) AS c (id, tenant_id, n, started_at)),
  counted AS (UPDATE delivery.deliveries d SET attempts = d.attempts + 1, exposure = 'lost' FROM c
               WHERE d.outbound_lead_id = ANY ($1) AND d.outbound_lead_id = c.id)
  INSERT INTO delivery.attempts AS a (outbound_lead_id, n, tenant_id, started_at, outcome, reason)
  SELECT id, n, tenant_id, to_timestamp(started_at / 1000.0), 'unanswered', 'process_lost' FROM c
  ON CONFLICT (outbound_lead_id, n) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason WHERE a.outcome = 'started'`;

const READ = `
  SELECT outbound_lead_id AS "outboundLeadId", tenant_id AS "tenantId", endpoint_id AS "endpointId", lead_id AS "leadId", campaign_id AS "campaignId",
         contract_id AS "contractId", client_id AS "clientId", source_id AS "sourceId", template_version AS "templateVersion", webhook_id AS "webhookId",
         price_minor AS "priceMinor", currency, attributes, (extract(epoch FROM received_at) * 1000)::float8 AS "receivedAt",
         (extract(epoch FROM reserved_at) * 1000)::float8 AS "reservedAt", traceparent, attempts, attempts_base AS "attemptsBase", exposure,
         released IS NOT NULL AS released
    FROM delivery.deliveries WHERE outbound_lead_id = ANY ($1)`;

/** The parameters of a statement that writes results, $1 to $14. */
function resultArrays(results: readonly SettledAttempt[], now: number): unknown[] {
  const text = (pick: (result: SettledAttempt) => string | undefined) => textArray(results.map(pick));
  return [
    text((r) => r.claimed.outboundLeadId), plainArray(results.map((r) => r.claimed.epoch)), text((r) => r.outcome), text((r) => r.reason),
    plainArray(results.map((r) => r.status)), plainArray(results.map((r) => r.durationMs)), text((r) => r.excerpt?.toString('hex')),
    text((r) => r.traceparent), text((r) => r.state), text((r) => r.deliveryReason), text((r) => r.reference),
    plainArray(results.map((r) => r.attempts)), text((r) => r.exposure), now,
  ];
}

/**
 * What results whose claim still stands change: the queue by `fence`, the attempt's row, the delivery, the dead letters. A claim stands
 * until its result is written, once: a batch whose commit nobody heard of can be written again.
 */
const settleBy = (fence: string, more: { type: string; name: string } | undefined) => `
  WITH r AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
      $12::int[], $13::text[]${more ? `, ${more.type}` : ''})
      AS r (id, epoch, outcome, reason, status, duration_ms, excerpt, traceparent, state, delivery_reason, reference, attempts, exposure${more ? `, ${more.name}` : ''})),
  mine AS (${fence} RETURNING r.*, q.tenant_id, coalesce(q.started_at, to_timestamp($14 / 1000.0)) AS started_at),
  attempted AS (
    INSERT INTO delivery.attempts (outbound_lead_id, n, tenant_id, started_at, outcome, reason, status, duration_ms, excerpt, traceparent)
    SELECT id, epoch, tenant_id, started_at, outcome, reason, status, duration_ms, decode(excerpt, 'hex'), traceparent FROM mine),
  changed AS (
    UPDATE delivery.deliveries d SET state = m.state, reason = m.delivery_reason, client_reference = m.reference, attempts = m.attempts, exposure = m.exposure,
           settled_at = CASE WHEN m.state = 'pending' THEN NULL ELSE to_timestamp($14 / 1000.0) END
      FROM mine m WHERE d.outbound_lead_id = ANY ($1) AND d.outbound_lead_id = m.id),
  dead AS (
    INSERT INTO delivery.dead_letters (outbound_lead_id, tenant_id, state, reason, at)
    SELECT id, tenant_id, state, delivery_reason, to_timestamp($14 / 1000.0) FROM mine WHERE state IN ('failed', 'unresolved')
    ON CONFLICT (outbound_lead_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, at = excluded.at)
  SELECT id, epoch FROM mine`;

const END = settleBy('DELETE FROM delivery.queue q USING r WHERE q.outbound_lead_id = ANY ($1) AND q.outbound_lead_id = r.id AND q.epoch = r.epoch AND q.claimed', undefined);

const AGAIN = settleBy(`UPDATE delivery.queue q SET due_at = to_timestamp(r.due_at / 1000.0), turn_at = to_timestamp(r.due_at / 1000.0), claimed = false FROM r
  WHERE q.outbound_lead_id = ANY ($1) AND q.outbound_lead_id = r.id AND q.epoch = r.epoch AND q.claimed`, { type: '$15::float8[]', name: 'due_at' });

/** An answer that came after its claim had gone to another says what it was; nothing follows from it. */
const LATE = `
  UPDATE delivery.attempts a SET outcome = r.outcome, reason = r.reason, status = r.status, duration_ms = r.duration_ms,
         excerpt = decode(r.excerpt, 'hex'), traceparent = r.traceparent
    FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[])
      AS r (id, epoch, outcome, reason, status, duration_ms, excerpt, traceparent)
   WHERE a.outbound_lead_id = ANY ($1) AND a.outbound_lead_id = r.id AND a.n = r.epoch`;
