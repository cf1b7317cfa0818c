import type { Tx } from '@sluice/db';

export interface ConfigurationRow {
  readonly kind: string;
  readonly id: string;
  readonly body: string;
}

export interface PartRow {
  readonly tenantId: string;
  readonly version: number;
  readonly part: number;
  readonly parts: number;
  readonly items: string;
}

/** SQL of the projected configuration. */
export class ConfigurationStore {
  /** The versions as they stand, held so that none becomes older than a lead that is validated against it before that lead is stored. */
  async lockVersions(tx: Tx, tenants: readonly string[]): Promise<Map<string, number>> {
    const rows = await tx.query<{ tenant_id: string; version: number }>(
      `SELECT tenant_id, version FROM intake.configuration_versions WHERE tenant_id = ANY($1) ORDER BY tenant_id FOR SHARE`, [tenants], 'intake.lock_versions');
    return new Map(rows.map((row) => [row.tenant_id, row.version]));
  }

  async load(tx: Tx, tenantId: string): Promise<{ version: number; items: ConfigurationRow[] }> {
    // One statement, so that version and items are of one instant.
    const rows = await tx.query<{ version: number; kind: string | null; id: string; body: string }>(`
      SELECT v.version, i.kind, i.id, i.body FROM intake.configuration_versions v
      LEFT JOIN intake.configuration_items i ON i.tenant_id = v.tenant_id AND i.kind IN ('settings', 'campaign')
      WHERE v.tenant_id = $1`, [tenantId]);
    return { version: rows[0]?.version ?? 0, items: rows.filter((row): row is typeof row & { kind: string } => row.kind !== null) };
  }

  async addParts(tx: Tx, parts: readonly PartRow[]): Promise<void> {
    await tx.query(`
      INSERT INTO intake.configuration_parts (tenant_id, version, part, parts, items)
      SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::text[]) ON CONFLICT DO NOTHING`,
    [parts.map((part) => part.tenantId), parts.map((part) => part.version), parts.map((part) => part.part),
      parts.map((part) => part.parts), parts.map((part) => part.items)]);
  }

  /** The parts of every version that is whole, in order. */
  async wholeVersions(tx: Tx, tenantId: string): Promise<PartRow[]> {
    return tx.query<PartRow>(`
      SELECT tenant_id AS "tenantId", version, part, parts, items FROM (
        SELECT *, count(*) OVER (PARTITION BY version) AS there FROM intake.configuration_parts WHERE tenant_id = $1) p
      WHERE there = parts ORDER BY version, part`, [tenantId]);
  }

  async currentVersion(tx: Tx, tenantId: string): Promise<number> {
    const rows = await tx.query<{ version: number }>(`SELECT version FROM intake.configuration_versions WHERE tenant_id = $1`, [tenantId]);
    return rows[0]?.version ?? 0;
  }

  async apply(
    tx: Tx, tenantId: string, version: number, kept: readonly ConfigurationRow[], removed: readonly { kind: string; id: string }[],
  ): Promise<void> {
    await tx.query(`
      INSERT INTO intake.configuration_versions (tenant_id, version) VALUES ($1, $2)
      ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version`, [tenantId, version]);
    await tx.query(`
      INSERT INTO intake.configuration_items (tenant_id, kind, id, version, body)
      SELECT $1, kind, id, $2, body FROM unnest($3::text[], $4::text[], $5::text[]) AS i(kind, id, body)
      ON CONFLICT (tenant_id, kind, id) DO UPDATE SET version = excluded.version, body = excluded.body`,
    [tenantId, version, kept.map((item) => item.kind), kept.map((item) => item.id), kept.map((item) => item.body)]);
    if (removed.length > 0) {
      await tx.query(`
        DELETE FROM intake.configuration_items i USING unnest($2::text[], $3::text[]) AS r(kind, id)
        WHERE i.tenant_id = $1 AND i.kind = r.kind AND i.id = r.id`,
      [tenantId, removed.map((item) => item.kind), removed.map((item) => item.id)]);
    }
  }

  async dropParts(tx: Tx, tenantId: string, upTo: number): Promise<void> {
    await tx.query(`DELETE FROM intake.configuration_parts WHERE tenant_id = $1 AND version <= $2`, [tenantId, upTo]);
  }
}
