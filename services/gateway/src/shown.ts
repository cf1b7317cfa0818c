/** Rows of the read models as the API shows them: instants as ISO text, money with its decimals. */
import { formatMoney } from '@sluice/kernel';
import type { LeadRow, OutboundRow } from './leads.store.js';

export function shownLead(row: LeadRow) {
  return {
    leadId: row.lead_id, campaignId: row.campaign_id, sourceId: row.source_id, status: row.status,
    // Why nobody has it; of a lead that somebody has, the reason of an attempt in between says nothing.
    reason: row.status === 'unsold' ? row.reason : null,
    duplicate: row.duplicate, receivedAt: instant(row.received_at), decidedAt: instant(row.decided_at), attempts: row.attempts,
    traceId: row.trace_id,
  };
}

export function shownOutbound(row: OutboundRow) {
  return {
    outboundLeadId: row.outbound_lead_id, leadId: row.lead_id, contractId: row.contract_id, clientId: row.client_id,
    campaignId: row.campaign_id, attemptId: row.attempt_id, deliveryMethodId: row.delivery_method_id,
    status: row.status, reason: row.reason,
    price: row.price_minor === null || row.currency === null ? null : formatMoney(BigInt(row.price_minor), row.currency),
    currency: row.currency, reservedAt: instant(row.reserved_at), settledAt: instant(row.settled_at),
    deliveryAttempts: row.delivery_attempts, clientReference: row.client_reference,
  };
}

/** pg gives a bigint as text. */
function instant(ms: string | null): string | null {
  return ms === null ? null : new Date(Number(ms)).toISOString();
}
