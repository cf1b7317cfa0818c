import { defineEvent, type DataOf } from './event.js';
import { ConfigurationChangedSchema, DistributionRequestedSchema } from './gen/sluice/workflow/v1/events_pb.js';
import { workflowTopic as topic } from './topics.js';

export const ConfigurationChanged = defineEvent(ConfigurationChangedSchema, {
  topic, subject: 'tenantId', required: ['tenantId', 'version', 'part', 'parts', 'items'],
});
export const DistributionRequested = defineEvent(DistributionRequestedSchema, {
  topic, subject: 'leadId', required: ['leadId', 'requestId', 'trigger'],
});

export type ConfigurationChanged = DataOf<typeof ConfigurationChanged>;
export type DistributionRequested = DataOf<typeof DistributionRequested>;
