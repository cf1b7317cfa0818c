/** Which leads a batch needs before it can be decided. */
import {
  ConfigurationChanged, DistributionRequested, LeadReceived, LeadReturned, OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected,
  OutboundLeadUnresolved, type Heard,
} from '@sluice/events';
import { keyOf, type StoredLead } from './changes.js';
import { waitsFor, type PartitionMemory } from './memory.js';
import { wokenLeads } from './woken.js';
import { WINDOW_TYPES } from './windows.js';

export interface LeadName { readonly tenantId: string; readonly leadId: string }

const ABOUT_A_LEAD: ReadonlySet<string> = new Set([
  ...[DistributionRequested, OutboundLeadAccepted, OutboundLeadRejected, OutboundLeadFailed, OutboundLeadUnresolved, LeadReturned].map(
    (event) => event.type),
  ...WINDOW_TYPES,
]);

/**
 * The leads that a batch's requests and results are about, those of records which the batch may end the wait of, and the held ones that it
 * may find somebody for; each once. `arrivals`: also the leads that arrive, to find those that are here already.
 */
export function wantedLeads(
  events: readonly Heard[], memory: Pick<PartitionMemory, 'waiting' | 'tenants'>, arrivals: boolean,
): LeadName[] {
  const wanted = new Map<string, LeadName>();
  const want = (tenantId: string, leadId: string) => { wanted.set(keyOf(tenantId, leadId), { tenantId, leadId }); };
  const wantOf = (heard: Heard) => {
    const isAbout = ABOUT_A_LEAD.has(heard.type) || (arrivals && heard.type === LeadReceived.type);
    const { leadId } = heard.data as { leadId?: string };
    if (isAbout && leadId) want(heard.tenantId, leadId);
  };
  for (const heard of events) {
    wantOf(heard);
    if (heard.type !== ConfigurationChanged.type) continue;
    for (const record of memory.waiting.get(waitsFor({ tenantId: heard.tenantId, kind: 'version', restsOn: '' })) ?? []) {
      wantOf(record.heard);
    }
  }
  for (const [tenantId, leads] of wokenLeads(events, memory)) for (const { leadId } of leads) want(tenantId, leadId);
  return [...wanted.values()];
}

/** Looks a lead up in the batches that had not committed when the stored ones were read, the youngest first. */
export function overlay(
  stored: ReadonlyMap<string, StoredLead>, uncommitted: readonly ReadonlyMap<string, StoredLead>[],
): (key: string) => StoredLead | undefined {
  return (key) => {
    for (let place = uncommitted.length - 1; place >= 0; place--) {
      const lead = uncommitted[place]!.get(key);
      if (lead) return lead;
    }
    return stored.get(key);
  };
}
