/** Events heard → what the decision library takes. */
import { GATES, type ConfigItem, type Gate, type Lead, type Market, type Trigger, type UnsoldReason } from '@sluice/distribution';
import type { ConfigurationChanged, DistributionRequested, LeadReceived } from '@sluice/events';
import type { Asked } from './receipt.js';

type ItemOnWire = ConfigurationChanged['items'][number];

export function leadOf(event: LeadReceived): Lead {
  return {
    leadId: event.leadId,
    tenantId: event.tenantId,
    campaignId: event.campaignId ?? '',
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
  'settings', 'client', 'contract', 'campaign', 'list', 'workflow', 'pushStrategy', 'deliveryMethod', 'order', 'script',
]);

export function isKnownItem(item: ItemOnWire): boolean {
  return KINDS.has(item.kind ?? '');
}

const TRIGGERS: ReadonlySet<string> = new Set<Trigger>(['window', 'manual', 'cherryPick', 'push']);
const KNOWN_GATES: ReadonlySet<string> = new Set<Gate>(GATES);
/** What no person passes over (M2, M5). */
const BINDING: ReadonlySet<string> = new Set<Gate>(['share_count', 'already_received']);

/**
 * A request as the decision takes it. Contracts that nobody knows and gates that are none, or that always bind, are left out and named;
 * where that leaves nothing to decide, nobody gets the lead and the attempt says why.
 */
export function askedOf(event: DistributionRequested, market: Market): Asked {
  const { requestId, workflowId, contractIds = [], overrides = [], actor, reason } = event;
  const trigger = TRIGGERS.has(event.trigger) ? (event.trigger as Trigger) : 'manual';
  const isKnown = (id: string) => market.contracts.has(id);
  const isGranted = (gate: string): gate is Gate => KNOWN_GATES.has(gate) && !BINDING.has(gate);
  const granted = overrides.filter(isGranted);
  const ignored = [...contractIds.filter((id) => !isKnown(id)), ...overrides.filter((gate) => !isGranted(gate))];
  const contracts = contractIds.filter(isKnown);
  return {
    request: {
      trigger,
      ...(workflowId ? { workflow: workflowId } : {}),
      ...(contractIds.length > 0 ? { contracts } : {}),
      ...(actor ? { actor } : {}),
      ...(granted.length > 0 ? { overrides: granted } : {}),
    },
    requestId,
    ...(reason ? { reason } : {}),
    ...(ignored.length > 0 ? { ignored } : {}),
    ...refusal(trigger, workflowId, contractIds, contracts, market),
  };
}

function refusal(
  trigger: Trigger, workflowId: string | undefined, asked: readonly string[], known: readonly string[], market: Market,
): { readonly refused?: UnsoldReason } {
  if (workflowId && !market.workflows.has(workflowId)) return { refused: 'no_workflow' };
  if (asked.length > 0 && known.length === 0) return { refused: 'no_contracts' };
  // A client takes a lead for one contract of its own.
  return trigger === 'cherryPick' && new Set(asked).size !== 1 ? { refused: 'no_contracts' } : {};
}
