import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { definitions, EventFault, LeadReceived, OutboundLeadReserved } from './index.js';

const folder = path.join(__dirname, '../golden');
const golden = readdirSync(folder).map((file) => ({ type: file.replace(/\.json$/, ''), text: readFileSync(path.join(folder, file), 'utf8') }));

describe('golden events', () => {
  it('hold one file for every event that was ever published', () => {
    expect(golden.map(({ type }) => type).sort()).toEqual([...definitions.keys()].sort());
  });

  it.each(golden)('$type is parsed as on the day it was published', ({ type, text }) => {
    const data = definitions.get(type)!.parse(text);
    expect(data).toEqual(JSON.parse(text));
  });

  it.each(golden)('$type is what protobuf itself reads and writes', ({ type, text }) => {
    const { message } = definitions.get(type)!;
    const data = JSON.parse(text) as JsonValue;
    // Instants may be written with or without a fraction; all else comes back to the letter.
    expect(toJson(message, fromJson(message, data))).toEqual(data);
  });
});

const lead = {
  tenantId: 't1', leadId: 'l1', campaignId: 'solar', receivedAt: '2026-03-02T09:00:00Z', configurationVersion: 3, attributes: { state: 'NY' },
};

describe('an event', () => {
  it('is made with its topic, key, subject and trace', () => {
    const said = LeadReceived.make(lead, { id: 'e1', time: 5, traceparent: '00-a-b-01' });
    expect(said).toMatchObject({ id: 'e1', type: 'sluice.intake.v1.LeadReceived', topic: 'sluice.intake', key: 't1', subject: 'l1', tenantId: 't1', time: 5, traceparent: '00-a-b-01' });
    expect(LeadReceived.parse(said.value)).toEqual(lead);
  });

  it.each([
    ['a missing required field', { ...lead, leadId: undefined }, '/leadId: required'],
    ['the empty value that proto3 leaves behind', { ...lead, receivedAt: '' }, '/receivedAt: required'],
    ['a number where text belongs', { ...lead, sourceId: 7 }, '/sourceId: expected text'],
    ['a local time', { ...lead, receivedAt: '2026-03-02 09:00' }, '/receivedAt: expected an instant in UTC'],
    ['a list where an object belongs', { ...lead, attributes: [] }, '/attributes: expected an object'],
    ['a fraction where a whole number belongs', { ...lead, configurationVersion: 1.5 }, '/configurationVersion: expected a whole number'],
    ['an item of a list', { ...lead, consent: ['a', 1] }, '/consent/1: expected text'],
  ])('refuses %s when it is made and when it is parsed', (_, data, fault) => {
    expect(() => LeadReceived.make(data as never, { id: 'e', time: 0 })).toThrow(new EventFault(`sluice.intake.v1.LeadReceived: ${fault}`));
    expect(() => LeadReceived.parse(JSON.stringify(data))).toThrow(EventFault);
  });

  it('carries money as whole minor units in text, since a double loses cents', () => {
    const reserved = { tenantId: 't', leadId: 'l', outboundLeadId: 'o', contractId: 'c', clientId: 'k', currency: 'USD', reservedAt: '2026-03-02T09:00:00Z' };
    expect(() => OutboundLeadReserved.make({ ...reserved, priceMinor: 25.5 as never }, { id: 'e', time: 0 })).toThrow('/priceMinor: expected a whole number as text');
    expect(OutboundLeadReserved.make({ ...reserved, priceMinor: '2550' }, { id: 'e', time: 0 }).value).toContain('"priceMinor":"2550"');
  });

  it('passes fields that it does not know, so that producers are deployed first', () => {
    expect(LeadReceived.parse(JSON.stringify({ ...lead, later: true }))).toMatchObject({ later: true });
  });

  it('says nothing of the data in a fault', () => {
    const fault = () => LeadReceived.parse(JSON.stringify({ ...lead, sourceId: 4711 }));
    expect(fault).toThrow(/^(?!.*4711)/);
  });
});
