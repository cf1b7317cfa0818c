import { OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected, OutboundLeadUnresolved, type Said } from '@sluice/events';
import { eventIdOf } from './event-id.service.js';
import type { FinalState } from './next-step.js';

/** Who the end of a delivery is about. */
export interface Parties {
  readonly tenantId: string;
  readonly outboundLeadId: string;
  readonly leadId: string;
  readonly contractId: string;
  readonly clientId: string;
}

export interface Outcome {
  readonly state: FinalState;
  readonly attempts: number;
  readonly reason?: string | undefined;
  readonly reference?: string | undefined;
  /** An instant in ms. */
  readonly at: number;
  readonly traceparent?: string | undefined;
}

/** The event that says how a delivery ended. Its id derives from what it says: said twice, it is one event. */
export function outcomeEvent(parties: Parties, outcome: Outcome): Said {
  const { tenantId, outboundLeadId, leadId, contractId, clientId } = parties;
  const data = { tenantId, outboundLeadId, leadId, contractId, clientId, attempts: outcome.attempts,
    at: new Date(outcome.at).toISOString() };
  const about = { id: eventIdOf(`${outboundLeadId} ${outcome.state} ${outcome.attempts}`), time: outcome.at, traceparent: outcome.traceparent };
  const reason = outcome.reason ?? '';
  switch (outcome.state) {
    case 'accepted': return OutboundLeadAccepted.make({ ...data, ...(outcome.reference ? { clientReference: outcome.reference } : {}) }, about);
    case 'rejected': return OutboundLeadRejected.make({ ...data, reason }, about);
    case 'failed': return OutboundLeadFailed.make({ ...data, reason }, about);
    case 'unresolved': return OutboundLeadUnresolved.make({ ...data, reason }, about);
  }
}
