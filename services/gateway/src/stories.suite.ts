import {
  LeadDistributed, LeadNotDistributed, LeadReceived, LeadRejected, OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected,
  OutboundLeadReleased, OutboundLeadReserved, OutboundLeadUnresolved, type Said,
} from '@sluice/events';
import { uuid7 } from '@sluice/kernel';

/** Noon of the tests, in epoch milliseconds. */
export const NOON = Date.parse('2026-03-02T12:00:00Z');

/** Leads of the tests by name, and when they come in: seconds after noon. */
const arrivals = {
  L1: 0, waiting: 10, held: 11, nobody: 12, turnedDown: 13, withdrawn: 14, failed: 15, L2: 20, P0: 100, P1: 101, P2: 102, P3: 103, P4: 104,
} as const;
export type LeadName = keyof typeof arrivals;

/** As intake makes it: it begins with the time. */
export function leadIdOf(name: LeadName): string {
  return uuid7(NOON + arrivals[name] * 1000, new Uint8Array(10).fill(name.charCodeAt(0)));
}

export function nameOf(leadId: string): string | undefined {
  return (Object.keys(arrivals) as LeadName[]).find((name) => leadIdOf(name) === leadId);
}

const iso = (seconds: number) => new Date(NOON + seconds * 1000).toISOString();
const traceOf = (name: string) => `00-${Buffer.from(name.padEnd(16, '0')).toString('hex').slice(0, 32)}-00f067aa0ba902b7-01`;

/** Events of one tenant, as the services would say them. Seconds count from noon. */
export function storyteller(tenantId: string) {
  const about = (name: string, what: string, seconds: number) => (
    { id: `${tenantId} ${name} ${what}`, time: NOON + seconds * 1000, traceparent: traceOf(name) });
  const outbound = (name: LeadName, contract: string) => ({
    tenantId, leadId: leadIdOf(name), outboundLeadId: `${name}-${contract}`, contractId: contract, clientId: `client-${contract}`,
  });
  const attempt = (name: LeadName, trigger: string, seconds: number) => (
    { tenantId, leadId: leadIdOf(name), attemptId: `${name}-${trigger}`, trigger, round: 1, decidedAt: iso(seconds) });
  return {
    received: (name: LeadName, campaignId = 'solar', sourceId = 'web'): Said => LeadReceived.make({
      tenantId, leadId: leadIdOf(name), campaignId, sourceId, receivedAt: iso(arrivals[name]), configurationVersion: 1, attributes: {},
    }, about(name, 'received', arrivals[name])),
    turnedAway: (id: string, reason: string): Said =>
      LeadRejected.make({ tenantId, rejectionId: id, reason, receivedAt: iso(0) }, about(id, 'rejected', 0)),
    distributed: (name: LeadName, contracts: readonly string[], trigger = 'arrival', seconds = 1): Said => LeadDistributed.make({
      ...attempt(name, trigger, seconds), picks: contracts.map((contractId) => ({ contractId, outboundLeadId: `${name}-${contractId}` })),
    }, about(name, `distributed ${trigger}`, seconds)),
    notDistributed: (name: LeadName, reason: string, trigger = 'arrival', seconds = 1): Said =>
      LeadNotDistributed.make({ ...attempt(name, trigger, seconds), reason }, about(name, `not distributed ${trigger}`, seconds)),
    reserved: (name: LeadName, contract: string, seconds = 1): Said => OutboundLeadReserved.make({
      ...outbound(name, contract), attemptId: `${name}-arrival`, campaignId: 'solar', priceMinor: '2550', currency: 'USD', reservedAt: iso(seconds),
    }, about(name, `reserved ${contract}`, seconds)),
    released: (name: LeadName, contract: string, reason: string, seconds = 3): Said =>
      OutboundLeadReleased.make({ ...outbound(name, contract), reason }, about(name, `released ${contract}`, seconds)),
    accepted: (name: LeadName, contract: string, seconds = 2): Said => OutboundLeadAccepted.make(
      { ...outbound(name, contract), attempts: 1, at: iso(seconds), clientReference: 'ref 1' }, about(name, `accepted ${contract}`, seconds)),
    rejected: (name: LeadName, contract: string, reason: string, seconds = 2): Said => OutboundLeadRejected.make(
      { ...outbound(name, contract), attempts: 1, at: iso(seconds), reason }, about(name, `rejected ${contract}`, seconds)),
    failed: (name: LeadName, contract: string, seconds = 2): Said => OutboundLeadFailed.make(
      { ...outbound(name, contract), attempts: 8, at: iso(seconds), reason: 'unreachable' }, about(name, `failed ${contract}`, seconds)),
    unresolved: (name: LeadName, contract: string, seconds = 2): Said => OutboundLeadUnresolved.make(
      { ...outbound(name, contract), attempts: 8, at: iso(seconds), reason: 'no_answer' }, about(name, `unresolved ${contract}`, seconds)),
  };
}
