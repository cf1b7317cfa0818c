/** Rows of the read models as the API shows them: instants as ISO text, money with its decimals. */
import { formatMoney } from '@sluice/kernel';
import type { LeadRow, OutboundRow } from './leads.store.js';

export function shownLead(row: LeadRow) {
  return {
    leadId: row.lead_id, campaignId: row.campaign_id, sourceId: row.source_id, status: row.status,
    // Why nobody has it; of a lead that somebody has, the reason of an attempt in between says nothing.
    reason: row.status === 'unsold' || row.status === 'held' ? row.reason : null,
    duplicate: row.duplicate, receivedAt: instant(row.received_at), decidedAt: instant(row.decided_at), attempts: row.attempts,
    traceId: row.trace_id,
    held: row.held ?? false, heldUntil: row.held ? instant(row.held_until) : null, returned: row.returned,
    fulfilledAt: instant(row.fulfilled_at),
    // One that was only edited is open: the event that opened it comes before, and may be older than what is kept.
    window: row.window_expires_at === null ? null : {
      state: row.window_state ?? 'open', expiresAt: instant(row.window_expires_at), every: row.window_every,
      rounds: row.window_rounds, triedAt: instant(row.window_tried_at),
    },
  };
}

export function shownOutbound(row: OutboundRow) {
  return {
    outboundLeadId: row.outbound_lead_id, leadId: row.lead_id, contractId: row.contract_id, clientId: row.client_id,
    campaignId: row.campaign_id, attemptId: row.attempt_id, deliveryMethodId: row.delivery_method_id,
    status: row.shown_status, reason: row.reason, cherryPicked: row.cherry_picked,
    returnedAt: instant(row.returned_at), returnReason: row.return_reason, returnedBy: row.returned_by,
    price: row.price_minor === null || row.currency === null ? null : formatMoney(BigInt(row.price_minor), row.currency),
    currency: row.currency, reservedAt: instant(row.reserved_at), settledAt: instant(row.settled_at),
    deliveryAttempts: row.delivery_attempts, clientReference: row.client_reference,
  };
}

/** pg gives a bigint as text. */
function instant(ms: string | null): string | null {
  return ms === null ? null : new Date(Number(ms)).toISOString();
}
