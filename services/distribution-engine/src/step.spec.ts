import { describe, expect, it } from '@jest/globals';
import { derivedId } from '@sluice/kernel';
import { EngineConfigured, LeadDistributed, LimitReached, OutboundLeadReleased, type Said } from '@sluice/events';
import { aConfiguration, aDocument, aLead, aRequest, aResult, hear, NOON } from './builders.suite.js';
import { Bench, tools, TOPIC } from './bench.suite.js';
import { keyOf, type Changes, type OutboundLeadRow } from './changes.js';
import { parseReceipt } from './receipt.js';
import { step } from './step.js';

const types = (changes: Changes) => changes.said.map(({ type }) => type.split('.').at(-1));
const reservedIn = (changes: Changes): OutboundLeadRow => changes.outboundLeads[0]!;

describe('a lead that arrives', () => {
  it('is decided once, reserved, and said, under ids that derive from where it was decided', () => {
    const bench = new Bench().configured();
    const changes = bench.batch([aLead('a', 'L1')]);
    expect(types(changes)).toEqual(['LeadDistributed', 'OutboundLeadReserved']);
    expect(changes.attempts).toMatchObject([{ tenantId: 'a', leadId: 'L1', trigger: 'arrival', version: 1, outcome: 'distributed',
      at: NOON }]);
    expect(changes.outboundLeads).toMatchObject([{ contractId: 'acme-ny', clientId: 'acme', priceMinor: 2500n, currency: 'USD' }]);
    const [distributed, reserved] = changes.said.map(({ value }) => JSON.parse(value) as Record<string, unknown>);
    expect(distributed).toMatchObject({ attemptId: changes.attempts[0]!.attemptId, round: 1, full: true,
      picks: [{ contractId: 'acme-ny', priceMinor: '2500' }] });
    expect(reserved).toMatchObject({ deliveryMethodId: 'hook', deadline: '2026-03-09T12:00:00.000Z', attributes: { state: 'NY' },
      sourceId: 'web' });
    expect(bench.used('a', 'acme-ny')).toBe(1);
    expect(changes.state).toContainEqual({ tenantId: 'a', key: 'cap|contract|acme-ny|day|count|2026-03-02', value: 1 });
    const ids = [changes.attempts[0]!.attemptId, changes.outboundLeads[0]!.outboundLeadId, ...changes.said.map(({ id }) => id)];
    expect(ids.sort()).toEqual([0, 1, 2, 3].map((place) => derivedId(3, 2, place)));
  });

  it('moves the counters of its own tenant alone', () => {
    const bench = new Bench().configured();
    bench.batch([aLead('a', 'L1'), aLead('b', 'L1')]);
    expect([bench.used('a', 'acme-ny'), bench.used('b', 'acme-ny')]).toEqual([1, 1]);
    expect(bench.leads.size).toBe(2);
  });

  it('that comes twice changes nothing the second time', () => {
    const bench = new Bench().configured();
    bench.batch([aLead('a', 'L1')]);
    const again = bench.batch([aLead('a', 'L1')]);
    expect([again.attempts, again.said, again.state]).toEqual([[], [], []]);
  });

  it('says that a limit is reached with the reservation that fills it, and not again', () => {
    const bench = new Bench().configured();
    const said = ['L1', 'L2', 'L3'].map((id) => bench.batch([aLead('a', id)]).said.filter(({ type }) => type === LimitReached.type));
    expect(said.map((list) => list.map(({ value }) => JSON.parse(value) as unknown))).toEqual([
      [], [{ tenantId: 'a', contractId: 'acme-ny', limit: 'cap_day', at: new Date(NOON).toISOString() }], [],
    ]);
  });

  it('says that an order is used up with the reservation that took its last unit', () => {
    const bench = new Bench().configured(aDocument({
      contracts: [{ id: 'acme-ny', client: 'acme', price: '25.00', maxShareCount: 1, order: 'required', deliveryMethod: 'hook' }],
      orders: [{ id: 'o1', contract: 'acme-ny', quantity: 2, start: '2026-03-01' }],
    }));
    const said = ['L1', 'L2', 'L3'].map((id) => bench.batch([aLead('a', id)]).said.filter(({ type }) => type === LimitReached.type));
    expect(said.map((list) => list.map(({ value }) => (JSON.parse(value) as { limit: string }).limit))).toEqual([[], ['order_exhausted'],
      []]);
  });

  it('whom nobody takes is told why, with a verdict', () => {
    const bench = new Bench().configured(aDocument({ contracts: [{ id: 'acme-ny', client: 'acme', price: 1, caps: { day: 0 },
      deliveryMethod: 'hook' }] }));
    const changes = bench.batch([aLead('a', 'L1')]);
    expect(types(changes)).toEqual(['LeadNotDistributed']);
    expect(JSON.parse(changes.said[0]!.value)).toMatchObject({ reason: 'cap_day', trigger: 'arrival', round: 1 });
    const receipt = parseReceipt(changes.attempts[0]!.receipt);
    expect(receipt.verdicts).toMatchObject([{ contractId: 'acme-ny', clientId: 'acme', code: 'cap_day', gates: ['cap_day'],
      limit: { used: 0, limit: 0 } }]);
  });

  it('and cannot be decided is an attempt with the reason internal_error, and the next lead is decided', () => {
    const bench = new Bench().configured(aDocument({
      workflows: [{ id: 'w', mode: 'onArrival', rules: [{ method: 'random', take: 1 }] }],
    }));
    const changes = step(bench.memory, { topic: TOPIC, events: hear([aLead('a', 'L1'), aLead('b', 'L2')], 100) }, () => undefined, NOON, {
      ...tools,
      seedOf: (tenantId) => () => { if (tenantId === 'a') throw new Error('boom'); return 0.5; },
    }, () => []);
    expect(changes.attempts.map(({ leadId, outcome }) => [leadId, outcome])).toEqual([['L1', 'internal_error'], ['L2', 'distributed']]);
    expect(JSON.parse(changes.said[0]!.value)).toMatchObject({ leadId: 'L1', reason: 'internal_error' });
    expect(changes.faults).toEqual([{ leadId: 'L1', message: 'boom' }]);
  });
});

describe('a delivery result', () => {
  it('that accepts keeps the unit and changes the outbound lead alone', () => {
    const bench = new Bench().configured();
    const changes = bench.batch([aResult('accepted', reservedIn(bench.batch([aLead('a', 'L1')])))]);
    expect([...changes.settled.values()]).toMatchObject([{ state: 'accepted' }]);
    expect([changes.said, changes.attempts, bench.used('a', 'acme-ny')]).toEqual([[], [], 1]);
  });

  it('that rejects gives the unit back and falls back to the next contract, never to the same', () => {
    const bench = new Bench().configured();
    const changes = bench.batch([aResult('rejected', reservedIn(bench.batch([aLead('a', 'L1')])))]);
    expect(types(changes)).toEqual(['OutboundLeadReleased', 'LeadDistributed', 'OutboundLeadReserved']);
    expect(changes.attempts).toMatchObject([{ trigger: 'fallback', outcome: 'distributed' }]);
    expect(changes.outboundLeads).toMatchObject([{ contractId: 'bolt-all' }]);
    expect(bench.used('a', 'acme-ny')).toBe(0);
    expect(bench.leads.get(keyOf('a', 'L1'))!.attempts).toHaveLength(2);
  });

  it.each(['accepted', 'rejected', 'failed', 'unresolved'] as const)('that comes twice is harmless: %s', (outcome) => {
    const bench = new Bench().configured();
    const reserved = reservedIn(bench.batch([aLead('a', 'L1')]));
    bench.batch([aResult(outcome, reserved)]);
    const used = [bench.used('a', 'acme-ny'), bench.leads.get(keyOf('a', 'L1'))];
    const again = bench.batch([aResult(outcome, reserved)]);
    expect([again.said, again.attempts, again.state]).toEqual([[], [], []]);
    expect([bench.used('a', 'acme-ny'), bench.leads.get(keyOf('a', 'L1'))]).toEqual(used);
  });

  it('that nobody knows keeps the unit, and settles later either way', () => {
    const bench = new Bench().configured();
    const reserved = reservedIn(bench.batch([aLead('a', 'L1')]));
    const unknown = bench.batch([aResult('unresolved', reserved)]);
    expect([...unknown.settled.values()].map(({ state }) => state)).toEqual(['unresolved']);
    expect([unknown.said, bench.used('a', 'acme-ny')]).toEqual([[], 1]);
    const settled = bench.batch([aResult('failed', reserved)]);
    expect(types(settled)[0]).toBe('OutboundLeadReleased');
    expect(bench.used('a', 'acme-ny')).toBe(0);
  });

  it('that rejects after the deadline gives the unit back and tries nobody else', () => {
    const bench = new Bench().configured();
    const reserved = reservedIn(bench.batch([aLead('a', 'L1')]));
    const changes = bench.batch([aResult('rejected', reserved)], NOON + 7 * 86_400_000 + 1);
    expect(types(changes)).toEqual(['OutboundLeadReleased']);
    expect(changes.said[0]!.type).toBe(OutboundLeadReleased.type);
  });

  it('that rejects what a person chose by hand gives the unit back and leaves the rest to him', () => {
    const bench = new Bench().configured(aDocument({ workflows: [{ id: 'w', mode: 'off', rules: [{ method: 'price', take: 1 }] }] }));
    expect(bench.batch([aLead('a', 'L1')]).attempts).toMatchObject([{ outcome: 'no_workflow' }]);
    const reserved = reservedIn(bench.batch([aRequest('a', 'L1', { contractIds: ['acme-ny'] })]));
    expect(types(bench.batch([aResult('rejected', reserved)]))).toEqual(['OutboundLeadReleased']);
  });

  it('of another tenant with the same ids settles nothing', () => {
    const bench = new Bench().configured();
    const reserved = reservedIn(bench.batch([aLead('a', 'L1'), aLead('b', 'L1')]));
    const changes = bench.batch([aResult('rejected', { ...reserved, tenantId: 'b' })]);
    expect([changes.said, changes.settled.size]).toEqual([[], 0]);
  });
});

describe('a record that came too early', () => {
  it('waits for the configuration version of its lead, and is decided right after it', () => {
    const bench = new Bench();
    const early = bench.batch([aLead('a', 'L1')]);
    expect([early.attempts, early.waiting.length]).toEqual([[], 1]);
    const changes = bench.batch(aConfiguration('a', 1, aDocument()));
    expect(types(changes)).toEqual(['EngineConfigured', 'LeadDistributed', 'OutboundLeadReserved']);
    expect(changes.taken).toEqual([{ topic: TOPIC, seq: 1 }]);
    expect(bench.memory.waiting.size).toBe(0);
  });

  it('waits for its lead: a result and a request in the order in which they came', () => {
    const bench = new Bench().configured();
    const early = bench.batch([aRequest('a', 'L1'), aResult('accepted',
      { tenantId: 'a', leadId: 'L1', outboundLeadId: 'x', contractId: 'c' })]);
    expect(early.waiting.map(({ kind, restsOn }) => [kind, restsOn])).toEqual([['lead', 'L1'], ['lead', 'L1']]);
    const changes = bench.batch([aLead('a', 'L1')]);
    expect(changes.attempts.map(({ trigger }) => trigger)).toEqual(['arrival', 'manual']);
    expect(changes.taken).toHaveLength(2);
  });

  it('may wait for one thing after the other', () => {
    const bench = new Bench();
    bench.batch([aRequest('a', 'L1', { configurationVersion: 1 })]);
    const changes = bench.batch(aConfiguration('a', 1, aDocument()));
    expect([changes.taken, changes.waiting.map(({ kind }) => kind)]).toEqual([[], ['lead']]);
    expect(bench.batch([aLead('a', 'L1')]).attempts.map(({ trigger }) => trigger)).toEqual(['arrival', 'manual']);
  });

  it('is never stored where what it rests on comes in the same batch', () => {
    const bench = new Bench();
    const changes = bench.batch([aLead('a', 'L1'), ...aConfiguration('a', 1, aDocument())]);
    expect([changes.waiting, changes.taken, changes.attempts.length]).toEqual([[], [], 1]);
  });
});

describe('a configuration version', () => {
  it('is taken and reported only whole', () => {
    const bench = new Bench();
    const [first, second, third] = aConfiguration('a', 1, aDocument(), 3);
    const incomplete = bench.batch([first!, third!]);
    expect([incomplete.said, incomplete.parts.length, incomplete.items]).toEqual([[], 2, []]);
    const whole = bench.batch([second!]);
    expect(whole.said.map(({ type }) => type)).toEqual([EngineConfigured.type]);
    expect(whole.items.length).toBeGreaterThan(5);
    expect([whole.parts, whole.versions]).toEqual([[], [{ tenantId: 'a', version: 1 }]]);
  });

  it('that is taken already changes nothing, and one after an incomplete one waits for it', () => {
    const bench = new Bench().configured();
    expect(bench.batch(aConfiguration('a', 1, aDocument())).said).toEqual([]);
    const [first, second] = aConfiguration('a', 2, aDocument(), 2);
    const third = aConfiguration('a', 3, [{ kind: 'contract', id: 'acme-ny', entry: 3, body: null }]);
    expect(bench.batch([first!, ...third]).said).toEqual([]);
    const changes = bench.batch([second!]);
    expect(changes.said.map(({ value }) => (JSON.parse(value) as { version: number }).version)).toEqual([2, 3]);
    expect(bench.batch([aLead('a', 'L1', { configurationVersion: 3 })]).outboundLeads).toMatchObject([{ contractId: 'bolt-all' }]);
  });
});

it('a request of a window that was changed since does nothing', () => {
  const bench = new Bench().configured(aDocument({ contracts: [] }));
  bench.batch([aLead('a', 'L1')]);
  expect(bench.batch([aRequest('a', 'L1', { trigger: 'window', windowGeneration: 2 })]).attempts).toHaveLength(1);
  expect(bench.batch([aRequest('a', 'L1', { trigger: 'window', windowGeneration: 1 })]).attempts).toHaveLength(0);
  expect(bench.batch([aRequest('a', 'L1', { trigger: 'window', windowGeneration: 2 })]).attempts).toHaveLength(1);
});

it('the same memory, records and instant give the same changes to the byte', () => {
  const story = () => {
    const bench = new Bench();
    const text: string[] = [];
    const run = (said: readonly Said[]) => text.push(JSON.stringify(bench.batch(said), (_key, value: unknown) =>
      (typeof value === 'bigint' ? String(value) : value instanceof Map ? [...value] : value instanceof Set ? [...value] : value)));
    return { bench, text, run };
  };
  const said = [...aConfiguration('a', 1, aDocument()), ...['L1', 'L2', 'L3', 'L4'].map((id) => aLead('a', id))];
  const [first, second] = [story(), story()];
  first.run(said);
  second.run(said);
  expect(second.text).toEqual(first.text);
  expect(first.text[0]).toContain(LeadDistributed.type);
});
