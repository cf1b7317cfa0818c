import { Injectable } from '@nestjs/common';
import { plainArray, textArray, type Tx } from '@sluice/db';

export interface Part {
  readonly tenantId: string;
  readonly version: number;
  readonly part: number;
  readonly parts: number;
  readonly items: readonly ConfigurationItem[];
}

export interface ConfigurationItem {
  readonly kind?: string;
  readonly id?: string;
  readonly removed?: boolean;
  readonly body?: unknown;
}

export interface MethodDocument {
  readonly methodId: string;
  readonly body: unknown;
  /** Of a method that is new; who is there keeps its own. */
  readonly sealedSecret: Buffer;
}

/** Parts of versions until they are whole, and the delivery methods as the newest whole version has them. */
@Injectable()
export class ConfigurationStore {
  async addParts(tx: Tx, parts: readonly Part[]): Promise<void> {
    await tx.query(`
      INSERT INTO delivery.configuration_parts (tenant_id, version, part, parts, items)
      SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::jsonb[]) ON CONFLICT DO NOTHING`,
    [textArray(parts.map((one) => one.tenantId)), plainArray(parts.map((one) => one.version)), plainArray(parts.map((one) => one.part)),
      plainArray(parts.map((one) => one.parts)), textArray(parts.map((one) => JSON.stringify(one.items)))]);
  }

  /** The parts of the tenant's versions that are all there, versions and parts in order. */
  async wholeVersions(tx: Tx, tenantId: string): Promise<{ version: number; items: ConfigurationItem[] }[]> {
    const rows = await tx.query<{ version: number; items: ConfigurationItem[] }>(`
      SELECT version, items FROM (
        SELECT version, part, items, parts, count(*) OVER (PARTITION BY version) AS there FROM delivery.configuration_parts WHERE tenant_id = $1) p
       WHERE there = parts ORDER BY version, part`, [tenantId]);
    const versions = new Map<number, ConfigurationItem[]>();
    for (const row of rows) versions.set(row.version, [...(versions.get(row.version) ?? []), ...row.items]);
    return [...versions].map(([version, items]) => ({ version, items }));
  }

  async dropParts(tx: Tx, tenantId: string, version: number): Promise<void> {
    await tx.query('DELETE FROM delivery.configuration_parts WHERE tenant_id = $1 AND version <= $2', [tenantId, version]);
  }

  async current(tx: Tx, tenantId: string): Promise<number> {
    const rows = await tx.query<{ version: number }>('SELECT version FROM delivery.configurations WHERE tenant_id = $1', [tenantId]);
    return rows[0]?.version ?? 0;
  }

  /** The methods that are there already: a new one needs a secret. */
  async known(tx: Tx, tenantId: string): Promise<Set<string>> {
    const rows = await tx.query<{ method_id: string }>('SELECT method_id FROM delivery.endpoints WHERE tenant_id = $1', [tenantId]);
    return new Set(rows.map((row) => row.method_id));
  }

  /** Endpoints that were given up; a changed document gives them another chance. */
  async disabled(tx: Tx, tenantId: string): Promise<string[]> {
    const rows = await tx.query<{ method_id: string }>(
      'SELECT method_id FROM delivery.endpoints WHERE tenant_id = $1 AND disabled_at IS NOT NULL AND NOT removed', [tenantId]);
    return rows.map((row) => row.method_id);
  }

  /** Stores methods whose document changed, keeps each version's document, and sets the tenant's version. */
  async apply(tx: Tx, tenantId: string, version: number, methods: readonly MethodDocument[], removed: readonly string[]): Promise<void> {
    await tx.query(`
      WITH n AS (SELECT * FROM unnest($3::text[], $4::jsonb[], $5::text[]) AS n (method_id, body, secret)),
      changed AS (
        INSERT INTO delivery.endpoints AS e (tenant_id, method_id, version, body, secret)
        SELECT $1, n.method_id, $2::int, n.body, decode(n.secret, 'hex') FROM n
        ON CONFLICT (tenant_id, method_id) DO UPDATE
          SET version = excluded.version, body = excluded.body, removed = false, revision = e.revision + 1, disabled_at = NULL, disabled_reason = NULL
          WHERE e.body IS DISTINCT FROM excluded.body OR e.removed
        RETURNING endpoint_id, body)
      INSERT INTO delivery.templates (endpoint_id, version, tenant_id, body) SELECT endpoint_id, $2::int, $1, body FROM changed ON CONFLICT DO NOTHING`,
    [tenantId, version, textArray(methods.map((one) => one.methodId)), textArray(methods.map((one) => JSON.stringify(one.body))),
      textArray(methods.map((one) => one.sealedSecret.toString('hex')))]);
    await tx.query('UPDATE delivery.endpoints SET removed = true, revision = revision + 1 WHERE tenant_id = $1 AND method_id = ANY ($2) AND NOT removed',
      [tenantId, textArray(removed)]);
    await tx.query(`
      INSERT INTO delivery.configurations (tenant_id, version) VALUES ($1, $2) ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version`,
    [tenantId, version]);
  }
}
