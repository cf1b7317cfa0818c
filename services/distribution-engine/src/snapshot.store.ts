import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';
import type { ConfigItem, StateEntry } from '@sluice/distribution';
import type { Heard } from '@sluice/events';
import type { JournalRow } from './batch.store.js';
import { storedLead } from './batch.store.js';
import { keyOf, type CountedRow, type StoredLead } from './changes.js';
import { heldLead, type HeldLead } from './held.js';
import { LoadStore } from './load.store.js';
import type { PartitionRecord, PartRecord, TenantRecord, WaitingRecord } from './memory.js';

/** What a snapshot is of. `positions`: by topic, the last sequence that its batches had read. */
export interface SnapshotLabel {
  readonly partition: number;
  readonly batchNo: number;
  readonly now: number;
  readonly positions: Readonly<Record<string, number>>;
}

export interface Snapshot extends SnapshotLabel {
  readonly record: PartitionRecord;
  readonly leads: Map<string, StoredLead>;
}

interface RowOfJournal {
  batch_no: string; topic: string; first_seq: string; last_seq: string; parked: string[]; now: string; counted: string | null;
}

interface RowOfSnapshot { kind: string; tenant_id: string; body: string }

const DAY_MS = 86_400_000;

/** Snapshots of a partition: one REPEATABLE READ export, labelled with its batch number. */
@Injectable()
export class SnapshotStore {
  private readonly loads: LoadStore;

  constructor(private readonly database: Database) {
    this.loads = new LoadStore(database);
  }

  /**
   * Exports a partition inside the database, and forgets all but the `kept` youngest snapshots and the journal before those. `alongside`
   * runs in the same transaction and hears where the oldest stands. Undefined where the partition has never had a batch.
   */
  async take(
    partition: number, now: number, { leadDays, kept }: { readonly leadDays: number; readonly kept: number },
    alongside: (tx: Tx, oldest: Pick<SnapshotLabel, 'batchNo' | 'positions'>) => Promise<void> = () => Promise.resolve(),
  ): Promise<SnapshotLabel | undefined> {
    return this.database.transaction({ service: 'engine', tenants: [] }, async (tx) => {
      // Before any query: all that follows sees one state.
      await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      const [chain] = await tx.query<{ batch_no: string; now: string }>('SELECT batch_no, now FROM engine.chain WHERE partition = $1',
        [partition]);
      if (!chain || Number(chain.batch_no) === 0) return undefined;
      const tenants = await this.loads.tenants(tx, partition);
      await tx.query(`SELECT set_config('sluice.tenants', $1, true)`, [tenants.join(',')]);
      const label: SnapshotLabel = { partition, batchNo: Number(chain.batch_no), now: Number(chain.now),
        positions: await this.positions(tx, partition) };
      await tx.query(`INSERT INTO engine.snapshots (partition, batch_no, now, taken_at, positions) VALUES ($1, $2, $3, $4, $5)`,
        [partition, label.batchNo, label.now, now, JSON.stringify(label.positions)]);
      for (const statement of EXPORTS) await tx.query(statement, [partition, label.batchNo]);
      await tx.query(EXPORT_LEADS, [partition, label.batchNo, leadDays === 0 ? 0 : label.now - leadDays * DAY_MS]);
      await alongside(tx, await this.forget(tx, partition, kept));
      return label;
    });
  }

  /** Leaves the youngest, and the journal from the oldest of them on; from the beginning, while there are fewer than may be kept. */
  private async forget(tx: Tx, partition: number, kept: number): Promise<Pick<SnapshotLabel, 'batchNo' | 'positions'>> {
    const rows = await tx.query<{ batch_no: string; positions: string }>(
      'SELECT batch_no, positions FROM engine.snapshots WHERE partition = $1 ORDER BY batch_no DESC LIMIT $2', [partition, kept]);
    const oldest = rows.at(-1)!;
    if (rows.length === kept) {
      for (const table of ['snapshots', 'snapshot_rows']) {
        await tx.query(`DELETE FROM engine.${table} WHERE partition = $1 AND batch_no < $2::bigint`, [partition, oldest.batch_no]);
      }
      await tx.query('DELETE FROM engine.journal WHERE partition = $1 AND batch_no <= $2::bigint', [partition, oldest.batch_no]);
    }
    return { batchNo: Number(oldest.batch_no), positions: JSON.parse(oldest.positions) as Record<string, number> };
  }

  /** When the partition was snapshotted last, epoch ms; undefined = never. */
  async lastTakenAt(partition: number): Promise<number | undefined> {
    const rows = await this.database.transaction({ service: 'engine', tenants: [] }, (tx) =>
      tx.query<{ taken_at: string }>('SELECT taken_at FROM engine.snapshots WHERE partition = $1 ORDER BY batch_no DESC LIMIT 1',
        [partition]));
    return rows[0] && Number(rows[0].taken_at);
  }

  /** Reads a snapshot of a partition whole; the last one, unless a batch is named. */
  async load(partition: number, batchNo?: number): Promise<Snapshot | undefined> {
    const tenants = await this.database.transaction({ service: 'engine', tenants: [] }, (tx) => this.loads.tenants(tx, partition));
    return this.database.transaction({ service: 'engine', tenants }, async (tx) => {
      const [row] = await tx.query<{ batch_no: string; now: string; positions: string }>(
        `SELECT batch_no, now, positions FROM engine.snapshots WHERE partition = $1 AND ($2::bigint IS NULL OR batch_no = $2::bigint)
          ORDER BY batch_no DESC LIMIT 1`, [partition, batchNo ?? null]);
      if (!row) return undefined;
      const rows = await tx.query<RowOfSnapshot>(
        'SELECT kind, tenant_id, body FROM engine.snapshot_rows WHERE partition = $1 AND batch_no = $2 ORDER BY kind, tenant_id, place',
          [partition, row.batch_no]);
      const label = { partition, batchNo: Number(row.batch_no), now: Number(row.now),
        positions: JSON.parse(row.positions) as Record<string, number> };
      return { ...label, ...(await this.record(tx, rows)) };
    });
  }

  /** The journal after a batch, in order; up to and with another, and so many lines at most, where that is said. */
  async journal(partition: number, after: number, upTo?: number, limit?: number): Promise<JournalRow[]> {
    const rows = await this.database.transaction({ service: 'engine', tenants: [] }, (tx) =>
      tx.query<RowOfJournal>(
        `SELECT batch_no, topic, first_seq, last_seq, parked, now, counted FROM engine.journal
          WHERE partition = $1 AND batch_no > $2 AND ($3::bigint IS NULL OR batch_no <= $3::bigint) ORDER BY batch_no LIMIT $4`,
        [partition, after, upTo ?? null, limit ?? null]));
    return rows.map((row) => ({
      partition, batchNo: Number(row.batch_no), topic: row.topic, first: Number(row.first_seq), last: Number(row.last_seq),
      parked: row.parked.map(Number),
      now: Number(row.now),
      ...(row.counted ? { counted: JSON.parse(row.counted) as CountedRow[] } : {}),
    }));
  }

  /** What was read by topic: the journal's last lines, and where it has none of a topic any more, what the snapshot before knew. */
  private async positions(tx: Tx, partition: number): Promise<Record<string, number>> {
    const [before] = await tx.query<{ positions: string }>(
      'SELECT positions FROM engine.snapshots WHERE partition = $1 ORDER BY batch_no DESC LIMIT 1', [partition]);
    const rows = await tx.query<{ topic: string; last: string }>(
      'SELECT topic, max(last_seq) AS last FROM engine.journal WHERE partition = $1 GROUP BY topic', [partition]);
    const known = before ? (JSON.parse(before.positions) as Record<string, number>) : {};
    return { ...known, ...Object.fromEntries(rows.map(({ topic, last }) => [topic, Number(last)])) };
  }

  private async record(tx: Tx, rows: readonly RowOfSnapshot[]): Promise<{ record: PartitionRecord; leads: Map<string, StoredLead> }> {
    const leads = new Map<string, StoredLead>();
    const waiting: WaitingRecord[] = [];
    const state = new Map<string, StateEntry[]>();
    const parts = new Map<string, PartRecord[]>();
    const versions = new Map<string, number>();
    const held = new Map<string, HeldLead[]>();
    for (const { kind, tenant_id: tenantId, body } of rows) {
      if (kind === 'lead') {
        const stored = leadOfBody(body);
        leads.set(keyOf(tenantId, stored.lead.leadId), stored);
        const isHeld = heldLead(stored);
        if (isHeld) push(held, tenantId, isHeld);
      } else if (kind === 'state') push(state, tenantId, ...body.split('\u001e').map(entryOf));
      else if (kind === 'part') push(parts, tenantId, partOf(body));
      else if (kind === 'waiting') waiting.push(waitingOf(tenantId, body));
      else versions.set(tenantId, Number(body));
    }
    const tenants: TenantRecord[] = [];
    for (const [tenantId, version] of versions) {
      const items: ConfigItem[] = await this.loads.itemsAt(tx, tenantId, version);
      tenants.push({ tenantId, version, items, state: state.get(tenantId) ?? [], parts: parts.get(tenantId) ?? [],
        held: held.get(tenantId) ?? [] });
    }
    return { record: { tenants, waiting }, leads };
  }
}

function push<T>(groups: Map<string, T[]>, key: string, ...values: T[]): void {
  const group = groups.get(key);
  if (group) group.push(...values);
  else groups.set(key, values);
}

/** Of a snapshot that is older than windows, the last two are not there. */
function leadOfBody(body: string): StoredLead {
  const [, lead, life, attempts, generation, window, heldSince] = body.split('\u001f');
  return storedLead({ lead: lead!, life: life!, attempts: attempts!, window_generation: Number(generation), lead_window: window || null,
    held_since: heldSince || null });
}

function entryOf(text: string): StateEntry {
  const cut = text.indexOf('\u001f');
  return { key: text.slice(0, cut), value: Number(text.slice(cut + 1)) };
}

function partOf(body: string): PartRecord {
  const { version, part, parts, items } = JSON.parse(body) as { version: number; part: number; parts: number; items: string };
  return { version, part, parts, items: JSON.parse(items) as ConfigItem[] };
}

function waitingOf(tenantId: string, body: string): WaitingRecord {
  const row = JSON.parse(body) as { topic: string; seq: number; kind: 'version' | 'lead'; rests_on: string; event: string };
  return { tenantId, topic: row.topic, seq: row.seq, kind: row.kind, restsOn: row.rests_on, event: row.event,
    heard: JSON.parse(row.event) as Heard };
}

const INTO = 'INSERT INTO engine.snapshot_rows (partition, batch_no, kind, tenant_id, place, body) SELECT $1::int, $2::bigint';

/** Nothing of it passes through this process. Items are not exported: all their versions are kept anyway. */
const EXPORTS = [
  `${INTO}, 'tenant', t.tenant_id, 0, coalesce(max(v.version), 0)::text
     FROM engine.tenants t LEFT JOIN engine.configuration_versions v ON v.tenant_id = t.tenant_id WHERE t.partition = $1::int
     GROUP BY t.tenant_id`,
  `${INTO}, 'state', tenant_id, n / 10000, string_agg(key || E'\\x1f' || value, E'\\x1e' ORDER BY n)
     FROM (SELECT tenant_id, key, value, row_number() OVER () AS n FROM engine.state) s GROUP BY tenant_id, n / 10000`,
  `${INTO}, 'part', tenant_id, version, row_to_json(p)::text FROM engine.configuration_parts p`,
  `${INTO}, 'waiting', tenant_id, row_number() OVER (ORDER BY batch_no, seq, topic), row_to_json(w)::text FROM engine.waiting w
    WHERE partition = $1::int`,
];
/** Those that wait are tried again, however long ago they came. */
const EXPORT_LEADS =
  `${INTO}, 'lead', tenant_id, 0, concat_ws(E'\\x1f', lead_id, lead, life, attempts, window_generation, coalesce(lead_window, ''),
          coalesce(held_since::text, ''))
     FROM engine.leads WHERE received_at >= $3::bigint OR held_since IS NOT NULL OR lead_window LIKE '{"state":"open"%'
       OR lead_window LIKE '{"state":"paused"%'`;
