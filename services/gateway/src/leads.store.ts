import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';

export interface LeadRow {
  readonly lead_id: string;
  readonly campaign_id: string | null;
  readonly source_id: string | null;
  readonly received_at: string;
  readonly duplicate: boolean;
  readonly trace_id: string | null;
  readonly decided_at: string | null;
  readonly attempts: number;
  readonly reason: string | null;
  readonly status: string;
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
  readonly history: string;
}

export interface LeadFilter {
  readonly status?: string | undefined;
  readonly campaign?: string | undefined;
  readonly source?: string | undefined;
  /** Epoch milliseconds: received at or after, and before. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** A place in a list that is ordered by time and id, newest first. */
export interface Place {
  readonly at: number;
  readonly id: string;
}

export interface FunnelRow {
  readonly stage: string;
  readonly reason: string;
  readonly count: number;
}

const outboundColumns = `outbound_lead_id, lead_id, contract_id, client_id, attempt_id, campaign_id, delivery_method_id, price_minor, currency, reserved_at,
  status, reason, settled_at, delivery_attempts, client_reference, history`;

/** Reads the read models, for one tenant. */
@Injectable()
export class LeadsStore {
  constructor(private readonly database: Database) {}

  leads(tenantId: string, filter: LeadFilter, after: Place | undefined, limit: number): Promise<LeadRow[]> {
    const values: unknown[] = [tenantId];
    const where = ['tenant_id = $1', 'received_at IS NOT NULL'];
    const add = (text: (n: number) => string, ...given: unknown[]) => {
      where.push(text(values.length + 1));
      values.push(...given);
    };
    if (filter.status !== undefined) add((n) => `status = $${n}`, filter.status);
    if (filter.campaign !== undefined) add((n) => `campaign_id = $${n}`, filter.campaign);
    if (filter.source !== undefined) add((n) => `source_id = $${n}`, filter.source);
    if (filter.from !== undefined) add((n) => `received_at >= $${n}`, filter.from);
    if (filter.to !== undefined) add((n) => `received_at < $${n}`, filter.to);
    if (after) add((n) => `(received_at, lead_id) < ($${n}, $${n + 1})`, after.at, after.id);
    return this.as(tenantId, (tx) => tx.query<LeadRow>(
      `SELECT lead_id, campaign_id, source_id, received_at, duplicate, trace_id, decided_at, attempts, reason, status, '' AS history
       FROM gateway.leads WHERE ${where.join(' AND ')} ORDER BY received_at DESC, lead_id DESC LIMIT ${limit}`, values));
  }

  /** A lead with its outbound leads, in order of reservation; undefined where the tenant has none of this id. */
  lead(tenantId: string, leadId: string): Promise<{ readonly lead: LeadRow; readonly outbound: readonly OutboundRow[] } | undefined> {
    return this.as(tenantId, async (tx) => {
      const [lead] = await tx.query<LeadRow>(
        `SELECT lead_id, campaign_id, source_id, received_at, duplicate, trace_id, decided_at, attempts, reason, status, history
         FROM gateway.leads WHERE tenant_id = $1 AND lead_id = $2`, [tenantId, leadId]);
      if (!lead) return undefined;
      const outbound = await tx.query<OutboundRow>(
        `SELECT ${outboundColumns} FROM gateway.outbound_leads WHERE tenant_id = $1 AND lead_id = $2 ORDER BY reserved_at, outbound_lead_id`, [tenantId, leadId]);
      return { lead, outbound };
    });
  }

  /** A contract's outbound leads, newest first. */
  outboundOf(
    tenantId: string, contractId: string, status: string | undefined, after: Place | undefined, limit: number,
  ): Promise<OutboundRow[]> {
    const values: unknown[] = [tenantId, contractId];
    const where = ['tenant_id = $1', 'contract_id = $2', 'reserved_at IS NOT NULL'];
    if (status !== undefined) where.push(`status = $${values.push(status)}`);
    if (after) where.push(`(reserved_at, outbound_lead_id) < ($${values.push(after.at)}, $${values.push(after.id)})`);
    return this.as(tenantId, (tx) => tx.query<OutboundRow>(
      `SELECT ${outboundColumns} FROM gateway.outbound_leads WHERE ${where.join(' AND ')} ORDER BY reserved_at DESC, outbound_lead_id DESC LIMIT ${limit}`, values));
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
