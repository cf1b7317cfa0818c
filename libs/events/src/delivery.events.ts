import { defineEvent, type DataOf } from './event.js';
import {
  DeliveryConfiguredSchema, EndpointResumedSchema, EndpointSuspendedSchema,
  OutboundLeadAcceptedSchema, OutboundLeadFailedSchema, OutboundLeadRejectedSchema, OutboundLeadUnresolvedSchema,
} from './gen/sluice/delivery/v1/events_pb.js';
import { deliveryTopic as topic } from './topics.js';

const settled = { topic, subject: 'leadId', required: ['leadId', 'outboundLeadId', 'contractId'] } as const;

export const OutboundLeadAccepted = defineEvent(OutboundLeadAcceptedSchema, settled);
export const OutboundLeadRejected = defineEvent(OutboundLeadRejectedSchema, settled);
export const OutboundLeadFailed = defineEvent(OutboundLeadFailedSchema, settled);
export const OutboundLeadUnresolved = defineEvent(OutboundLeadUnresolvedSchema, settled);
export const EndpointSuspended = defineEvent(EndpointSuspendedSchema, { topic, subject: 'deliveryMethodId', required: ['deliveryMethodId'] });
export const EndpointResumed = defineEvent(EndpointResumedSchema, { topic, subject: 'deliveryMethodId', required: ['deliveryMethodId'] });
export const DeliveryConfigured = defineEvent(DeliveryConfiguredSchema, { topic, subject: 'tenantId', required: ['version', 'tenantId'] });

export type OutboundLeadAccepted = DataOf<typeof OutboundLeadAccepted>;
export type OutboundLeadRejected = DataOf<typeof OutboundLeadRejected>;
export type OutboundLeadFailed = DataOf<typeof OutboundLeadFailed>;
export type OutboundLeadUnresolved = DataOf<typeof OutboundLeadUnresolved>;
export type EndpointSuspended = DataOf<typeof EndpointSuspended>;
export type EndpointResumed = DataOf<typeof EndpointResumed>;
export type DeliveryConfigured = DataOf<typeof DeliveryConfigured>;
