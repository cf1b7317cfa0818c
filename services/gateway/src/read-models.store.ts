import { Injectable } from '@nestjs/common';
import { plainArray, textArray, type Tx } from '@sluice/db';
import type { Count, FoldedBatch, LeadChange, OutboundChange } from './fold-batch.js';

/** Writes the read models: a few statements a batch, whatever its size. */
@Injectable()
export class ReadModelsStore {
  async project(tx: Tx, folded: FoldedBatch): Promise<void> {
    await this.unresolvedNoMore(tx, folded);
    const [leads, outbound, counts] = [folded.leadChanges(), folded.outboundChanges(), folded.countChanges()];
    if (leads.length > 0) await this.leads(tx, leads);
    if (outbound.length > 0) await this.outboundLeads(tx, outbound);
    if (counts.length > 0) await this.counts(tx, counts);
  }

  /** Empties the projection; the caller sets the group back in the same transaction. */
  async truncate(tx: Tx): Promise<void> {
    await tx.query('TRUNCATE gateway.leads, gateway.outbound_leads, gateway.unresolved, gateway.funnel');
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

  private async leads(tx: Tx, rows: readonly LeadChange[]): Promise<void> {
    const { text, plain } = columnsOf(rows);
    await tx.query(
      `INSERT INTO gateway.leads AS l (tenant_id, lead_id, campaign_id, source_id, received_at, duplicate, trace_id, decided_at, attempts,
         reason, open, accepted, history)
       SELECT tenant_id, lead_id, campaign_id, source_id, received_at, coalesce(duplicate, false), trace_id, decided_at, attempts, reason, open, accepted,
         history
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::text[], $8::bigint[], $9::int[], $10::text[],
         $11::int[], $12::int[], $13::text[]) AS x (tenant_id, lead_id, campaign_id, source_id, received_at, duplicate, trace_id, decided_at, attempts,
         reason, open, accepted, history)
       ON CONFLICT (tenant_id, lead_id) DO UPDATE SET
         campaign_id = coalesce(excluded.campaign_id, l.campaign_id), source_id = coalesce(excluded.source_id, l.source_id),
         received_at = coalesce(excluded.received_at, l.received_at), duplicate = excluded.duplicate OR l.duplicate,
         trace_id = coalesce(excluded.trace_id, l.trace_id), decided_at = coalesce(l.decided_at, excluded.decided_at),
         attempts = l.attempts + excluded.attempts, reason = CASE WHEN excluded.attempts > 0 THEN excluded.reason ELSE l.reason END,
         open = l.open + excluded.open, accepted = l.accepted + excluded.accepted, history = l.history || excluded.history`,
      [
        text('tenantId'), text('leadId'), text('campaignId'),
        text('sourceId'), plain('receivedAt'), plain('duplicate'),
        text('traceId'), plain('decidedAt'), plain('attempts'),
        text('reason'), plain('open'), plain('accepted'),
        text('history'),
      ], 'gateway.leads');
  }

  private async outboundLeads(tx: Tx, rows: readonly OutboundChange[]): Promise<void> {
    const { text, plain } = columnsOf(rows);
    await tx.query(
      `INSERT INTO gateway.outbound_leads AS o (tenant_id, outbound_lead_id, lead_id, contract_id, client_id, attempt_id, campaign_id, delivery_method_id,
         price_minor, currency, reserved_at, status, reason, settled_at, delivery_attempts, client_reference, history)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[],
         $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::int[], $16::text[], $17::text[])
       ON CONFLICT (tenant_id, contract_id, outbound_lead_id) DO UPDATE SET
         client_id = coalesce(excluded.client_id, o.client_id), attempt_id = coalesce(excluded.attempt_id, o.attempt_id),
         campaign_id = coalesce(excluded.campaign_id, o.campaign_id), delivery_method_id = coalesce(excluded.delivery_method_id, o.delivery_method_id),
         price_minor = coalesce(excluded.price_minor, o.price_minor), currency = coalesce(excluded.currency, o.currency),
         reserved_at = coalesce(excluded.reserved_at, o.reserved_at),
         status = CASE WHEN excluded.status = 'reserved' THEN o.status ELSE excluded.status END,
         reason = CASE WHEN excluded.status = 'reserved' THEN o.reason ELSE excluded.reason END, settled_at = coalesce(excluded.settled_at, o.settled_at),
         delivery_attempts = coalesce(excluded.delivery_attempts, o.delivery_attempts),
         client_reference = coalesce(excluded.client_reference, o.client_reference), history = o.history || excluded.history`,
      [
        text('tenantId'), text('outboundLeadId'), text('leadId'),
        text('contractId'), text('clientId'), text('attemptId'),
        text('campaignId'), text('deliveryMethodId'), plain('priceMinor'),
        text('currency'), plain('reservedAt'), text('status'),
        text('reason'), plain('settledAt'), plain('deliveryAttempts'),
        text('clientReference'), text('history'),
      ], 'gateway.outbound_leads');
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
