/** Which leads a batch needs before it can be decided. */
import {
  ConfigurationChanged, DistributionRequested, LeadReceived, OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected,
  OutboundLeadUnresolved, type Heard,
} from '@sluice/events';
import { keyOf, type StoredLead } from './changes.js';
import { waitsFor, type WaitingRecord } from './memory.js';

export interface Wanted { readonly tenantId: string; readonly leadId: string }

const ABOUT_A_LEAD: ReadonlySet<string> = new Set([
  DistributionRequested, OutboundLeadAccepted, OutboundLeadRejected, OutboundLeadFailed, OutboundLeadUnresolved,
].map((event) => event.type));

/**
 * The leads that a batch's requests and results are about, and those of records which the batch may end the wait of; each once.
 * `arrivals`: also the leads that arrive, to find those that are here already.
 */
export function wantedLeads(events: readonly Heard[], waiting: ReadonlyMap<string, readonly WaitingRecord[]>, arrivals: boolean): Wanted[] {
  const wanted = new Map<string, Wanted>();
  const want = (heard: Heard) => {
    const isAbout = ABOUT_A_LEAD.has(heard.type) || (arrivals && heard.type === LeadReceived.type);
    const { leadId } = heard.data as { leadId?: string };
    if (isAbout && leadId) wanted.set(keyOf(heard.tenantId, leadId), { tenantId: heard.tenantId, leadId });
  };
  for (const heard of events) {
    want(heard);
    if (heard.type !== ConfigurationChanged.type) continue;
    for (const record of waiting.get(waitsFor({ tenantId: heard.tenantId, kind: 'version', restsOn: '' })) ?? []) want(record.heard);
  }
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
