import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';
import { attemptsOf } from './history.js';

export interface LeadRow {
  readonly lead_id: string;
  readonly campaign_id: string | null;
  readonly source_id: string | null;
  readonly received_at: string | null;
  readonly duplicate: boolean;
  readonly trace_id: string | null;
  readonly decided_at: string | null;
  readonly attempts: number;
  readonly reason: string | null;
  readonly status: string;
  readonly held: boolean | null;
  readonly held_until: string | null;
  readonly returned: number;
  readonly fulfilled_at: string | null;
  readonly window_state: string | null;
  readonly window_expires_at: string | null;
  readonly window_every: string | null;
  readonly window_rounds: number;
  readonly window_tried_at: string | null;
  readonly window_reason: string | null;
  readonly history: string;
}

export interface OutboundRow {
  readonly outbound_lead_id: string;
  readonly lead_id: string;
  readonly contract_id: string;
  readonly client_id: string | null;
  readonly attempt_id: string | null;
  readonly campaign_id: string | null;
  readonly delivery_method_id: string | null;
  readonly price_minor: string | null;
  readonly currency: string | null;
  readonly reserved_at: string | null;
  readonly status: string;
  readonly reason: string | null;
  readonly settled_at: string | null;
  readonly delivery_attempts: number | null;
  readonly client_reference: string | null;
  /** `status`, or returned. */
  readonly shown_status: string;
  readonly cherry_picked: boolean;
  readonly returned_at: string | null;
  readonly return_reason: string | null;
  readonly returned_by: string | null;
  readonly history: string;
}

export interface LeadFilter {
  readonly status?: string | undefined;
  /** Empty: of leads that came without one. */
  readonly campaign?: string | undefined;
  readonly source?: string | undefined;
  /** State of the window. */
  readonly window?: string | undefined;
  readonly held?: boolean | undefined;
  /** Epoch milliseconds: received at or after, and before. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface FunnelRow {
  readonly stage: string;
  readonly reason: string;
  readonly count: number;
}

const outboundColumns = `outbound_lead_id, lead_id, contract_id, client_id, attempt_id, campaign_id, delivery_method_id, price_minor, currency, reserved_at,
  status, reason, settled_at, delivery_attempts, client_reference, shown_status, cherry_picked, returned_at, return_reason, returned_by, history`;

const leadColumns = `lead_id, campaign_id, source_id, received_at, duplicate, trace_id, decided_at, attempts, reason, status, held, held_until, returned,
  fulfilled_at, window_state, window_expires_at, window_every, window_rounds, window_tried_at, window_reason`;

/** Reads the read models, for one tenant. */
@Injectable()
export class LeadsStore {
  constructor(private readonly database: Database) {}

  /** Newest first: the ids of leads begin with their time. `after`: the last id of the page before. */
  leads(tenantId: string, filter: LeadFilter, after: string | undefined, limit: number): Promise<LeadRow[]> {
    const values: unknown[] = [tenantId];
    const where = ['tenant_id = $1', 'received_at IS NOT NULL'];
    const add = (text: string, given: unknown) => where.push(`${text} $${values.push(given)}`);
    if (filter.status !== undefined) add('status =', filter.status);
    if (filter.campaign === '') where.push('campaign_id IS NULL');
    else if (filter.campaign !== undefined) add('campaign_id =', filter.campaign);
    if (filter.source !== undefined) add('source_id =', filter.source);
    if (filter.window !== undefined) add('window_state =', filter.window);
    if (filter.held !== undefined) add('coalesce(held, false) =', filter.held);
    if (filter.from !== undefined) {
      add('received_at >=', filter.from);
      add('lead_id >=', idAt(filter.from - SLACK_MS));
    }
    if (filter.to !== undefined) {
      add('received_at <', filter.to);
      add('lead_id <', idAt(filter.to + SLACK_MS));
    }
    if (after !== undefined) add('lead_id <', after);
    return this.as(tenantId, (tx) => tx.query<LeadRow>(
      `SELECT ${leadColumns}, '' AS history
       FROM gateway.leads WHERE ${where.join(' AND ')} ORDER BY lead_id DESC LIMIT ${limit}`, values));
  }

  /** A lead with its outbound leads, in order of reservation; undefined where the tenant has none of this id. */
  lead(tenantId: string, leadId: string): Promise<{ readonly lead: LeadRow; readonly outbound: readonly OutboundRow[] } | undefined> {
    return this.as(tenantId, async (tx) => {
      const [lead] = await tx.query<LeadRow>(
        `SELECT ${leadColumns}, history
         FROM gateway.leads WHERE tenant_id = $1 AND lead_id = $2`, [tenantId, leadId]);
      if (!lead) return undefined;
      const picks = attemptsOf(lead.history).flatMap((attempt) => attempt.picks);
      const outbound = picks.length === 0 ? [] : await tx.query<OutboundRow>(
        `SELECT ${outboundColumns} FROM gateway.outbound_leads
         WHERE tenant_id = $1 AND (contract_id, outbound_lead_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
         ORDER BY reserved_at, outbound_lead_id`, [tenantId, picks.map((pick) => pick.contractId), picks.map((pick) => pick.outboundLeadId)]);
      return { lead, outbound };
    });
  }

  /** A contract's outbound leads, newest first: the engine's ids sort in the order in which it made them. */
  outboundOf(
    tenantId: string, contractId: string, status: string | undefined, after: string | undefined, limit: number,
  ): Promise<OutboundRow[]> {
    const values: unknown[] = [tenantId, contractId];
    const where = ['tenant_id = $1', 'contract_id = $2', 'reserved_at IS NOT NULL'];
    if (status !== undefined) where.push(`shown_status = $${values.push(status)}`);
    if (after !== undefined) where.push(`outbound_lead_id < $${values.push(after)}`);
    return this.as(tenantId, (tx) => tx.query<OutboundRow>(
      `SELECT ${outboundColumns} FROM gateway.outbound_leads WHERE ${where.join(' AND ')} ORDER BY outbound_lead_id DESC LIMIT ${limit}`, values));
  }

  /** Counts by stage and reason: of all time, or from a minute on (minutes since the epoch). */
  funnel(tenantId: string, sinceMinute: number | undefined): Promise<FunnelRow[]> {
    return this.as(tenantId, (tx) => (sinceMinute === undefined
      ? tx.query<FunnelRow>('SELECT stage, reason, count::float8 AS count FROM gateway.funnel WHERE tenant_id = $1 AND minute = 0', [tenantId])
      : tx.query<FunnelRow>(
        `SELECT stage, reason, sum(count)::float8 AS count FROM gateway.funnel WHERE tenant_id = $1 AND minute > 0 AND minute >= $2 GROUP BY stage, reason`,
        [tenantId, sinceMinute])));
  }

  private as<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'gateway', tenants: [tenantId] }, work);
  }
}

/** An id is made in the moment that its lead is received; this much the two may lie apart. */
const SLACK_MS = 600_000;

/** The least id of an instant: a uuid of version 7 begins with its time. */
function idAt(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
