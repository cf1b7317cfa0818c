import { defineEvent, type DataOf } from './event.js';
import {
  ConfigurationChangedSchema, DistributionRequestedSchema, WindowEditedSchema, WindowExpiredSchema, WindowFulfilledSchema,
  WindowOpenedSchema, WindowPausedSchema, WindowResumedSchema, WindowStoppedSchema,
} from './gen/sluice/workflow/v1/events_pb.js';
import { workflowTopic as topic } from './topics.js';

export const ConfigurationChanged = defineEvent(ConfigurationChangedSchema, {
  topic, subject: 'tenantId', required: ['tenantId', 'version', 'part', 'parts', 'items'],
});
export const DistributionRequested = defineEvent(DistributionRequestedSchema, {
  topic, subject: 'leadId', required: ['leadId', 'requestId', 'trigger'],
});

const window = { topic, subject: 'leadId', required: ['leadId', 'generation', 'at', 'expiresAt'] } as const;

export const WindowOpened = defineEvent(WindowOpenedSchema, window);
export const WindowPaused = defineEvent(WindowPausedSchema, window);
export const WindowResumed = defineEvent(WindowResumedSchema, window);
export const WindowEdited = defineEvent(WindowEditedSchema, window);
export const WindowStopped = defineEvent(WindowStoppedSchema, window);
export const WindowFulfilled = defineEvent(WindowFulfilledSchema, window);
export const WindowExpired = defineEvent(WindowExpiredSchema, window);

export type ConfigurationChanged = DataOf<typeof ConfigurationChanged>;
export type DistributionRequested = DataOf<typeof DistributionRequested>;
export type WindowOpened = DataOf<typeof WindowOpened>;
export type WindowPaused = DataOf<typeof WindowPaused>;
export type WindowResumed = DataOf<typeof WindowResumed>;
export type WindowEdited = DataOf<typeof WindowEdited>;
export type WindowStopped = DataOf<typeof WindowStopped>;
export type WindowFulfilled = DataOf<typeof WindowFulfilled>;
export type WindowExpired = DataOf<typeof WindowExpired>;
