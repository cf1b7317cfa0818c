import { Injectable } from '@nestjs/common';
import { plainArray, textArray, type Tx } from '@sluice/db';
import type { Timer } from './window-timer.js';

/** A timer's row, locked by the transaction; `place` is where it stands until then. */
export interface LockedTimer extends Timer {
  readonly place: string;
}

/** What the timer and its window say of a lead that news came of. */
export interface LiveTimer extends LockedTimer {
  readonly pauseExtends: boolean;
  readonly waitsOn: readonly string[];
}

export interface LeadKey {
  readonly tenantId: string;
  readonly leadId: string;
}

export interface Wake {
  readonly tenantId: string;
  readonly scope: 'campaign' | 'contract';
  readonly scopeId: string;
  readonly at: number;
  /** A second time a moment later: the engine hears of the cause on another topic than of the requests, which may come first. */
  readonly again: boolean;
}

/** A lead among those that a wake concerns. */
export interface Place {
  readonly leadId: string;
  /** null: what waits for a contract is in order of the leads alone. */
  readonly since: number | null;
}

/** A wake that this transaction works on. */
export interface ClaimedWake extends Wake {
  /**
   * null = not begun. Of a campaign: the age of the lead that the cursor stands at; of a contract: when it was begun. `RESTING` = worked
   * off a moment ago.
   */
  readonly cursorSince: number | null;
  readonly cursorLead: string | null;
}

export const RESTING = -1;

const columns = `t.ctid::text AS place, t.tenant_id AS "tenantId", t.lead_id AS "leadId", t.kind, t.campaign_id AS "campaignId", t.since::float8 AS since,
  t.generation, t.every_ms::float8 AS "everyMs", t.next_at::float8 AS "nextAt", t.expires_at::float8 AS "expiresAt",
  t.chance_at::float8 AS "chanceAt", t.due_at::float8 AS "dueAt", t.rests, t.traceparent`;

/** All SQL on timers and on what wakes them. Whoever locks several timers does so in order of tenant and lead, or skips what is locked. */
@Injectable()
export class WindowTimersStore {
  /**
   * Locks what is due, the longest due first, and leaves out what another process has locked. The tenants of the rows become those of
   * the transaction.
   */
  claim(tx: Tx, now: number, limit: number): Promise<LockedTimer[]> {
    return tx.query<LockedTimer>(CLAIM, [now, limit], 'workflow.claim-timers');
  }

  /** The timers of leads, locked in order. */
  lock(tx: Tx, leads: readonly LeadKey[]): Promise<LiveTimer[]> {
    return tx.query<LiveTimer>(`
      SELECT ${columns}, coalesce(w.pause_extends, false) AS "pauseExtends", coalesce(w.waits_on, '{}') AS "waitsOn"
        FROM unnest($1::text[], $2::text[]) AS g (tenant_id, lead_id)
        JOIN workflow.window_timers t ON t.tenant_id = g.tenant_id AND t.lead_id = g.lead_id
        LEFT JOIN workflow.windows w ON w.tenant_id = t.tenant_id AND w.lead_id = t.lead_id AND t.kind = 'window'
       ORDER BY t.tenant_id, t.lead_id, t.kind FOR UPDATE OF t`,
    [textArray(leads.map((lead) => lead.tenantId)), textArray(leads.map((lead) => lead.leadId))], 'workflow.lock-timers');
  }

  async add(tx: Tx, timers: readonly Timer[]): Promise<void> {
    if (timers.length === 0) return;
    const text = (pick: (timer: Timer) => string | null) => textArray(timers.map(pick));
    const plain = (pick: (timer: Timer) => number | null) => plainArray(timers.map(pick));
    await tx.query(ADD, [
      text((t) => t.tenantId), text((t) => t.leadId), text((t) => t.kind), text((t) => t.campaignId), plain((t) => t.since),
      plain((t) => t.generation), plain((t) => t.everyMs), plain((t) => t.nextAt), plain((t) => t.expiresAt), plain((t) => t.chanceAt),
      plain((t) => t.dueAt), text((t) => t.rests), text((t) => t.traceparent),
    ], 'workflow.add-timers');
  }

  /** Writes what may change of locked timers. They stand where they were read, so that no index is asked for them. */
  async move(tx: Tx, timers: readonly LockedTimer[]): Promise<void> {
    if (timers.length === 0) return;
    const plain = (pick: (timer: Timer) => number | null) => plainArray(timers.map(pick));
    await tx.query(MOVE, [
      textArray(timers.map((t) => t.place)), plain((t) => t.nextAt), plain((t) => t.expiresAt), plain((t) => t.chanceAt),
      plain((t) => t.dueAt), textArray(timers.map((t) => t.rests)),
    ], 'workflow.move-timers');
  }

  async remove(tx: Tx, timers: readonly LockedTimer[]): Promise<void> {
    if (timers.length === 0) return;
    await tx.query('DELETE FROM workflow.window_timers WHERE ctid = ANY ($1::tid[])', [textArray(timers.map((t) => t.place))], 'workflow.remove-timers');
  }

  /** Removes the timer of a window that has ended; a hold of its lead stays. */
  async removeWindow(tx: Tx, { tenantId, leadId }: LeadKey): Promise<void> {
    await tx.query(`DELETE FROM workflow.window_timers WHERE tenant_id = $1 AND lead_id = $2 AND kind = 'window'`, [tenantId, leadId], 'workflow.end-timer');
  }

  /** When the next timer is due; null = none ever is. */
  async nextDue(tx: Tx): Promise<number | null> {
    const [row] = await tx.query<{ at: number }>(
      'SELECT due_at::float8 AS at FROM workflow.window_timers WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1', [], 'workflow.next-due');
    return row?.at ?? null;
  }

  /** How many timers are due, counted up to `limit`. */
  async backlog(tx: Tx, now: number, limit: number): Promise<number> {
    const [row] = await tx.query<{ due: number }>(
      'SELECT count(*)::int AS due FROM (SELECT FROM workflow.window_timers WHERE due_at <= $1 LIMIT $2) AS d', [now, limit], 'workflow.due-backlog');
    return row!.due;
  }

  /** Notes changes that may end waits: a row each, however many windows they concern. */
  async wake(tx: Tx, wakes: readonly Wake[]): Promise<void> {
    if (wakes.length === 0) return;
    await tx.query(WAKE, [
      textArray(wakes.map((w) => w.tenantId)), textArray(wakes.map((w) => w.scope)), textArray(wakes.map((w) => w.scopeId)),
      plainArray(wakes.map((w) => w.at)), plainArray(wakes.map((w) => w.again)),
    ], 'workflow.note-wakes');
  }

  /** Locks the wake that has waited longest, if another process has not; its tenant becomes the transaction's. */
  async claimWake(tx: Tx, now: number): Promise<ClaimedWake | undefined> {
    const [wake] = await tx.query<ClaimedWake>(CLAIM_WAKE, [now], 'workflow.claim-wake');
    return wake;
  }

  /** The next leads that a wake concerns, from its cursor on. */
  next(tx: Tx, wake: ClaimedWake, limit: number): Promise<Place[]> {
    const { tenantId, scope, scopeId, cursorSince, cursorLead } = wake;
    const from = [tenantId, scopeId, cursorLead ?? ''];
    if (scope === 'contract') {
      return tx.query(`
        SELECT lead_id AS "leadId", NULL AS since FROM workflow.window_waits
         WHERE tenant_id = $1 AND contract_id = $2 AND lead_id > $3 ORDER BY lead_id LIMIT $4`, [...from, limit], 'workflow.next-waiting');
    }
    return tx.query(`
      SELECT lead_id AS "leadId", since::float8 AS since FROM workflow.window_timers
       WHERE tenant_id = $1 AND campaign_id = $2 AND (since, lead_id) > ($5, $3) ORDER BY since, lead_id LIMIT $4`,
    [...from, limit, cursorSince ?? -1], 'workflow.next-of-campaign');
  }

  /** Makes what sleeps, or is due later, due at an instant. A window that is paused is left alone. */
  async bringForward(tx: Tx, tenantId: string, leads: readonly string[], at: number): Promise<void> {
    if (leads.length === 0) return;
    await tx.query(`
      WITH l AS MATERIALIZED (
        SELECT t.tenant_id, t.lead_id, t.kind FROM unnest($2::text[]) AS g (lead_id)
          JOIN workflow.window_timers t ON t.tenant_id = $1 AND t.lead_id = g.lead_id
         ORDER BY t.tenant_id, t.lead_id, t.kind FOR UPDATE OF t)
      UPDATE workflow.window_timers t SET due_at = $3 FROM l
       WHERE t.tenant_id = l.tenant_id AND t.lead_id = l.lead_id AND t.kind = l.kind AND t.rests IS DISTINCT FROM 'paused'
         AND (t.due_at IS NULL OR t.due_at > $3)`, [tenantId, textArray(leads), at], 'workflow.bring-forward');
  }

  /** Writes how far a wake was worked off, and whether it came again since it began. */
  async advance(tx: Tx, { tenantId, scope, scopeId, cursorSince, cursorLead, again, at }: ClaimedWake): Promise<void> {
    await tx.query(`
      UPDATE workflow.window_wakes SET cursor_since = $4, cursor_lead = $5, again = $6, at = $7 WHERE tenant_id = $1 AND scope = $2 AND scope_id = $3`,
    [tenantId, scope, scopeId, cursorSince, cursorLead, again, at], 'workflow.advance-wake');
  }

  async endWake(tx: Tx, { tenantId, scope, scopeId }: ClaimedWake): Promise<void> {
    await tx.query('DELETE FROM workflow.window_wakes WHERE tenant_id = $1 AND scope = $2 AND scope_id = $3', [tenantId, scope, scopeId], 'workflow.end-wake');
  }
}

export const CLAIM = `
  WITH due AS MATERIALIZED (
    SELECT ${columns} FROM workflow.window_timers t WHERE t.due_at <= $1 ORDER BY t.due_at, t.since LIMIT $2 FOR UPDATE SKIP LOCKED),
  scope AS (SELECT set_config('sluice.tenants', coalesce(string_agg(DISTINCT "tenantId", ','), ''), true) FROM due)
  SELECT due.* FROM due, scope`;

const ADD = `
  INSERT INTO workflow.window_timers (tenant_id, lead_id, kind, campaign_id, since, generation, every_ms, next_at, expires_at, chance_at, due_at, rests,
                                      traceparent)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::int[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                       $11::bigint[], $12::text[], $13::text[])
  ON CONFLICT (tenant_id, lead_id, kind) DO UPDATE
     SET campaign_id = excluded.campaign_id, generation = excluded.generation, every_ms = excluded.every_ms, next_at = excluded.next_at,
         expires_at = excluded.expires_at, chance_at = excluded.chance_at, due_at = excluded.due_at, rests = excluded.rests`;

const MOVE = `
  UPDATE workflow.window_timers t SET next_at = m.next_at, expires_at = m.expires_at, chance_at = m.chance_at, due_at = m.due_at, rests = m.rests
    FROM unnest($1::tid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) AS m (place, next_at, expires_at, chance_at, due_at, rests)
   WHERE t.ctid = m.place`;

// In order of the key, so that two who note the same wakes do not wait for each other crosswise.
const WAKE = `
  INSERT INTO workflow.window_wakes AS w (tenant_id, scope, scope_id, at, again)
  SELECT tenant_id, scope, scope_id, min(at), bool_or(again)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[]) AS g (tenant_id, scope, scope_id, at, again)
   GROUP BY tenant_id, scope, scope_id ORDER BY tenant_id, scope, scope_id
  ON CONFLICT (tenant_id, scope, scope_id) DO UPDATE SET again = w.again OR excluded.again OR w.cursor_since IS NOT NULL`;

const CLAIM_WAKE = `
  WITH due AS MATERIALIZED (
    SELECT tenant_id AS "tenantId", scope, scope_id AS "scopeId", at::float8 AS at, cursor_since::float8 AS "cursorSince", cursor_lead AS "cursorLead", again
      FROM workflow.window_wakes WHERE at <= $1 ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED),
  scope AS (SELECT set_config('sluice.tenants', coalesce(string_agg("tenantId", ','), ''), true) FROM due)
  SELECT due.* FROM due, scope`;
