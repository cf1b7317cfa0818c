import { defineEvent, type DataOf } from './event.js';
import {
  EngineConfiguredSchema, LeadDistributedSchema, LeadFulfilledSchema, LeadNotDistributedSchema, LimitReachedSchema,
  OutboundLeadReleasedSchema, OutboundLeadReservedSchema, ScriptFailedSchema,
} from './gen/sluice/distribution/v1/events_pb.js';
import { distributionTopic as topic } from './topics.js';

export const LeadDistributed = defineEvent(LeadDistributedSchema, { topic, subject: 'leadId', required: ['leadId', 'attemptId', 'trigger', 'picks'] });
export const LeadNotDistributed = defineEvent(LeadNotDistributedSchema, { topic, subject: 'leadId', required: ['leadId', 'attemptId', 'trigger', 'reason'] });
export const OutboundLeadReserved = defineEvent(OutboundLeadReservedSchema, {
  topic, subject: 'leadId', required: ['leadId', 'outboundLeadId', 'contractId', 'clientId', 'priceMinor', 'currency', 'reservedAt'],
});
export const OutboundLeadReleased = defineEvent(OutboundLeadReleasedSchema, {
  topic, subject: 'leadId', required: ['leadId', 'outboundLeadId', 'contractId', 'reason'],
});
export const LeadFulfilled = defineEvent(LeadFulfilledSchema, { topic, subject: 'leadId', required: ['leadId', 'at'] });
export const ScriptFailed = defineEvent(ScriptFailedSchema, { topic, subject: 'leadId', required: ['leadId', 'scriptId', 'hook', 'reason', 'at'] });
export const LimitReached = defineEvent(LimitReachedSchema, { topic, subject: 'contractId', required: ['contractId', 'limit'] });
export const EngineConfigured = defineEvent(EngineConfiguredSchema, { topic, subject: 'tenantId', required: ['version', 'tenantId'] });

export type LeadDistributed = DataOf<typeof LeadDistributed>;
export type LeadNotDistributed = DataOf<typeof LeadNotDistributed>;
export type OutboundLeadReserved = DataOf<typeof OutboundLeadReserved>;
export type OutboundLeadReleased = DataOf<typeof OutboundLeadReleased>;
export type LimitReached = DataOf<typeof LimitReached>;
export type EngineConfigured = DataOf<typeof EngineConfigured>;
export type LeadFulfilled = DataOf<typeof LeadFulfilled>;
export type ScriptFailed = DataOf<typeof ScriptFailed>;
