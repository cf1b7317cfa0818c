import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';

export interface BreakerRow {
  readonly endpointId: string;
  readonly tenantId: string;
  readonly methodId: string;
  readonly state: 'open' | 'probing';
  /** Instants in ms. */
  readonly until: number;
  readonly since: number;
  readonly opens: number;
  /** Something of this endpoint waits to be sent, so that it can serve as a probe. */
  readonly queued: boolean;
}

/** The health of endpoints, as all processes see it; healthy ones have no row. */
@Injectable()
export class BreakersStore {
  async all(tx: Tx): Promise<BreakerRow[]> {
    return tx.query<BreakerRow>(`
      SELECT b.endpoint_id AS "endpointId", b.tenant_id AS "tenantId", b.method_id AS "methodId", b.state, b.opens,
             (extract(epoch FROM b.until) * 1000)::float8 AS until, (extract(epoch FROM b.since) * 1000)::float8 AS since,
             EXISTS (SELECT FROM delivery.queue q WHERE q.endpoint_id = b.endpoint_id) AS queued
        FROM delivery.breakers b`, [], 'delivery.breakers');
  }

  async open(tx: Tx, row: Omit<BreakerRow, 'state' | 'queued'>): Promise<void> {
    await tx.query(`
      INSERT INTO delivery.breakers AS b (endpoint_id, tenant_id, method_id, state, until, opens, since)
      VALUES ($1, $2, $3, 'open', to_timestamp($4 / 1000.0), $5, to_timestamp($6 / 1000.0))
      ON CONFLICT (endpoint_id) DO UPDATE SET state = 'open', until = excluded.until, opens = excluded.opens`,
    [row.endpointId, row.tenantId, row.methodId, row.until, row.opens, row.since]);
  }

  /** True where this call did it. */
  async probe(tx: Tx, endpointId: string): Promise<boolean> {
    const rows = await tx.query(`UPDATE delivery.breakers SET state = 'probing' WHERE endpoint_id = $1 AND state = 'open' RETURNING 1`, [endpointId]);
    return rows.length > 0;
  }

  async close(tx: Tx, endpointId: string): Promise<void> {
    await tx.query('DELETE FROM delivery.breakers WHERE endpoint_id = $1', [endpointId]);
  }

  /** Nothing more is sent until its document or secret changes. True where this call did it. */
  async disable(tx: Tx, endpointId: string, reason: string, now: number): Promise<boolean> {
    const rows = await tx.query(`
      UPDATE delivery.endpoints SET disabled_at = to_timestamp($3 / 1000.0), disabled_reason = $2, revision = revision + 1
       WHERE endpoint_id = $1 AND disabled_at IS NULL RETURNING 1`, [endpointId, reason, now]);
    return rows.length > 0;
  }
}
