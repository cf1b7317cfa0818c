import {
  LeadDistributed, LeadNotDistributed, LeadReceived, LeadRejected, OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected,
  OutboundLeadReleased, OutboundLeadReserved, OutboundLeadUnresolved, type Said,
} from '@sluice/events';

/** Noon of the tests, in epoch milliseconds. */
export const NOON = Date.parse('2026-03-02T12:00:00Z');
const iso = (seconds: number) => new Date(NOON + seconds * 1000).toISOString();
const trace = (lead: string) => `00-${Buffer.from(lead.padEnd(16, '0')).toString('hex').slice(0, 32)}-00f067aa0ba902b7-01`;

/** Events of one tenant, as the services would say them. Seconds count from noon. */
export function storyteller(tenantId: string) {
  const about = (lead: string, what: string, seconds: number) => ({ id: `${tenantId} ${lead} ${what}`, time: NOON + seconds * 1000, traceparent: trace(lead) });
  const outbound = (lead: string, contract: string) => ({
    tenantId, leadId: lead, outboundLeadId: `${lead}-${contract}`, contractId: contract, clientId: `client-${contract}`,
  });
  return {
    received: (lead: string, seconds = 0, campaignId = 'solar', sourceId = 'web'): Said => LeadReceived.make(
      { tenantId, leadId: lead, campaignId, sourceId, receivedAt: iso(seconds), configurationVersion: 1, attributes: {} }, about(lead, 'received', seconds)),
    turnedAway: (id: string, reason: string): Said => LeadRejected.make({ tenantId, rejectionId: id, reason, receivedAt: iso(0) }, about(id, 'rejected', 0)),
    distributed: (lead: string, contracts: readonly string[], trigger = 'arrival', seconds = 1): Said => LeadDistributed.make(
      { tenantId, leadId: lead, attemptId: `${lead}-${trigger}`, trigger, round: 1, decidedAt: iso(seconds), picks: contracts.map((contractId) => ({ contractId })) },
      about(lead, `distributed ${trigger}`, seconds)),
    notDistributed: (lead: string, reason: string, trigger = 'arrival', seconds = 1): Said => LeadNotDistributed.make(
      { tenantId, leadId: lead, attemptId: `${lead}-${trigger}`, trigger, round: 1, decidedAt: iso(seconds), reason }, about(lead, `not distributed ${trigger}`, seconds)),
    reserved: (lead: string, contract: string, seconds = 1): Said => OutboundLeadReserved.make(
      { ...outbound(lead, contract), attemptId: `${lead}-arrival`, campaignId: 'solar', priceMinor: '2550', currency: 'USD', reservedAt: iso(seconds) },
      about(lead, `reserved ${contract}`, seconds)),
    released: (lead: string, contract: string, reason: string, seconds = 3): Said =>
      OutboundLeadReleased.make({ ...outbound(lead, contract), reason }, about(lead, `released ${contract}`, seconds)),
    accepted: (lead: string, contract: string, seconds = 2): Said => OutboundLeadAccepted.make(
      { ...outbound(lead, contract), attempts: 1, at: iso(seconds), clientReference: 'ref 1' }, about(lead, `accepted ${contract}`, seconds)),
    rejected: (lead: string, contract: string, reason: string, seconds = 2): Said => OutboundLeadRejected.make(
      { ...outbound(lead, contract), attempts: 1, at: iso(seconds), reason }, about(lead, `rejected ${contract}`, seconds)),
    failed: (lead: string, contract: string, seconds = 2): Said => OutboundLeadFailed.make(
      { ...outbound(lead, contract), attempts: 8, at: iso(seconds), reason: 'unreachable' }, about(lead, `failed ${contract}`, seconds)),
    unresolved: (lead: string, contract: string, seconds = 2): Said => OutboundLeadUnresolved.make(
      { ...outbound(lead, contract), attempts: 8, at: iso(seconds), reason: 'no_answer' }, about(lead, `unresolved ${contract}`, seconds)),
  };
}
