/** Events heard → what the decision library takes. */
import type { ConfigItem, Lead, Request, Trigger } from '@sluice/distribution';
import type { ConfigurationChanged, DistributionRequested, LeadReceived } from '@sluice/events';

type ItemOnWire = ConfigurationChanged['items'][number];

export function leadOf(event: LeadReceived): Lead {
  return {
    leadId: event.leadId,
    tenantId: event.tenantId,
    campaignId: event.campaignId,
    receivedAt: Date.parse(event.receivedAt),
    attributes: event.attributes as Lead['attributes'],
    ...(event.sourceId ? { sourceId: event.sourceId } : {}),
    ...(event.channel ? { channel: event.channel } : {}),
    ...(event.country ? { country: event.country } : {}),
    ...(typeof event.lat === 'number' ? { lat: event.lat } : {}),
    ...(typeof event.lon === 'number' ? { lon: event.lon } : {}),
    ...(event.phoneHash ? { phoneHash: event.phoneHash } : {}),
    ...(event.emailHash ? { emailHash: event.emailHash } : {}),
    ...(event.duplicate ? { duplicate: true } : {}),
    ...(typeof event.score === 'number' ? { score: event.score } : {}),
    ...(event.list ? { list: event.list } : {}),
    ...(event.consent && event.consent.length > 0 ? { consent: event.consent } : {}),
  };
}

export function itemOf(item: ItemOnWire): ConfigItem {
  return { kind: item.kind, id: item.id ?? '', entry: item.entry ?? 0,
    body: item.removed ? null : (item.body ?? {}) } as unknown as ConfigItem;
}

/** Kinds that the market knows; a version may hold others (sources) that are nothing to the engine. */
const KINDS: ReadonlySet<string> = new Set<ConfigItem['kind']>([
  'settings', 'client', 'contract', 'campaign', 'list', 'workflow', 'pushStrategy', 'deliveryMethod', 'order',
]);

export function isKnownItem(item: ItemOnWire): boolean {
  return KINDS.has(item.kind ?? '');
}

const TRIGGERS: ReadonlySet<string> = new Set<Trigger>(['window', 'manual', 'cherryPick', 'push']);

export function requestOf(event: DistributionRequested): Request {
  const trigger = TRIGGERS.has(event.trigger) ? (event.trigger as Trigger) : 'manual';
  return {
    trigger,
    ...(event.workflowId ? { workflow: event.workflowId } : {}),
    ...(event.contractIds && event.contractIds.length > 0 ? { contracts: event.contractIds } : {}),
    ...(event.actor ? { actor: event.actor } : {}),
  };
}
