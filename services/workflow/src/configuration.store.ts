import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';
import type { ConfigItem } from '@sluice/distribution';

/** A tenant's numbering, locked until the transaction ends. */
export interface Numbering {
  readonly version: number;
  readonly nextEntry: number;
}

export interface VersionRow {
  readonly version: number;
  readonly appliedAt: number;
  readonly actor: string;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

export interface Report {
  readonly tenantId: string;
  readonly service: string;
  readonly version: number;
}

type ItemRow = ConfigItem & { readonly version: number };

const columns = 'kind, id, entry, body, version';

/** All SQL on configurations and what was reported of them. */
@Injectable()
export class ConfigurationStore {
  /** Takes the lock that numbers versions; a tenant without configuration has version 0. */
  async lock(tx: Tx, tenantId: string): Promise<Numbering> {
    await tx.query('INSERT INTO workflow.tenants (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING', [tenantId]);
    const [row] = await tx.query<{ version: number; next_entry: number }>(
      'SELECT version, next_entry FROM workflow.tenants WHERE tenant_id = $1 FOR UPDATE', [tenantId]);
    return { version: row!.version, nextEntry: row!.next_entry };
  }

  async versionOf(tx: Tx, tenantId: string): Promise<number> {
    const [row] = await tx.query<{ version: number }>('SELECT version FROM workflow.tenants WHERE tenant_id = $1', [tenantId]);
    return row?.version ?? 0;
  }

  /** Every item that ever was, removed ones with body null: they keep their entry. */
  items(tx: Tx, tenantId: string): Promise<ItemRow[]> {
    return tx.query<ItemRow>(`SELECT ${columns} FROM workflow.items WHERE tenant_id = $1 ORDER BY entry`, [tenantId]);
  }

  /** The items as they stood at a version, without the removed ones. */
  async itemsAt(tx: Tx, tenantId: string, version: number): Promise<ItemRow[]> {
    const rows = await tx.query<ItemRow>(
      `SELECT DISTINCT ON (kind, id) ${columns} FROM workflow.item_versions WHERE tenant_id = $1 AND version <= $2 ORDER BY kind, id, version DESC`,
      [tenantId, version]);
    return rows.filter((row) => row.body !== null).sort((a, b) => a.entry - b.entry);
  }

  /** Writes a version: its row, its items, their history, and the numbering after it. Three statements, whatever the number of items. */
  async save(tx: Tx, tenantId: string, version: VersionRow, nextEntry: number, items: readonly ConfigItem[]): Promise<void> {
    await tx.query(
      `INSERT INTO workflow.versions (tenant_id, version, applied_at, actor, added, changed, removed)
       VALUES ($1, $2, to_timestamp($3::double precision / 1000), $4, $5, $6, $7)`,
      [tenantId, version.version, version.appliedAt, version.actor, version.added, version.changed, version.removed]);
    await tx.query('UPDATE workflow.tenants SET version = $2, next_entry = $3 WHERE tenant_id = $1', [tenantId, version.version, nextEntry]);
    await tx.query(
      `WITH given AS (
         SELECT kind, id, entry, CASE WHEN body::text <> 'null' THEN body END AS body
         FROM json_to_recordset($3::json) AS x(kind text, id text, entry int, body json)
       ), history AS (
         INSERT INTO workflow.item_versions (tenant_id, kind, id, version, entry, body) SELECT $1, kind, id, $2, entry, body FROM given
       )
       INSERT INTO workflow.items (tenant_id, kind, id, entry, body, version) SELECT $1, kind, id, entry, body, $2 FROM given
       ON CONFLICT (tenant_id, kind, id) DO UPDATE SET body = excluded.body, version = excluded.version`,
      [tenantId, version.version, JSON.stringify(items)]);
  }

  /** Notes what services have taken in; an older report changes nothing. */
  async report(tx: Tx, reports: readonly (Report & { readonly at: number })[]): Promise<void> {
    await tx.query(
      `INSERT INTO workflow.reports (tenant_id, service, version, reported_at)
       SELECT tenant_id, service, max(version), to_timestamp(max(at) / 1000)
       FROM unnest($1::text[], $2::text[], $3::int[], $4::double precision[]) AS x(tenant_id, service, version, at) GROUP BY tenant_id, service
       ON CONFLICT (tenant_id, service) DO UPDATE SET version = excluded.version, reported_at = excluded.reported_at
       WHERE workflow.reports.version < excluded.version`,
      [reports.map((r) => r.tenantId), reports.map((r) => r.service), reports.map((r) => r.version), reports.map((r) => r.at)]);
  }

  reports(tx: Tx, tenants: readonly string[]): Promise<Report[]> {
    return tx.query('SELECT tenant_id AS "tenantId", service, version FROM workflow.reports WHERE tenant_id = ANY ($1)', [tenants]);
  }
}
