import { defineEvent, type DataOf } from './event.js';
import { IntakeConfiguredSchema, LeadReceivedSchema, LeadRejectedSchema } from './gen/sluice/intake/v1/events_pb.js';
import { intakeTopic as topic } from './topics.js';

export const LeadReceived = defineEvent(LeadReceivedSchema, {
  // No campaign: a lead that is distributed by hand alone.
  topic, subject: 'leadId', required: ['leadId', 'receivedAt', 'configurationVersion', 'attributes'],
});
export const LeadRejected = defineEvent(LeadRejectedSchema, { topic, subject: 'rejectionId', required: ['rejectionId', 'reason'] });
export const IntakeConfigured = defineEvent(IntakeConfiguredSchema, { topic, subject: 'tenantId', required: ['version', 'tenantId'] });

export type LeadReceived = DataOf<typeof LeadReceived>;
export type LeadRejected = DataOf<typeof LeadRejected>;
export type IntakeConfigured = DataOf<typeof IntakeConfigured>;
