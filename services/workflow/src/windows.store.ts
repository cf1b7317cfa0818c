import { Injectable } from '@nestjs/common';
import { plainArray, textArray, type Tx } from '@sluice/db';
import type { WindowState } from '@sluice/distribution';
import type { Filter } from './distribution-filters.js';
import { termsOf, TERM_KINDS, type StoredItem, type TenantTerms } from './window-terms.js';
import type { HistoryEntry } from './window-said.js';
import type { LeadKey } from './window-timers.store.js';

/** A window with what is known of its lead. Times in epoch ms. */
export interface WindowRow extends LeadKey {
  readonly campaignId: string;
  readonly state: WindowState['state'];
  readonly generation: number;
  readonly openedAt: number;
  /** Empty: the system. */
  readonly openedBy: string;
  readonly expiresAt: number;
  readonly everyMs: number;
  readonly pausedAt: number | null;
  readonly pauseExtends: boolean;
  readonly extendedMs: number;
  readonly endedAt: number | null;
  readonly waitsOn: readonly string[];
  /** Of the last attempt that picked nobody. */
  readonly reasons: readonly string[];
  readonly isFull: boolean;
  /** Picks that were not released, as far as was heard. */
  readonly standing: number;
  readonly decidedAt: number | null;
  /** Of the timer; null where the window has none, or never is due. */
  readonly nextAt: number | null;
  readonly chanceAt: number | null;
  readonly dueAt: number | null;
}

/** What an outcome changes of a window that goes on. null = as it was. */
export interface Facts extends LeadKey {
  readonly waitsOn: readonly string[] | null;
  readonly reasons: readonly string[] | null;
  readonly full: boolean | null;
  readonly picks: number;
  readonly decidedAt: number | null;
}

export interface Ended extends LeadKey {
  readonly campaignId: string;
  readonly generation: number;
  readonly expiresAt: number;
  readonly everyMs: number;
  readonly reasons: readonly string[];
  readonly standing: number;
  readonly waits: boolean;
}

const columns = `w.tenant_id AS "tenantId", w.lead_id AS "leadId", w.campaign_id AS "campaignId", w.state, w.generation, w.opened_at::float8 AS "openedAt",
  w.opened_by AS "openedBy", w.expires_at::float8 AS "expiresAt", w.every_ms::float8 AS "everyMs", w.paused_at::float8 AS "pausedAt",
  w.pause_extends AS "pauseExtends", w.extended_ms::float8 AS "extendedMs", w.ended_at::float8 AS "endedAt", w.waits_on AS "waitsOn", w.reasons,
  w.is_full AS "isFull", w.standing, w.decided_at::float8 AS "decidedAt", t.next_at::float8 AS "nextAt", t.chance_at::float8 AS "chanceAt",
  t.due_at::float8 AS "dueAt"`;
const source = `workflow.windows w
  LEFT JOIN LATERAL (SELECT next_at, chance_at, due_at FROM workflow.window_timers o
                      WHERE o.tenant_id = w.tenant_id AND o.lead_id = w.lead_id AND o.kind = 'window') t ON true`;

/** Ids and codes have no comma. */
const list = (values: readonly string[] | null) => values && values.join(',');

/** All SQL on windows, their history, and what they wait for. */
@Injectable()
export class WindowsStore {
  /** The version of each tenant; with `hold` no newer one is written before this transaction has ended. */
  async versions(tx: Tx, tenants: readonly string[], hold = false): Promise<Map<string, number>> {
    const rows = await tx.query<{ tenant_id: string; version: number }>(
      `SELECT tenant_id, version FROM workflow.tenants WHERE tenant_id = ANY ($1::text[]) ORDER BY tenant_id${hold ? ' FOR SHARE' : ''}`, [textArray(tenants)]);
    return new Map(rows.map((row) => [row.tenant_id, row.version]));
  }

  /** What a tenant's configuration says of windows now; the version was read before. */
  async terms(tx: Tx, tenantId: string, version: number): Promise<TenantTerms> {
    return termsOf(version, await tx.query<StoredItem>(
      'SELECT kind, id, body FROM workflow.items WHERE tenant_id = $1 AND kind = ANY ($2::text[]) AND body IS NOT NULL', [tenantId, textArray(TERM_KINDS)]));
  }

  /** The campaigns whose leads may go to contracts of a delivery method. */
  async campaignsOfMethod(tx: Tx, tenantId: string, methodId: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(`
      WITH c AS (
        SELECT body->'campaigns' AS campaigns FROM workflow.items
         WHERE tenant_id = $1 AND kind = 'contract' AND body IS NOT NULL AND body->>'deliveryMethod' = $2)
      SELECT c.id FROM workflow.items c WHERE c.tenant_id = $1 AND c.kind = 'campaign' AND c.body IS NOT NULL AND EXISTS (
        SELECT FROM c AS k WHERE k.campaigns IS NULL OR json_array_length(k.campaigns) = 0
           OR c.id IN (SELECT json_array_elements_text(k.campaigns)))`, [tenantId, methodId]);
    return rows.map((row) => row.id);
  }

  /** Adds windows whose leads have none; answers which it added. */
  async open(tx: Tx, windows: readonly WindowRow[]): Promise<LeadKey[]> {
    const text = (pick: (window: WindowRow) => string | null) => textArray(windows.map(pick));
    const plain = (pick: (window: WindowRow) => number | boolean | null) => plainArray(windows.map(pick));
    return tx.query(OPEN, [
      text((w) => w.tenantId), text((w) => w.leadId), text((w) => w.campaignId), text((w) => w.state), plain((w) => w.generation),
      plain((w) => w.openedAt), text((w) => w.openedBy), plain((w) => w.expiresAt), plain((w) => w.everyMs), plain((w) => w.pauseExtends),
      text((w) => list(w.waitsOn)), text((w) => list(w.reasons)), plain((w) => w.isFull), plain((w) => w.standing),
      plain((w) => w.decidedAt),
    ], 'workflow.open-windows');
  }

  async note(tx: Tx, facts: readonly Facts[]): Promise<void> {
    if (facts.length === 0) return;
    await tx.query(NOTE, [
      textArray(facts.map((f) => f.tenantId)), textArray(facts.map((f) => f.leadId)), textArray(facts.map((f) => list(f.waitsOn))),
      textArray(facts.map((f) => list(f.reasons))), plainArray(facts.map((f) => f.full)), plainArray(facts.map((f) => f.picks)),
      plainArray(facts.map((f) => f.decidedAt)),
    ], 'workflow.note-windows');
  }

  /** Ends windows whose timers the transaction has locked. */
  end(tx: Tx, leads: readonly LeadKey[], state: 'fulfilled' | 'expired', now: number): Promise<Ended[]> {
    return tx.query<Ended>(END, [
      textArray(leads.map((l) => l.tenantId)), textArray(leads.map((l) => l.leadId)), state, now,
    ], 'workflow.end-windows');
  }

  async remember(tx: Tx, entries: readonly HistoryEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const text = (pick: (entry: HistoryEntry) => string) => textArray(entries.map(pick));
    const plain = (pick: (entry: HistoryEntry) => number) => plainArray(entries.map(pick));
    await tx.query(`
      INSERT INTO workflow.window_history (tenant_id, lead_id, generation, what, at, actor, expires_at, every_ms)
      SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[])`, [
      text((e) => e.tenantId), text((e) => e.leadId), plain((e) => e.generation), text((e) => e.what), plain((e) => e.at),
      text((e) => e.actor), plain((e) => e.expiresAt), plain((e) => e.everyMs),
    ], 'workflow.window-history');
  }

  /** Which contracts leads wait for, in place of what stood there. */
  async waitFor(tx: Tx, leads: readonly (LeadKey & { readonly waitsOn: readonly string[] })[]): Promise<void> {
    if (leads.length === 0) return;
    await tx.query(`
      DELETE FROM workflow.window_waits w USING unnest($1::text[], $2::text[]) AS g (tenant_id, lead_id)
       WHERE w.tenant_id = g.tenant_id AND w.lead_id = g.lead_id`,
    [textArray(leads.map((l) => l.tenantId)), textArray(leads.map((l) => l.leadId))], 'workflow.forget-waits');
    await this.addWaits(tx, leads);
  }

  /** What leads wait for of which nothing stood there. */
  async addWaits(tx: Tx, leads: readonly (LeadKey & { readonly waitsOn: readonly string[] })[]): Promise<void> {
    const rows = leads.flatMap(({ tenantId, leadId, waitsOn }) => waitsOn.map((contractId) => ({ tenantId, leadId, contractId })));
    if (rows.length === 0) return;
    await tx.query(`
      INSERT INTO workflow.window_waits (tenant_id, contract_id, lead_id)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
    [textArray(rows.map((r) => r.tenantId)), textArray(rows.map((r) => r.contractId)), textArray(rows.map((r) => r.leadId))], 'workflow.add-waits');
  }

  /**
   * A lead's window, locked: its timer first, as everybody does. Where somebody opened it between the two, the window is let go again:
   * who holds it without its timer waits crosswise with who has the timer.
   */
  async lock(tx: Tx, tenantId: string, leadId: string): Promise<WindowRow | undefined> {
    const timer = `SELECT FROM workflow.window_timers WHERE tenant_id = $1 AND lead_id = $2 AND kind = 'window'`;
    for (;;) {
      await tx.query('SAVEPOINT window_unlocked');
      const held = await tx.query(`${timer} FOR UPDATE`, [tenantId, leadId]);
      const [row] = await tx.query<WindowRow>(
        `SELECT ${columns} FROM ${source} WHERE w.tenant_id = $1 AND w.lead_id = $2 FOR UPDATE OF w`, [tenantId, leadId]);
      if (!row || held.length > 0 || (await tx.query(timer, [tenantId, leadId])).length === 0) return row;
      await tx.query('ROLLBACK TO SAVEPOINT window_unlocked');
    }
  }

  /** Writes a window that the transaction has locked. */
  async save(tx: Tx, w: WindowRow): Promise<void> {
    await tx.query(`
      UPDATE workflow.windows SET campaign_id = $3, state = $4, generation = $5, opened_at = $6, opened_by = $7, expires_at = $8, every_ms = $9,
             paused_at = $10, pause_extends = $11, extended_ms = $12, ended_at = $13, waits_on = $14, reasons = $15, is_full = $16
       WHERE tenant_id = $1 AND lead_id = $2`, [
      w.tenantId, w.leadId, w.campaignId, w.state, w.generation, w.openedAt, w.openedBy, w.expiresAt, w.everyMs, w.pausedAt, w.pauseExtends,
      w.extendedMs, w.endedAt, textArray(w.waitsOn), textArray(w.reasons), w.isFull,
    ], 'workflow.save-window');
  }

  async one(tx: Tx, tenantId: string, leadId: string): Promise<WindowRow | undefined> {
    const [row] = await tx.query<WindowRow>(`SELECT ${columns} FROM ${source} WHERE w.tenant_id = $1 AND w.lead_id = $2`, [tenantId, leadId]);
    return row;
  }

  history(tx: Tx, tenantId: string, leadId: string): Promise<HistoryEntry[]> {
    return tx.query<HistoryEntry>(`
      SELECT generation, what, at::float8 AS at, actor, expires_at::float8 AS "expiresAt", every_ms::float8 AS "everyMs"
        FROM workflow.window_history WHERE tenant_id = $1 AND lead_id = $2 ORDER BY generation`, [tenantId, leadId]);
  }

  /** Windows of a tenant, the newest lead first; one more than a page has. */
  page(tx: Tx, { where, values, limit }: Filter): Promise<WindowRow[]> {
    return tx.query<WindowRow>(`SELECT ${columns} FROM ${source} WHERE ${where} ORDER BY w.lead_id DESC LIMIT ${limit + 1}`, values);
  }

  /** Whether a campaign has or had windows. */
  async isKnown(tx: Tx, tenantId: string, campaignId: string): Promise<boolean> {
    return (await tx.query('SELECT FROM workflow.windows WHERE tenant_id = $1 AND campaign_id = $2 LIMIT 1', [tenantId, campaignId])).length > 0;
  }

  /** Leads of a campaign whose windows are open or paused. */
  async liveOf(tx: Tx, tenantId: string, campaignId: string, limit: number): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(`
      SELECT lead_id AS id FROM workflow.windows WHERE tenant_id = $1 AND campaign_id = $2 AND state IN ('open', 'paused')
       ORDER BY lead_id LIMIT $3`, [tenantId, campaignId, limit]);
    return rows.map((row) => row.id);
  }
}

const OPEN = `
  INSERT INTO workflow.windows (tenant_id, lead_id, campaign_id, state, generation, opened_at, opened_by, expires_at, every_ms, pause_extends, waits_on,
                                reasons, is_full, standing, decided_at)
  SELECT tenant_id, lead_id, campaign_id, state, generation, opened_at, opened_by, expires_at, every_ms, pause_extends, string_to_array(waits_on, ','),
         string_to_array(reasons, ','), is_full, standing, decided_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[], $10::boolean[], $11::text[],
                $12::text[], $13::boolean[], $14::int[], $15::bigint[])
      AS g (tenant_id, lead_id, campaign_id, state, generation, opened_at, opened_by, expires_at, every_ms, pause_extends, waits_on, reasons, is_full,
            standing, decided_at)
  ON CONFLICT DO NOTHING RETURNING tenant_id AS "tenantId", lead_id AS "leadId"`;

const NOTE = `
  UPDATE workflow.windows w
     SET waits_on = coalesce(string_to_array(g.waits_on, ','), w.waits_on), reasons = coalesce(string_to_array(g.reasons, ','), w.reasons),
         is_full = coalesce(g.is_full, w.is_full), standing = greatest(0, w.standing + g.picks), decided_at = coalesce(g.decided_at, w.decided_at)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::int[], $7::bigint[])
      AS g (tenant_id, lead_id, waits_on, reasons, is_full, picks, decided_at)
   WHERE w.tenant_id = g.tenant_id AND w.lead_id = g.lead_id`;

const END = `
  UPDATE workflow.windows w SET state = $3, generation = w.generation + 1, ended_at = $4, paused_at = NULL, waits_on = '{}'
    FROM unnest($1::text[], $2::text[]) AS g (tenant_id, lead_id)
    JOIN workflow.windows o ON o.tenant_id = g.tenant_id AND o.lead_id = g.lead_id
   WHERE w.tenant_id = g.tenant_id AND w.lead_id = g.lead_id AND w.state IN ('open', 'paused')
  RETURNING w.tenant_id AS "tenantId", w.lead_id AS "leadId", w.campaign_id AS "campaignId", w.generation, w.expires_at::float8 AS "expiresAt",
            w.every_ms::float8 AS "everyMs", w.reasons, w.standing, o.waits_on <> '{}' AS waits`;
