import { describe, expect, it } from '@jest/globals';
import type { ConfigDocument } from '@sluice/distribution';
import { LeadDistributed, LeadNotDistributed } from '@sluice/events';
import { Bench } from './bench.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, aResult, aWindow, NOON } from './builders.suite.js';
import type { Changes } from './changes.js';

const HOUR = 3_600_000;
const types = (changes: Changes) => changes.said.map(({ type }) => type.split('.').at(-1));
const outcomeOf = (changes: Changes) => JSON.parse(changes.said.find(({ type }) => type === LeadDistributed.type
  || type === LeadNotDistributed.type)!.value) as LeadDistributed & LeadNotDistributed;
const window = (generation: number, expiresAt = NOON + HOUR) => ({ tenantId: 'a', leadId: 'L1', generation, expiresAt });

const windowed = (over: Partial<ConfigDocument> = {}) => aDocument({
  workflows: [
    { id: 'w', mode: 'window', window: { length: 'PT1H', every: 'PT15M' }, maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] },
    { id: 'last', mode: 'off', rules: [{ method: 'price', take: 1, contracts: { ids: ['bolt-all'] } }] },
  ],
  ...over,
});
const asksFor = (windowGeneration: number, workflowId = '') => aRequest('a', 'L1', { trigger: 'window', windowGeneration, workflowId,
  actor: '' });

/** A lead in an open window of the first generation that nobody could take. */
function unsold(): Bench {
  const bench = new Bench().configured(windowed({ contracts: [] }));
  bench.batch([aLead('a', 'L1'), aWindow('opened', window(1))]);
  return bench;
}

/** One that acme has, and may still turn down. */
function sold(): { bench: Bench; reserved: Changes['outboundLeads'][number] } {
  const bench = new Bench().configured(windowed());
  const [reserved] = bench.batch([aLead('a', 'L1')]).outboundLeads;
  bench.batch([aWindow('opened', window(1))]);
  return { bench, reserved: reserved! };
}

describe('what a window asks for', () => {
  it('is tried, and says of which generation', () => {
    expect(outcomeOf(unsold().batch([asksFor(1)]))).toMatchObject({ trigger: 'window', windowGeneration: 1, reason: 'no_contracts' });
  });

  it.each(['paused', 'stopped', 'fulfilled', 'expired', 'edited'] as const)('before it was %s does nothing any more', (what) => {
    const bench = unsold();
    const attempts = bench.batch([aWindow(what, window(2)), asksFor(1)]).attempts;
    expect(attempts).toEqual([]);
  });

  it('while it rests does nothing, and does when it goes on', () => {
    const bench = unsold();
    expect(bench.batch([aWindow('paused', window(2)), asksFor(2)]).attempts).toEqual([]);
    expect(bench.batch([aWindow('resumed', window(3)), asksFor(3)]).attempts).toHaveLength(1);
  });

  it('when it has expired is its fallback workflow, once more and by that workflow alone', () => {
    const bench = new Bench().configured(windowed({ contracts: [
      { id: 'bolt-all', client: 'bolt', price: '10.00', maxShareCount: 1, deliveryMethod: 'hook', status: 'paused' }] }));
    bench.batch([aLead('a', 'L1'), aWindow('opened', window(1))]);
    bench.batch(aConfiguration('a', 2, [{ kind: 'contract', id: 'bolt-all', entry: 4,
      body: { id: 'bolt-all', client: 'bolt', price: '10.00', maxShareCount: 1, deliveryMethod: 'hook' } }]));
    const changes = bench.batch([aWindow('expired', window(2)), asksFor(2), asksFor(2, 'last')], NOON + HOUR);
    expect(changes.attempts.map(({ trigger, outcome }) => [trigger, outcome])).toEqual([['window', 'distributed']]);
    expect(types(bench.batch([aResult('rejected', changes.outboundLeads[0]!)], NOON + HOUR))).toEqual(['OutboundLeadReleased']);
  });

  it('is heard after its lead, where it overtook that', () => {
    const bench = new Bench().configured(windowed({ contracts: [] }));
    const early = bench.batch([aWindow('opened', window(1)), asksFor(1), aWindow('stopped', window(2)), asksFor(1)]);
    expect(early.waiting.map(({ kind, restsOn }) => [kind, restsOn])).toEqual(new Array(4).fill(['lead', 'L1']));
    expect([...early.touched]).toEqual(['a']);
    const changes = bench.batch([aLead('a', 'L1')]);
    expect(changes.attempts.map(({ trigger }) => trigger)).toEqual(['arrival', 'window']);
  });

  it('of an event that is older than what was heard changes nothing', () => {
    const bench = unsold();
    bench.batch([aWindow('stopped', window(3)), aWindow('resumed', window(2))]);
    expect(bench.batch([asksFor(3)]).attempts).toEqual([]);
  });
});

describe('a lead that is turned down', () => {
  it('before its window opens falls back, however late that is', () => {
    const bench = new Bench().configured(windowed());
    const [reserved] = bench.batch([aLead('a', 'L1')]).outboundLeads;
    expect(types(bench.batch([aResult('rejected', reserved!)], NOON + 30 * HOUR))).toContain('LeadDistributed');
  });

  it('falls back until the end of its window, not of the length in the configuration', () => {
    for (const [after, falls] of [[2 * HOUR - 1, true], [2 * HOUR, false]] as const) {
      const { bench, reserved } = sold();
      bench.batch([aWindow('edited', window(2, NOON + 2 * HOUR))]);
      expect(types(bench.batch([aResult('rejected', reserved)], NOON + after)).includes('LeadDistributed')).toBe(falls);
    }
  });

  it.each(['paused', 'stopped', 'expired'] as const)('falls back no more when its window is %s', (what) => {
    const { bench, reserved } = sold();
    expect(types(bench.batch([aWindow(what, window(2)), aResult('rejected', reserved)]))).toEqual(['OutboundLeadReleased']);
  });

  it('says the end of its window to those who deliver it', () => {
    const bench = unsold();
    bench.batch(aConfiguration('a', 2, [{ kind: 'contract', id: 'new', entry: 9,
      body: { id: 'new', client: 'acme', price: '10.00', deliveryMethod: 'hook' } }]));
    const changes = bench.batch([asksFor(1)]);
    expect(JSON.parse(changes.said[1]!.value)).toMatchObject({ deadline: new Date(NOON + HOUR).toISOString() });
  });

  it('because it was erased is released and offered to nobody', () => {
    const bench = new Bench().configured();
    const [reserved] = bench.batch([aLead('a', 'L1')]).outboundLeads;
    expect(types(bench.batch([aResult('failed', reserved!, 'erased')]))).toEqual(['OutboundLeadReleased']);
    expect(bench.used('a', 'acme-ny')).toBe(0);
  });
});

describe('a lead that no further buyer fits', () => {
  it('is fulfilled once all have accepted, and says so once', () => {
    const { bench, reserved } = sold();
    expect(types(bench.batch([aResult('accepted', reserved)]))).toEqual(['LeadFulfilled']);
    expect(types(bench.batch([aResult('accepted', reserved)]))).toEqual([]);
    expect(types(bench.batch([asksFor(1)]))).toEqual(['LeadNotDistributed']);
  });

  it('is fulfilled also before its window was heard of', () => {
    const bench = new Bench().configured(windowed());
    const [reserved] = bench.batch([aLead('a', 'L1')]).outboundLeads;
    expect(types(bench.batch([aResult('accepted', reserved!)]))).toEqual(['LeadFulfilled']);
  });

  it('is fulfilled in a window that is opened by hand, as soon as that is tried', () => {
    const bench = new Bench().configured();
    const [reserved] = bench.batch([aLead('a', 'L1')]).outboundLeads;
    expect(types(bench.batch([aResult('accepted', reserved!)]))).toEqual([]);
    expect(types(bench.batch([aWindow('opened', window(1)), asksFor(1)]))).toEqual(['LeadNotDistributed', 'LeadFulfilled']);
  });

  it('is not fulfilled while nobody knows whether a client has it', () => {
    const { bench, reserved } = sold();
    expect(types(bench.batch([aResult('unresolved', reserved), asksFor(1)]))).toEqual(['LeadNotDistributed']);
    expect(types(bench.batch([aResult('accepted', reserved)]))).toEqual(['LeadFulfilled']);
  });

  it('is fulfilled though a person tried in vain to give it to somebody else meanwhile', () => {
    const bench = new Bench().configured(windowed({
      workflows: [{ id: 'w', mode: 'window', window: { length: 'PT1H', every: 'PT15M' }, maxMultiplication: 3, rules: [{ method: 'price', take: 1 }] }],
      contracts: ['x', 'y'].map((id) => ({ id, client: id === 'x' ? 'acme' : 'bolt', price: 5, deliveryMethod: 'hook', maxShareCount: 3,
        status: id === 'x' ? 'open' : 'paused' })),
    }));
    const [x] = bench.batch([aLead('a', 'L1'), aWindow('opened', window(1))]).outboundLeads;
    expect(types(bench.batch([aRequest('a', 'L1', { contractIds: ['y'], overrides: [] }), aRequest('a', 'L1', { requestId: 'gone', contractIds: ['gone'] })])))
      .toEqual(['LeadNotDistributed', 'LeadNotDistributed']);
    expect(types(bench.batch([aResult('accepted', x!)]))).toEqual(['LeadFulfilled']);
  });

  it('has room again where one of those that a person chose turns it down', () => {
    const bench = new Bench().configured(windowed({
      contracts: ['x', 'y'].map((id) => ({ id, client: id === 'x' ? 'acme' : 'bolt', price: 5, deliveryMethod: 'hook', status: 'open',
        automation: false, maxShareCount: 2 })),
      workflows: [{ id: 'w', mode: 'window', window: { length: 'PT1H', every: 'PT15M' }, maxMultiplication: 2,
        rules: [{ method: 'price' }] }],
    }));
    bench.batch([aLead('a', 'L1'), aWindow('opened', window(1))]);
    const [x, y] = bench.batch([aRequest('a', 'L1', { contractIds: ['x', 'y'], overrides: ['automation_off'] })]).outboundLeads;
    expect(types(bench.batch([aResult('rejected', x!), aResult('accepted', y!)]))).toEqual(['OutboundLeadReleased']);
  });

  it('says nothing of it where it is distributed on arrival alone', () => {
    const bench = new Bench().configured();
    const [reserved] = bench.batch([aLead('a', 'L1')]).outboundLeads;
    expect(types(bench.batch([aResult('accepted', reserved!)]))).toEqual([]);
  });
});

describe('what an attempt leaves to wait for', () => {
  const closed = { open: { 'mon-sun': ['14:00-15:00'] } };
  const contracts: ConfigDocument['contracts'] = [
    { id: 'c-shut', client: 'acme', price: 5, deliveryMethod: 'hook', schedule: closed },
    { id: 'b-full', client: 'bolt', price: 5, deliveryMethod: 'hook', caps: { total: 0 } },
    { id: 'a-full', client: 'bolt', price: 4, deliveryMethod: 'hook', caps: { day: 0 } },
    { id: 'd-both', client: 'bolt', price: 3, deliveryMethod: 'hook', caps: { total: 0 }, schedule: closed },
  ];

  it('is the next instant at which time opens something, and whom only a limit shuts out', () => {
    const bench = new Bench().configured(windowed({ contracts }));
    expect(outcomeOf(bench.batch([aLead('a', 'L1')]))).toMatchObject({
      nextChanceAt: '2026-03-02T14:00:00.000Z', waitsOn: ['a-full', 'b-full'], reasons: ['schedule_closed', 'cap_day', 'cap_total'],
      reason: 'schedule_closed',
    });
  });

  it('is nothing for a lead that is distributed on arrival alone', () => {
    const outcome = outcomeOf(new Bench().configured(aDocument({ contracts })).batch([aLead('a', 'L1')]));
    expect([outcome.nextChanceAt, outcome.waitsOn]).toEqual([undefined, undefined]);
  });

  it('names also who shares a limit of the client, whose unit would do as well', () => {
    const { waitsOn } = outcomeOf(new Bench().configured(windowed({
      clients: [{ id: 'acme', caps: { day: 0 } }, { id: 'bolt' }],
      contracts: ['k1', 'k2'].map((id) => ({ id, client: 'acme', price: 1, deliveryMethod: 'hook',
        criteria: { field: 'state', op: 'equals', value: id === 'k1' ? 'NY' : 'NJ' } })),
    })).batch([aLead('a', 'L1')]));
    expect(waitsOn).toEqual(['k1', 'k2']);
  });

  it('names nobody where there are too many, or where anybody\'s unit would do', () => {
    const many = (count: number, more: object = {}) => Array.from({ length: count }, (_, place) => ({
      id: `k${String(place).padStart(2, '0')}`, client: 'acme', price: 1, deliveryMethod: 'hook', caps: { day: 0 }, ...more }));
    const waits = (over: Partial<ConfigDocument>) => outcomeOf(new Bench().configured(windowed(over)).batch([aLead('a', 'L1')])).waitsOn;
    expect(waits({ contracts: many(64) })).toHaveLength(64);
    expect(waits({ contracts: many(65) })).toEqual(['*']);
    expect(waits({ contracts: many(2, { group: 'g' }), groups: [{ id: 'g', caps: { day: 9 } }] })).toEqual(['*']);
    expect(waits({ contracts: many(2), campaigns: [{ id: 'solar', workflow: 'w', caps: { day: 0 } }] })).toEqual(['*']);
  });
});
