import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';

export interface SecretRow {
  readonly endpointId: string;
  readonly secret: Buffer;
  readonly shown: boolean;
  readonly disabled: boolean;
}

export interface ShownHealth {
  readonly deliveryMethod: string;
  readonly state: 'healthy' | 'suspended' | 'onTrial' | 'disabled' | 'removed';
  readonly reason: string | null;
  readonly until: Date | null;
  readonly since: Date | null;
  readonly waiting: number;
}

/** Secrets and health of endpoints, for people. */
@Injectable()
export class EndpointsStore {
  constructor(private readonly database: Database) {}

  inTenant<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'delivery', tenants: [tenantId] }, work);
  }

  async lockSecret(tx: Tx, tenantId: string, methodId: string): Promise<SecretRow | undefined> {
    const rows = await tx.query<SecretRow>(`
      SELECT endpoint_id AS "endpointId", secret, secret_shown_at IS NOT NULL AS shown, disabled_at IS NOT NULL AS disabled
        FROM delivery.endpoints WHERE tenant_id = $1 AND method_id = $2 AND NOT removed FOR UPDATE`, [tenantId, methodId]);
    return rows[0];
  }

  async noteShown(tx: Tx, endpointId: string, now: number): Promise<void> {
    await tx.query('UPDATE delivery.endpoints SET secret_shown_at = to_timestamp($2 / 1000.0) WHERE endpoint_id = $1', [endpointId, now]);
  }

  /** The old secret signs on until `previousUntil`; a disabled endpoint is enabled again. */
  async rotate(tx: Tx, endpointId: string, sealed: Buffer, now: number, previousUntil: number): Promise<void> {
    await tx.query(`
      UPDATE delivery.endpoints SET previous_secret = secret, previous_until = to_timestamp($4 / 1000.0), secret = $2, secret_shown_at = to_timestamp($3 / 1000.0),
             revision = revision + 1, disabled_at = NULL, disabled_reason = NULL WHERE endpoint_id = $1`, [endpointId, sealed, now, previousUntil]);
  }

  async health(tx: Tx, tenantId: string, methodId: string): Promise<ShownHealth | undefined> {
    const rows = await tx.query<ShownHealth>(`
      SELECT e.method_id AS "deliveryMethod",
             CASE WHEN e.removed THEN 'removed' WHEN e.disabled_at IS NOT NULL THEN 'disabled' WHEN b.state = 'open' THEN 'suspended'
                  WHEN b.state = 'probing' THEN 'onTrial' ELSE 'healthy' END AS state,
             e.disabled_reason AS reason, CASE WHEN b.state = 'open' THEN b.until END AS until, coalesce(e.disabled_at, b.since) AS since,
             (SELECT count(*)::int FROM (SELECT 1 FROM delivery.queue q WHERE q.endpoint_id = e.endpoint_id LIMIT 10000) w) AS waiting
        FROM delivery.endpoints e LEFT JOIN delivery.breakers b ON b.endpoint_id = e.endpoint_id WHERE e.tenant_id = $1 AND e.method_id = $2`,
    [tenantId, methodId]);
    return rows[0];
  }
}
