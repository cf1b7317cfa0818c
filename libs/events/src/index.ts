export { defineEvent, defineTopic, EventFault, type About, type DataOf, type EventDefinition, type Heard, type Said, type Topic } from './event.js';
export * from './topics.js';
export * from './intake.events.js';
export * from './workflow.events.js';
export * from './distribution.events.js';
export * from './delivery.events.js';
export * from './billing.events.js';
export * from './gateway.events.js';
export { definitions } from './definitions.js';
