/** Builders of what the engine hears, for its specs. */
import { itemsOf, type ConfigDocument, type ConfigItem } from '@sluice/distribution';
import {
  ConfigurationChanged, definitions, DistributionRequested, LeadReceived, OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected,
  LeadReturned, OutboundLeadUnresolved, UserSeen, WindowEdited, WindowExpired, WindowFulfilled, WindowOpened, WindowPaused, WindowResumed,
  WindowStopped, type Heard, type Said,
} from '@sluice/events';

export const NOON = Date.parse('2026-03-02T12:00:00Z');

/** Two clients, one contract each; `acme` pays more and takes two a day. */
export function aDocument(over: Partial<ConfigDocument> = {}): ConfigDocument {
  return {
    apiVersion: 'v1',
    timezone: 'UTC',
    clients: [{ id: 'acme' }, { id: 'bolt' }],
    deliveryMethods: [{ id: 'hook', type: 'webhook', url: 'https://example.com/hook' }],
    contracts: [
      { id: 'acme-ny', client: 'acme', price: '25.00', maxShareCount: 1, caps: { day: 2 }, deliveryMethod: 'hook',
        criteria: { field: 'state', op: 'in', value: ['NY', 'NJ'] } },
      { id: 'bolt-all', client: 'bolt', price: '10.00', maxShareCount: 1, deliveryMethod: 'hook' },
    ],
    campaigns: [{ id: 'solar', workflow: 'w', deadline: 'P7D' }],
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] }],
    ...over,
  };
}

let made = 0;
/** An id of its own. */
export function anId(prefix: string): string {
  return `${prefix}-${String(++made).padStart(6, '0')}`;
}

/** A document as the records of one configuration version, in `parts` parts. */
export function aConfiguration(tenantId: string, version: number, document: ConfigDocument | readonly ConfigItem[], parts = 1): Said[] {
  const items = 'apiVersion' in document ? itemsOf(document) : document;
  const size = Math.ceil(items.length / parts);
  return Array.from({ length: parts }, (_, place) => ConfigurationChanged.make({
    tenantId, version, part: place + 1, parts,
    items: items.slice(place * size, (place + 1) * size).map(({ kind, id, entry, body }) => ({
      kind, id, entry, removed: body === null, ...(body === null ? {} : { body: body as never }),
    })),
  }, { id: anId('config'), time: NOON }));
}

export function aLead(tenantId: string, leadId: string, over: Partial<LeadReceived> = {}): Said {
  return LeadReceived.make({
    tenantId, leadId, campaignId: 'solar', sourceId: 'web', receivedAt: new Date(NOON).toISOString(), configurationVersion: 1,
    attributes: { state: 'NY' }, ...over,
  }, { id: anId('lead'), time: NOON, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
}

const RESULTS = { accepted: OutboundLeadAccepted, rejected: OutboundLeadRejected, failed: OutboundLeadFailed,
  unresolved: OutboundLeadUnresolved };

export function aResult(outcome: keyof typeof RESULTS,
  of: { tenantId: string; leadId: string; outboundLeadId: string; contractId: string; clientId?: string }, reason?: string): Said {
  const { tenantId, leadId, outboundLeadId, contractId, clientId = '' } = of;
  const at = new Date(NOON).toISOString();
  return RESULTS[outcome].make({ tenantId, leadId, outboundLeadId, contractId, clientId, attempts: 1, at, ...(reason ? { reason } : {}) },
    { id: anId('result'), time: NOON });
}

export function aRequest(tenantId: string, leadId: string, over: Partial<DistributionRequested> = {}): Said {
  return DistributionRequested.make({ tenantId, leadId, requestId: anId('request'), trigger: 'manual', actor: 'ann', ...over },
    { id: anId('asked'), time: NOON });
}

const WINDOWS = { opened: WindowOpened, paused: WindowPaused, resumed: WindowResumed, edited: WindowEdited, stopped: WindowStopped,
  fulfilled: WindowFulfilled, expired: WindowExpired };

/** `expiresAt`: epoch ms. */
export function aWindow(what: keyof typeof WINDOWS, of: { tenantId: string; leadId: string; generation: number; expiresAt: number }): Said {
  const { tenantId, leadId, generation, expiresAt } = of;
  return WINDOWS[what].make(
    { tenantId, leadId, campaignId: 'solar', generation, at: new Date(NOON).toISOString(), expiresAt: new Date(expiresAt).toISOString() },
    { id: anId('window'), time: NOON });
}

/** `at`: epoch ms. */
export function aSign(tenantId: string, userId: string, at: number): Said {
  return UserSeen.make({ tenantId, userId, at: new Date(at).toISOString() }, { id: anId('seen'), time: at });
}

export function aReturn(of: { tenantId: string; leadId: string; outboundLeadId: string; contractId: string; clientId?: string }): Said {
  const { tenantId, leadId, outboundLeadId, contractId, clientId = '' } = of;
  return LeadReturned.make({ tenantId, returnId: anId('return'), leadId, outboundLeadId, contractId, clientId, reason: 'wrong number',
    actor: 'ann', at: new Date(NOON).toISOString() }, { id: anId('returned'), time: NOON });
}

/** What was said, as a consumer hears it: through the bytes. */
export function hear(said: readonly Said[], first = 1): Heard[] {
  return said.map(({ id, type, subject, tenantId, time, traceparent, value }, place) => ({
    seq: first + place, id, type, subject, tenantId, time, traceparent, data: definitions.get(type)!.parse(value),
  }));
}
