import {
  DistributionRequested, LeadDistributed, LeadFulfilled, LeadNotDistributed, LeadReceived, LeadRejected, LeadReturned, OutboundLeadAccepted,
  OutboundLeadFailed, OutboundLeadRejected, OutboundLeadReleased, OutboundLeadReserved, OutboundLeadUnresolved, ScriptFailed, WindowEdited,
  WindowExpired, WindowFulfilled, WindowOpened, WindowPaused, WindowResumed, WindowStopped, type Said,
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

const windowEvents = {
  opened: WindowOpened, paused: WindowPaused, resumed: WindowResumed, edited: WindowEdited, stopped: WindowStopped,
  fulfilled: WindowFulfilled, expired: WindowExpired,
};

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
    /** A later attempt of a lead: of a push strategy or a window, or one that a person asked for. */
    tried: (
      name: LeadName, trigger: string, seconds: number, round: number,
      what: { picks?: readonly string[]; reason?: string; held?: boolean; actor?: string; requestId?: string },
    ): Said => {
      const { picks = [], reason = 'not_active', held, actor = '', requestId = '' } = what;
      const made = { ...attempt(name, trigger, seconds), attemptId: `${name}-${trigger}-${round}`, round, actor, requestId };
      const its = about(name, `${trigger} ${round}`, seconds);
      return picks.length > 0
        ? LeadDistributed.make({ ...made, picks: picks.map((contractId) => ({ contractId, outboundLeadId: `${name}-${contractId}` })) }, its)
        : LeadNotDistributed.make({ ...made, reason, ...(held ? { held, heldUntil: iso(seconds + 600) } : {}) }, its);
    },
    window: (name: LeadName, what: keyof typeof windowEvents, seconds: number, actor = '', reasons: string[] = []): Said =>
      windowEvents[what].make({
        tenantId, leadId: leadIdOf(name), campaignId: 'solar', generation: 1 + Object.keys(windowEvents).indexOf(what), at: iso(seconds),
        expiresAt: iso(86_400), every: 'PT15M', actor, ...(reasons.length > 0 ? { reasons } : {}),
      }, about(name, `window ${what}`, seconds)),
    requested: (name: LeadName, requestId: string, seconds: number, more: Partial<DistributionRequested> = {}): Said =>
      DistributionRequested.make({
        tenantId, leadId: leadIdOf(name), requestId, trigger: 'manual', actor: 'ann', reason: 'promised', contractIds: ['A'], ...more,
      }, about(name, requestId, seconds)),
    returned: (name: LeadName, contract: string, seconds: number): Said => LeadReturned.make({
      ...outbound(name, contract), returnId: `return-${name}`, reason: 'wrong number', actor: 'bob', at: iso(seconds),
    }, about(name, `returned ${contract}`, seconds)),
    fulfilled: (name: LeadName, seconds: number): Said =>
      LeadFulfilled.make({ tenantId, leadId: leadIdOf(name), campaignId: 'solar', at: iso(seconds) }, about(name, 'fulfilled', seconds)),
    scriptFailed: (name: LeadName, seconds: number): Said => ScriptFailed.make(
      { tenantId, leadId: leadIdOf(name), scriptId: 'prefer-near', version: 2, hook: 'score', reason: 'timeout', at: iso(seconds) },
      about(name, 'script', seconds)),
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
