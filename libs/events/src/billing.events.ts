import { defineEvent, type DataOf } from './event.js';
import { LeadReturnedSchema } from './gen/sluice/billing/v1/events_pb.js';
import { billingTopic as topic } from './topics.js';

export const LeadReturned = defineEvent(LeadReturnedSchema, {
  topic, subject: 'leadId', required: ['leadId', 'returnId', 'outboundLeadId', 'contractId', 'at'],
});

export type LeadReturned = DataOf<typeof LeadReturned>;
