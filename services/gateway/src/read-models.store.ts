import { Injectable } from '@nestjs/common';
import { plainArray, textArray, type Tx } from '@sluice/db';
import type { AuditNote } from './audit-entries.js';
import type { Count, FoldedBatch, LeadChange, OutboundChange } from './fold-batch.js';
import { LEADS, OUTBOUND_LEADS, type Upserts } from './read-model-columns.js';

/** Writes the read models: a few statements a batch, whatever its size. */
@Injectable()
export class ReadModelsStore {
  async project(tx: Tx, folded: FoldedBatch): Promise<void> {
    await this.unresolvedNoMore(tx, folded);
    await this.held(tx, folded);
    await this.bounced(tx, folded);
    const [leads, outbound, counts] = [folded.leadChanges(), folded.outboundChanges(), folded.countChanges()];
    if (leads.length > 0) await this.leads(tx, leads);
    if (outbound.length > 0) await this.outboundLeads(tx, outbound);
    if (counts.length > 0) await this.counts(tx, counts);
    if (folded.notes.length > 0) await this.note(tx, folded.notes);
  }

  /** Empties the projection; the caller sets the group back in the same transaction. */
  async truncate(tx: Tx): Promise<void> {
    await tx.query('TRUNCATE gateway.leads, gateway.outbound_leads, gateway.unresolved, gateway.held, gateway.funnel');
  }

  /** By which version of the code the read models are built. */
  async projection(tx: Tx): Promise<number> {
    const [row] = await tx.query<{ version: number }>('SELECT version FROM gateway.projection');
    return row?.version ?? 0;
  }

  /** False where it is that of this version already; another replica waits here until the first has committed. */
  async setProjection(tx: Tx, version: number): Promise<boolean> {
    return (await tx.query('UPDATE gateway.projection SET version = $1 WHERE version < $1 RETURNING version', [version])).length > 0;
  }

  /** What is settled now and was unresolved before, perhaps long ago; and what is unresolved from now on. */
  private async unresolvedNoMore(tx: Tx, folded: FoldedBatch): Promise<void> {
    if (folded.settled.length === 0) return;
    const { text } = columnsOf(folded.settled);
    const rows = await tx.query<{ n: number }>(
      `DELETE FROM gateway.unresolved u USING unnest($1::text[], $2::text[]) WITH ORDINALITY AS x(tenant_id, id, n)
       WHERE u.tenant_id = x.tenant_id AND u.outbound_lead_id = x.id RETURNING x.n::int AS n`,
      [text('tenantId'), text('outboundLeadId')], 'gateway.unresolved');
    for (const { n } of rows) {
      const { tenantId, at } = folded.settled[n - 1]!;
      folded.add(tenantId, at, 'unresolved', '', -1);
    }
    const left = folded.outboundChanges().filter((row) => row.status === 'unresolved');
    if (left.length === 0) return;
    const columns = columnsOf(left);
    await tx.query(
      'INSERT INTO gateway.unresolved (tenant_id, outbound_lead_id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING',
      [columns.text('tenantId'), columns.text('outboundLeadId')]);
  }

  /** Which leads were held before the batch, or were not, decides what is counted: at most four statements on a small table. */
  private async held(tx: Tx, folded: FoldedBatch): Promise<void> {
    const { heldMoves } = folded;
    const [gone, come] = [heldMoves.open.filter(({ left }) => left), heldMoves.open.filter(({ left }) => !left)];
    const lists = (rows: readonly { readonly tenantId: string; readonly leadId: string }[]) => {
      const { text } = columnsOf(rows);
      return [text('tenantId'), text('leadId')];
    };
    const remove = `DELETE FROM gateway.held h USING unnest($1::text[], $2::text[]) WITH ORDINALITY AS x(tenant_id, id, n)
       WHERE h.tenant_id = x.tenant_id AND h.lead_id = x.id RETURNING x.n::int AS n`;
    const insert = `INSERT INTO gateway.held (tenant_id, lead_id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
       RETURNING tenant_id || E'\\n' || lead_id AS key`;
    if (gone.length > 0) {
      for (const { n } of await tx.query<{ n: number }>(remove, lists(gone), 'gateway.held_no_more')) {
        const { tenantId, at, left } = gone[n - 1]!;
        folded.add(tenantId, at, 'held', '', -1);
        folded.add(tenantId, at, left!.stage, left!.reason);
      }
    }
    if (come.length > 0) {
      const inserted = new Set((await tx.query<{ key: string }>(insert, lists(come))).map(({ key }) => key));
      for (const { tenantId, leadId, at } of come) if (inserted.has(`${tenantId}\n${leadId}`)) folded.add(tenantId, at, 'held');
    }
    const [held, free] = [heldMoves.moved(true), heldMoves.moved(false)];
    if (held.length > 0) await tx.query(insert, lists(held));
    if (free.length > 0) await tx.query(remove, lists(free));
  }

  /** What is turned down now and was accepted in a batch before. */
  private async bounced(tx: Tx, folded: FoldedBatch): Promise<void> {
    if (folded.turnedDown.length === 0) return;
    const { text } = columnsOf(folded.turnedDown);
    const rows = await tx.query<{ n: number }>(
      `SELECT x.n::int AS n FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS x(tenant_id, contract_id, id, n)
         JOIN gateway.outbound_leads o ON o.tenant_id = x.tenant_id AND o.contract_id = x.contract_id AND o.outbound_lead_id = x.id
        WHERE o.status = 'accepted'`,
      [text('tenantId'), text('contractId'), text('outboundLeadId')], 'gateway.bounced');
    for (const { n } of rows) folded.bounced(folded.turnedDown[n - 1]!);
  }

  private async note(tx: Tx, notes: readonly AuditNote[]): Promise<void> {
    const { text, plain } = columnsOf(notes);
    await tx.query(
      `INSERT INTO gateway.audit_log (tenant_id, event_id, at, actor, action, target, detail)
       SELECT tenant_id, event_id, to_timestamp(at::double precision / 1000), actor, action, target, detail
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[])
           AS x (tenant_id, event_id, at, actor, action, target, detail)
       ON CONFLICT (tenant_id, event_id) WHERE event_id IS NOT NULL DO NOTHING`,
      [text('tenantId'), text('eventId'), plain('at'), text('actor'), text('action'), text('target'), text('detail')]);
  }

  private async leads(tx: Tx, rows: readonly LeadChange[]): Promise<void> {
    const isRich = (row: LeadChange) => row.windowExpiresAt !== undefined || row.windowRounds > 0 || row.held !== undefined
      || row.returned !== 0 || row.fulfilledAt !== undefined;
    await this.upsertEach(tx, rows, isRich, LEADS);
  }

  private async outboundLeads(tx: Tx, rows: readonly OutboundChange[]): Promise<void> {
    await this.upsertEach(tx, rows, (row) => row.cherryPicked || row.returnedAt !== undefined, OUTBOUND_LEADS);
  }

  /** Nearly all rows have the plain columns alone; a column more for each of them costs a third of the whole batch. */
  private async upsertEach<R>(tx: Tx, rows: readonly R[], isRich: (row: R) => boolean, { plain, rich, name }: Upserts<R>): Promise<void> {
    const rare = rows.filter(isRich);
    const common = rare.length === 0 ? rows : rows.filter((row) => !isRich(row));
    if (common.length > 0) await tx.query(plain.text, plain.values(common), name);
    if (rare.length > 0) await tx.query(rich.text, rich.values(rare), `${name}_rich`);
  }

  private async counts(tx: Tx, rows: readonly Count[]): Promise<void> {
    const { text, plain } = columnsOf(rows);
    await tx.query(
      `INSERT INTO gateway.funnel AS f (tenant_id, minute, stage, reason, count)
       SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[])
       ON CONFLICT (tenant_id, minute, stage, reason) DO UPDATE SET count = f.count + excluded.count`,
      [
        text('tenantId'), plain('minute'), text('stage'),
        text('reason'), plain('count'),
      ], 'gateway.funnel');
  }
}

/** Rows → columns, as literals of arrays. */
function columnsOf<R>(rows: readonly R[]) {
  type Value = string | number | boolean | undefined;
  return {
    text: (column: keyof R) => textArray(rows.map((row) => row[column] as string | undefined)),
    plain: (column: keyof R) => plainArray(rows.map((row) => row[column] as Value)),
  };
}
