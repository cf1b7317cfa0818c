import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';
import { GIVEN, type Filter } from './distribution-filters.js';

export interface ReturnRow {
  readonly returnId: string;
  readonly outboundLeadId: string;
  readonly leadId: string;
  readonly contractId: string;
  readonly clientId: string;
  readonly reason: string;
  readonly actor: string;
  readonly caller: string;
  /** Epoch milliseconds. */
  readonly returnedAt: number;
}

type OfTable = Omit<ReturnRow, 'returnedAt'> & { returnedAt: string };

const COLUMNS = `return_id AS "returnId", outbound_lead_id AS "outboundLeadId", lead_id AS "leadId", contract_id AS "contractId",
  client_id AS "clientId", reason, actor, caller, returned_at AS "returnedAt"`;

export const returnFilters = {
  lead: `lead_id = ${GIVEN}`, contract: `contract_id = ${GIVEN}`, client: `client_id = ${GIVEN}`, actor: `actor = ${GIVEN}`,
} as const;

/** All SQL on returns. */
@Injectable()
export class ReturnsStore {
  /** False where the outbound lead is returned already. */
  async add(tx: Tx, tenantId: string, row: ReturnRow): Promise<boolean> {
    const rows = await tx.query(
      `INSERT INTO workflow.returns
         (tenant_id, outbound_lead_id, return_id, lead_id, contract_id, client_id, reason, actor, caller, returned_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING return_id`,
      [tenantId, row.outboundLeadId, row.returnId, row.leadId, row.contractId, row.clientId, row.reason, row.actor, row.caller,
        row.returnedAt]);
    return rows.length > 0;
  }

  async of(tx: Tx, tenantId: string, outboundLeadId: string): Promise<ReturnRow | undefined> {
    const [row] = await tx.query<OfTable>(
      `SELECT ${COLUMNS} FROM workflow.returns WHERE tenant_id = $1 AND outbound_lead_id = $2`, [tenantId, outboundLeadId]);
    return row && rowOf(row);
  }

  /** Newest first. */
  async page(tx: Tx, filter: Filter, limit: number): Promise<ReturnRow[]> {
    const rows = await tx.query<OfTable>(
      `SELECT ${COLUMNS} FROM workflow.returns WHERE ${filter.where} ORDER BY return_id DESC LIMIT ${limit}`, filter.values);
    return rows.map(rowOf);
  }
}

function rowOf(row: OfTable): ReturnRow {
  return { ...row, returnedAt: Number(row.returnedAt) };
}
