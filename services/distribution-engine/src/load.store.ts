import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';
import type { ConfigItem, Lead, StateEntry } from '@sluice/distribution';
import type { Heard } from '@sluice/events';
import type { HeldLead } from './held.js';
import type { PartitionRecord, PartRecord, WaitingRecord } from './memory.js';

interface ItemOfTenant { tenant_id: string; kind: string; id: string; entry: number; body: string | null }

interface WaitingOfTable { tenant_id: string; topic: string; seq: string; kind: 'version' | 'lead'; rests_on: string; event: string }

interface HeldOfTable { tenant_id: string; lead_id: string; lead: string; held_since: string; received_at: string }

/** Reads a partition whole: what its memory is made of. */
@Injectable()
export class LoadStore {
  constructor(private readonly database: Database) {}

  /** To be called after the epoch was raised: only then does nobody else write. */
  async partition(partition: number): Promise<PartitionRecord> {
    const tenants = await this.database.transaction({ service: 'engine', tenants: [] }, (tx) => this.tenants(tx, partition));
    return this.database.transaction({ service: 'engine', tenants }, (tx) => this.records(tx, partition, tenants));
  }

  async tenants(tx: Tx, partition: number): Promise<string[]> {
    const rows = await tx.query<{ tenant_id: string }>('SELECT tenant_id FROM engine.tenants WHERE partition = $1 ORDER BY tenant_id',
      [partition]);
    return rows.map((row) => row.tenant_id);
  }

  /** The items of a tenant as they stood at a version; the transaction must see the tenant. */
  async itemsAt(tx: Tx, tenantId: string, version: number): Promise<ConfigItem[]> {
    const rows = await tx.query<ItemOfTenant>(
      `SELECT DISTINCT ON (kind, id) tenant_id, kind, id, entry, body FROM engine.configuration_items
        WHERE tenant_id = $1 AND version <= $2 ORDER BY kind, id, version DESC`, [tenantId, version]);
    return rows.filter((row) => row.body !== null).map(itemOfRow);
  }

  private async records(tx: Tx, partition: number, tenants: readonly string[]): Promise<PartitionRecord> {
    const versions = new Map((await tx.query<{ tenant_id: string; version: number }>(
      'SELECT tenant_id, max(version) AS version FROM engine.configuration_versions GROUP BY tenant_id',
    )).map((row) => [row.tenant_id, row.version]));
    const items = await tx.query<ItemOfTenant>(
      `SELECT DISTINCT ON (tenant_id, kind, id) tenant_id, kind, id, entry, body FROM engine.configuration_items
        ORDER BY tenant_id, kind, id, version DESC`);
    const itemsOf = groupBy(items.filter((row) => row.body !== null), (row) => row.tenant_id);
    const parts = await tx.query<{ tenant_id: string; version: number; part: number; parts: number; items: string }>(
      'SELECT tenant_id, version, part, parts, items FROM engine.configuration_parts');
    const partsOf = groupBy(parts, (row) => row.tenant_id);
    const state = await this.state(tx);
    const held = await this.held(tx);
    return {
      tenants: tenants.map((tenantId) => ({
        tenantId,
        version: versions.get(tenantId) ?? 0,
        items: (itemsOf.get(tenantId) ?? []).map(itemOfRow),
        state: state.get(tenantId) ?? [],
        parts: (partsOf.get(tenantId) ?? []).map((row): PartRecord => ({ ...row, items: JSON.parse(row.items) as ConfigItem[] })),
        held: (held.get(tenantId) ?? []).map(heldOfRow),
      })),
      waiting: await this.waiting(tx, partition),
    };
  }

  /** A million counters are read as packed text: a row each would take several times as long. */
  private async state(tx: Tx): Promise<Map<string, Iterable<StateEntry>>> {
    const packed = await tx.query<{ tenant_id: string; entries: string }>(
      `SELECT tenant_id, string_agg(key || E'\\x1f' || value, E'\\x1e') AS entries
         FROM (SELECT tenant_id, key, value, row_number() OVER () / 50000 AS part FROM engine.state) s GROUP BY tenant_id, part`);
    const entries = groupBy(packed, (row) => row.tenant_id);
    return new Map([...entries].map(([tenantId, rows]) => [tenantId, unpacked(rows)]));
  }

  private async held(tx: Tx): Promise<Map<string, HeldOfTable[]>> {
    return groupBy(await tx.query<HeldOfTable>(
      'SELECT tenant_id, lead_id, lead, held_since, received_at FROM engine.leads WHERE held_since IS NOT NULL'), (row) => row.tenant_id);
  }

  private async waiting(tx: Tx, partition: number): Promise<WaitingRecord[]> {
    const rows = await tx.query<WaitingOfTable>(
      'SELECT tenant_id, topic, seq, kind, rests_on, event FROM engine.waiting WHERE partition = $1 ORDER BY batch_no, seq, topic', [partition]);
    return rows.map((row) => ({
      tenantId: row.tenant_id, topic: row.topic, seq: Number(row.seq), kind: row.kind, restsOn: row.rests_on, event: row.event,
      heard: JSON.parse(row.event) as Heard,
    }));
  }
}

function heldOfRow(row: HeldOfTable): HeldLead {
  const lead = JSON.parse(row.lead) as Lead;
  return { lead, leadId: row.lead_id, campaignId: lead.campaignId, heldSince: Number(row.held_since), receivedAt: Number(row.received_at) };
}

function* unpacked(rows: readonly { readonly entries: string }[]): Iterable<StateEntry> {
  for (const { entries } of rows) {
    for (const entry of entries.split('\u001e')) {
      const cut = entry.indexOf('\u001f');
      yield { key: entry.slice(0, cut), value: Number(entry.slice(cut + 1)) };
    }
  }
}

function itemOfRow({ kind, id, entry, body }: ItemOfTenant): ConfigItem {
  return { kind, id, entry, body: body === null ? null : (JSON.parse(body) as object) } as ConfigItem;
}

function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}
