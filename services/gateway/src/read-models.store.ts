import { Injectable } from '@nestjs/common';
import { plainArray, textArray, type Tx } from '@sluice/db';
import type { AuditNote } from './audit-entries.js';
import type { Count, FoldedBatch, LeadChange, OutboundChange } from './fold-batch.js';

/** Writes the read models: a few statements a batch, whatever its size. */
@Injectable()
export class ReadModelsStore {
  async project(tx: Tx, folded: FoldedBatch): Promise<void> {
    await this.unresolvedNoMore(tx, folded);
    await this.held(tx, folded);
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
    const { text, plain } = columnsOf(rows);
    await tx.query(
      `INSERT INTO gateway.leads AS l (tenant_id, lead_id, campaign_id, source_id, received_at, duplicate, trace_id, decided_at, attempts,
         reason, open, accepted, history, returned, held, held_until, fulfilled_at, window_state, window_expires_at, window_every, window_rounds,
         window_tried_at, window_reason)
       SELECT tenant_id, lead_id, campaign_id, source_id, received_at, coalesce(duplicate, false), trace_id, decided_at, attempts, reason, open, accepted,
         history, returned, held, held_until, fulfilled_at, window_state, window_expires_at, window_every, window_rounds,
         window_tried_at, window_reason
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::text[], $8::bigint[], $9::int[], $10::text[],
         $11::int[], $12::int[], $13::text[], $14::int[], $15::boolean[], $16::bigint[], $17::bigint[], $18::text[], $19::bigint[], $20::text[],
         $21::int[], $22::bigint[], $23::text[]) AS x (tenant_id, lead_id, campaign_id, source_id, received_at, duplicate, trace_id, decided_at,
         attempts, reason, open, accepted, history, returned, held, held_until, fulfilled_at, window_state, window_expires_at, window_every,
         window_rounds, window_tried_at, window_reason)
       ON CONFLICT (tenant_id, lead_id) DO UPDATE SET
         campaign_id = coalesce(excluded.campaign_id, l.campaign_id), source_id = coalesce(excluded.source_id, l.source_id),
         received_at = coalesce(excluded.received_at, l.received_at), duplicate = excluded.duplicate OR l.duplicate,
         trace_id = coalesce(excluded.trace_id, l.trace_id), decided_at = coalesce(l.decided_at, excluded.decided_at),
         attempts = l.attempts + excluded.attempts, reason = CASE WHEN excluded.attempts > 0 THEN excluded.reason ELSE l.reason END,
         open = l.open + excluded.open, accepted = l.accepted + excluded.accepted, history = l.history || excluded.history,
         returned = l.returned + excluded.returned, held = coalesce(excluded.held, l.held),
         held_until = CASE WHEN excluded.held IS NULL THEN l.held_until ELSE excluded.held_until END,
         fulfilled_at = coalesce(excluded.fulfilled_at, l.fulfilled_at), window_state = coalesce(excluded.window_state, l.window_state),
         window_expires_at = coalesce(excluded.window_expires_at, l.window_expires_at), window_every = coalesce(excluded.window_every, l.window_every),
         window_rounds = l.window_rounds + excluded.window_rounds, window_tried_at = coalesce(excluded.window_tried_at, l.window_tried_at),
         window_reason = coalesce(excluded.window_reason, l.window_reason)`,
      [
        text('tenantId'), text('leadId'), text('campaignId'),
        text('sourceId'), plain('receivedAt'), plain('duplicate'),
        text('traceId'), plain('decidedAt'), plain('attempts'),
        text('reason'), plain('open'), plain('accepted'),
        text('history'), plain('returned'), plain('held'),
        plain('heldUntil'), plain('fulfilledAt'), text('windowState'),
        plain('windowExpiresAt'), text('windowEvery'), plain('windowRounds'),
        plain('windowTriedAt'), text('windowReason'),
      ], 'gateway.leads');
  }

  private async outboundLeads(tx: Tx, rows: readonly OutboundChange[]): Promise<void> {
    const { text, plain } = columnsOf(rows);
    await tx.query(
      `INSERT INTO gateway.outbound_leads AS o (tenant_id, outbound_lead_id, lead_id, contract_id, client_id, attempt_id, campaign_id, delivery_method_id,
         price_minor, currency, reserved_at, status, reason, settled_at, delivery_attempts, client_reference, history, cherry_picked, returned_at,
         return_reason, returned_by)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[],
         $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::int[], $16::text[], $17::text[], $18::boolean[], $19::bigint[], $20::text[],
         $21::text[])
       ON CONFLICT (tenant_id, contract_id, outbound_lead_id) DO UPDATE SET
         client_id = coalesce(excluded.client_id, o.client_id), attempt_id = coalesce(excluded.attempt_id, o.attempt_id),
         campaign_id = coalesce(excluded.campaign_id, o.campaign_id), delivery_method_id = coalesce(excluded.delivery_method_id, o.delivery_method_id),
         price_minor = coalesce(excluded.price_minor, o.price_minor), currency = coalesce(excluded.currency, o.currency),
         reserved_at = coalesce(excluded.reserved_at, o.reserved_at),
         status = CASE WHEN excluded.status = 'reserved' THEN o.status ELSE excluded.status END,
         reason = CASE WHEN excluded.status = 'reserved' THEN o.reason ELSE excluded.reason END, settled_at = coalesce(excluded.settled_at, o.settled_at),
         delivery_attempts = coalesce(excluded.delivery_attempts, o.delivery_attempts),
         client_reference = coalesce(excluded.client_reference, o.client_reference), history = o.history || excluded.history,
         cherry_picked = excluded.cherry_picked OR o.cherry_picked, returned_at = coalesce(o.returned_at, excluded.returned_at),
         return_reason = coalesce(o.return_reason, excluded.return_reason), returned_by = coalesce(o.returned_by, excluded.returned_by)`,
      [
        text('tenantId'), text('outboundLeadId'), text('leadId'),
        text('contractId'), text('clientId'), text('attemptId'),
        text('campaignId'), text('deliveryMethodId'), plain('priceMinor'),
        text('currency'), plain('reservedAt'), text('status'),
        text('reason'), plain('settledAt'), plain('deliveryAttempts'),
        text('clientReference'), text('history'), plain('cherryPicked'),
        plain('returnedAt'), text('returnReason'), text('returnedBy'),
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
