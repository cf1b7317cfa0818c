import { Injectable } from '@nestjs/common';
import { textArray, type Tx } from '@sluice/db';
import { GIVEN, type Filter } from './distribution-filters.js';

export interface RequestRow {
  readonly requestId: string;
  readonly leadId: string;
  readonly kind: 'manual' | 'cherryPick';
  readonly actor: string;
  readonly caller: string;
  readonly reason: string | null;
  readonly workflowId: string | null;
  readonly contracts: readonly string[];
  readonly overrides: readonly string[];
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  readonly bodyHash: string;
  readonly outcome: Outcome['outcome'] | null;
  readonly attemptId: string | null;
  readonly answeredAt: number | null;
  readonly result: OutcomeResult | null;
}

/** What the engine answered. */
export interface Outcome {
  readonly tenantId: string;
  readonly requestId: string;
  readonly outcome: 'distributed' | 'notDistributed';
  readonly attemptId: string;
  readonly at: number;
  readonly result: OutcomeResult;
}

export interface OutcomeResult {
  readonly picks: readonly {
    readonly outboundLeadId: string; readonly contractId: string; readonly clientId: string;
    /** Minor units as text. */
    readonly priceMinor: string; readonly currency: string;
  }[];
  readonly reason: string | null;
  readonly reasons: readonly string[];
  readonly full: boolean;
}

type NewRow = Omit<RequestRow, 'outcome' | 'attemptId' | 'answeredAt' | 'result'> & { readonly idempotencyKey: string | undefined };
type OfTable = Omit<RequestRow, 'requestedAt' | 'answeredAt' | 'result'> & { requestedAt: string; answeredAt: string | null; result: string | null };

const COLUMNS = `request_id AS "requestId", lead_id AS "leadId", kind, actor, caller, reason, workflow_id AS "workflowId", contracts, overrides,
  requested_at AS "requestedAt", body_hash AS "bodyHash", outcome, attempt_id AS "attemptId", answered_at AS "answeredAt", result`;

/** The filters of the list → conditions on `$n`. */
export const requestFilters = {
  lead: `lead_id = ${GIVEN}`,
  actor: `actor = ${GIVEN}`,
  kind: `kind = ${GIVEN}`,
  state: `coalesce(outcome, 'pending') = ${GIVEN}`,
} as const;

/** All SQL on requests of people. */
@Injectable()
export class DistributionsStore {
  /** False where the key is there already: another request of this moment was first. */
  async add(tx: Tx, tenantId: string, row: NewRow): Promise<boolean> {
    const rows = await tx.query(
      `INSERT INTO workflow.distribution_requests (tenant_id, request_id, lead_id, kind, actor, caller, reason, workflow_id, contracts, overrides,
         requested_at, idempotency_key, body_hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text[], $10::text[], $11, $12, $13) ON CONFLICT DO NOTHING RETURNING request_id`,
      [tenantId, row.requestId, row.leadId, row.kind, row.actor, row.caller, row.reason, row.workflowId, textArray(row.contracts),
        textArray(row.overrides), row.requestedAt, row.idempotencyKey ?? null, row.bodyHash]);
    return rows.length > 0;
  }

  async byKey(tx: Tx, tenantId: string, key: string): Promise<RequestRow | undefined> {
    const [row] = await tx.query<OfTable>(
      `SELECT ${COLUMNS} FROM workflow.distribution_requests WHERE tenant_id = $1 AND idempotency_key = $2`, [tenantId, key]);
    return row && rowOf(row);
  }

  async one(tx: Tx, tenantId: string, requestId: string): Promise<RequestRow | undefined> {
    const [row] = await tx.query<OfTable>(
      `SELECT ${COLUMNS} FROM workflow.distribution_requests WHERE tenant_id = $1 AND request_id = $2`, [tenantId, requestId]);
    return row && rowOf(row);
  }

  /** Newest first. `after`: the last id of the page before. */
  async page(tx: Tx, filter: Filter, limit: number): Promise<RequestRow[]> {
    const rows = await tx.query<OfTable>(
      `SELECT ${COLUMNS} FROM workflow.distribution_requests WHERE ${filter.where} ORDER BY request_id DESC LIMIT ${limit}`, filter.values);
    return rows.map(rowOf);
  }

  /** Keeps what the engine answered; one that is said again changes nothing. Requests of windows are not here, and are passed over. */
  async answer(tx: Tx, outcomes: readonly Outcome[]): Promise<void> {
    const column = (name: keyof Outcome) => textArray(outcomes.map((outcome) => String(outcome[name])));
    await tx.query(
      `UPDATE workflow.distribution_requests r
          SET outcome = o.outcome, attempt_id = o.attempt_id, answered_at = o.at::bigint, result = o.result
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS o (tenant_id, request_id, outcome, attempt_id, at, result)
        WHERE r.tenant_id = o.tenant_id AND r.request_id = o.request_id AND r.outcome IS NULL`,
      [column('tenantId'), column('requestId'), column('outcome'), column('attemptId'), column('at'),
        textArray(outcomes.map(({ result }) => JSON.stringify(result)))], 'workflow.answer_requests');
  }

  /** Which of the requests have their answer. */
  async answered(tx: Tx, requestIds: readonly string[]): Promise<string[]> {
    const rows = await tx.query<{ request_id: string }>(
      'SELECT request_id FROM workflow.distribution_requests WHERE request_id = ANY ($1::text[]) AND outcome IS NOT NULL',
      [textArray(requestIds)], 'workflow.answered_requests');
    return rows.map((row) => row.request_id);
  }

  /** Of these ids of a kind, those that the configuration has now; and its version, to which the request is bound. */
  async known(tx: Tx, tenantId: string, kind: 'contract' | 'workflow', ids: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(
      'SELECT id FROM workflow.items WHERE tenant_id = $1 AND kind = $2 AND id = ANY ($3::text[]) AND body IS NOT NULL', [tenantId, kind, textArray(ids)]);
    return new Set(rows.map((row) => row.id));
  }
}

function rowOf(row: OfTable): RequestRow {
  return {
    ...row, requestedAt: Number(row.requestedAt), answeredAt: row.answeredAt === null ? null : Number(row.answeredAt),
    result: row.result === null ? null : (JSON.parse(row.result) as OutcomeResult),
  };
}
