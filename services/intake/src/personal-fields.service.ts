import { Injectable } from '@nestjs/common';
import { Database, plainArray, type Tx } from '@sluice/db';
import { uuid7 } from '@sluice/kernel';
import { Clock, Log, type Principal } from '@sluice/runtime';
import { Vault } from './vault.service.js';

export type OpenedLead = { readonly leadId: string } & (
  | { readonly fields: Readonly<Record<string, unknown>> }
  | { readonly erased: true }
  | { readonly unknown: true });

interface VaultRow {
  readonly lead_id: string;
  readonly sealed_at_all: boolean;
  readonly key_id: string;
  readonly wrapped_key: Buffer | null;
  readonly sealed: Buffer | null;
}

/** Opens the vault for a batch of leads, and writes down that it did: who, when and how many, never what. */
@Injectable()
export class PersonalFieldsService {
  constructor(
    private readonly database: Database, private readonly vault: Vault, private readonly clock: Clock, private readonly log: Log,
  ) {}

  async open(caller: Principal, leadIds: readonly string[]): Promise<OpenedLead[]> {
    const { tenantId } = caller;
    return this.database.transaction({ service: 'intake', tenants: [tenantId] }, async (tx) => {
      const rows = new Map((await this.read(tx, leadIds)).map((row) => [row.lead_id, row]));
      const leads = leadIds.map((leadId) => this.opened(tenantId, leadId, rows.get(leadId)));
      await this.note(tx, caller, leads);
      return leads;
    });
  }

  private read(tx: Tx, leadIds: readonly string[]): Promise<VaultRow[]> {
    return tx.query<VaultRow>(`
      SELECT l.lead_id, v.lead_id IS NOT NULL AS sealed_at_all, v.key_id, v.wrapped_key, v.sealed
      FROM intake.leads l LEFT JOIN intake.vault v ON v.lead_id = l.lead_id WHERE l.lead_id = ANY ($1::uuid[])`,
    [plainArray(leadIds)], 'intake.open');
  }

  private opened(tenantId: string, leadId: string, row: VaultRow | undefined): OpenedLead {
    if (!row) return { leadId, unknown: true };
    if (!row.sealed_at_all) return { leadId, fields: {} };
    if (row.wrapped_key === null || row.sealed === null) return { leadId, erased: true };
    try {
      return { leadId, fields: this.vault.open(tenantId, leadId, { keyId: row.key_id, wrappedKey: row.wrapped_key, sealed: row.sealed }) };
    } catch (error) {
      // Altered, moved or foreign: an alarm, and no answer that could be taken for a lead without fields.
      this.log.error({ tenantId, leadId, keyId: row.key_id }, 'a row of the vault does not open');
      throw error;
    }
  }

  private async note(tx: Tx, caller: Principal, leads: readonly OpenedLead[]): Promise<void> {
    const now = this.clock.now();
    const erased = leads.filter((lead) => 'erased' in lead).length;
    const unknown = leads.filter((lead) => 'unknown' in lead).length;
    await tx.query(`
      INSERT INTO intake.openings (opening_id, tenant_id, opened_at, opened_by, asked, opened, erased, unknown)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [uuid7(now, this.vault.idBytes()), caller.tenantId, new Date(now), `${caller.kind}:${caller.id}`, leads.length, leads.length - erased - unknown, erased, unknown]);
  }
}
