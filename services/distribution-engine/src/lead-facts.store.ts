import { Injectable } from '@nestjs/common';
import { Database, textArray, type Tx } from '@sluice/db';
import type { Lead, Life } from '@sluice/distribution';

export interface LeadFacts {
  readonly leadId: string;
  /** Empty: it came without a campaign. */
  readonly campaignId: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  readonly windowGeneration: number;
  /** Picks that hold it: reserved or accepted. */
  readonly standing: number;
}

export interface OutboundLeadFacts {
  readonly outboundLeadId: string;
  readonly leadId: string;
  readonly attemptId: string;
  readonly contractId: string;
  readonly clientId: string;
  /** Minor units as text. */
  readonly priceMinor: string;
  readonly currency: string;
  /** reserved, accepted, rejected, failed, unresolved */
  readonly state: string;
}

export interface AttemptText {
  readonly attemptId: string;
  readonly outcome: string;
  readonly receipt: string;
}

interface LeadOfTable { lead_id: string; received_at: string; lead: string; life: string; window_generation: number }

/** What other services ask of leads; ids that the tenant has not are left out of the answer. */
@Injectable()
export class LeadFactsStore {
  constructor(private readonly database: Database) {}

  async leads(tenantId: string, ids: readonly string[]): Promise<LeadFacts[]> {
    const rows = await this.read(tenantId, (tx) => tx.query<LeadOfTable>(
      'SELECT lead_id, received_at, lead, life, window_generation FROM engine.leads WHERE tenant_id = $1 AND lead_id = ANY ($2::text[])',
      [tenantId, textArray(ids)]));
    return rows.map((row) => ({
      leadId: row.lead_id, campaignId: (JSON.parse(row.lead) as Lead).campaignId, receivedAt: Number(row.received_at),
      windowGeneration: row.window_generation,
      standing: (JSON.parse(row.life) as Life).picks.filter(({ state }) => state === 'reserved' || state === 'accepted').length,
    }));
  }

  outboundLeads(tenantId: string, ids: readonly string[]): Promise<OutboundLeadFacts[]> {
    return this.read(tenantId, (tx) => tx.query<OutboundLeadFacts>(
      `SELECT outbound_lead_id AS "outboundLeadId", lead_id AS "leadId", attempt_id AS "attemptId", contract_id AS "contractId",
              client_id AS "clientId", price_minor::text AS "priceMinor", currency, state
         FROM engine.outbound_leads WHERE tenant_id = $1 AND outbound_lead_id = ANY ($2::text[])`, [tenantId, textArray(ids)]));
  }

  attempts(tenantId: string, ids: readonly string[]): Promise<AttemptText[]> {
    return this.read(tenantId, (tx) => tx.query<AttemptText>(
      `SELECT attempt_id AS "attemptId", outcome, receipt FROM engine.attempts WHERE tenant_id = $1 AND attempt_id = ANY ($2::text[])`,
      [tenantId, textArray(ids)]));
  }

  private read<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'engine', tenants: [tenantId] }, work);
  }
}
