import { defineTopic } from './event.js';

// Everything that the engine hears, and what it says, is keyed by the tenant: one member owns a whole market.
export const intakeTopic = defineTopic('sluice.intake', { key: 'tenantId' });
export const workflowTopic = defineTopic('sluice.workflow', { key: 'tenantId' });
export const distributionTopic = defineTopic('sluice.distribution', { key: 'tenantId' });
export const deliveryTopic = defineTopic('sluice.delivery', { key: 'tenantId' });
export const billingTopic = defineTopic('sluice.billing', { key: 'tenantId' });
export const gatewayTopic = defineTopic('sluice.gateway', { key: 'tenantId' });

export const topics = [intakeTopic, workflowTopic, distributionTopic, deliveryTopic, billingTopic, gatewayTopic] as const;
