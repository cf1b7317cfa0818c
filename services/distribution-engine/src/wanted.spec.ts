import { describe, expect, it } from '@jest/globals';
import { ConfigurationChanged, DistributionRequested, LeadReceived, OutboundLeadAccepted, type Heard } from '@sluice/events';
import { newLife } from '@sluice/distribution';
import { keyOf, type StoredLead } from './changes.js';
import { addWaiting, type WaitingRecord } from './memory.js';
import { overlay, wantedLeads } from './wanted.js';

const heard = (type: string, tenantId: string, leadId?: string): Heard => ({
  seq: 1, id: 'e', type, subject: leadId ?? tenantId, tenantId, time: 0, traceparent: undefined, data: { tenantId, leadId },
});
const stored = (leadId: string, rounds: number): StoredLead => ({
  lead: { leadId, tenantId: 'a', campaignId: 'c', receivedAt: 0, attributes: {} }, life: { ...newLife(), rounds }, attempts: [],
  windowGeneration: 0,
});

describe('the leads that a batch needs', () => {
  it('are those of results and requests, each once and per tenant', () => {
    const events = [
      heard(OutboundLeadAccepted.type, 'a', '1'), heard(DistributionRequested.type, 'a', '1'), heard(OutboundLeadAccepted.type, 'b', '1'),
      heard(LeadReceived.type, 'a', '2'),
    ];
    expect(wantedLeads(events, { waiting: new Map(), tenants: new Map() }, false)).toEqual([{ tenantId: 'a', leadId: '1' }, { tenantId: 'b', leadId: '1' }]);
  });

  it('are those that arrive as well, where somebody has to know what is here already', () => {
    expect(wantedLeads([heard(LeadReceived.type, 'a', '2')], { waiting: new Map(), tenants: new Map() }, true)).toEqual([{ tenantId: 'a', leadId: '2' }]);
  });

  it('are those of records that a new configuration version may end the wait of', () => {
    const waiting = new Map<string, WaitingRecord[]>();
    addWaiting(waiting, {
      tenantId: 'a', topic: 't', seq: 1, kind: 'version', restsOn: '2', event: '', heard: heard(DistributionRequested.type, 'a', '7'),
    });
    expect(wantedLeads([heard(ConfigurationChanged.type, 'a')], { waiting, tenants: new Map() }, false)).toEqual([{ tenantId: 'a', leadId: '7' }]);
    expect(wantedLeads([heard(ConfigurationChanged.type, 'b')], { waiting, tenants: new Map() }, false)).toEqual([]);
  });
});

it('a lead is seen as the youngest batch that has not committed left it', () => {
  const key = keyOf('a', '1');
  const find = overlay(new Map([[key, stored('1', 1)]]), [new Map([[key, stored('1', 2)]]), new Map([[key, stored('1', 3)]])]);
  expect(find(key)?.life.rounds).toBe(3);
  expect(find(keyOf('b', '1'))).toBeUndefined();
});
