import { describe, expect, it } from '@jest/globals';
import type { ConfigDocument, Lead } from '@sluice/distribution';
import { LeadDistributed, LeadNotDistributed } from '@sluice/events';
import { Bench } from './bench.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, aResult, aReturn, aSign, aWindow, NOON } from './builders.suite.js';
import { keyOf, type Changes } from './changes.js';
import { HeldLeads } from './held.js';

const MINUTE = 60_000;
const types = (changes: Changes) => changes.said.map(({ type }) => type.split('.').at(-1));
const outcomesOf = (changes: Changes) => changes.said.filter(({ type }) => type === LeadDistributed.type
  || type === LeadNotDistributed.type).map(({ value }) => JSON.parse(value) as LeadDistributed & LeadNotDistributed);
const soldTo = (changes: Changes) => changes.outboundLeads.map(({ leadId, contractId }) => [leadId, contractId]);

const pushed = (recipients: NonNullable<ConfigDocument['pushStrategies']>[number]['recipients'], over: object = {}) => aDocument({
  contracts: [], workflows: [], campaigns: [{ id: 'solar' }],
  pushStrategies: [{ id: 'reps', campaigns: ['solar'], from: 'corporate', onlyActiveWithin: 'PT10M', recipients, ...over }],
});
const asks = (leadId: string, trigger = 'push') => aRequest('a', leadId, { trigger, actor: '' });

/** Leads that came a minute after each other while nobody was there. */
function waiting(count: number, document = pushed([{ to: 'u1' }, { to: 'u2' }])): Bench {
  const bench = new Bench().configured(document);
  for (let place = 0; place < count; place++) bench.batch([aLead('a', `L${place}`)], NOON + place * MINUTE);
  return bench;
}

describe('a lead that nobody is there for', () => {
  it('is held, and says until when', () => {
    const bench = new Bench().configured(pushed([{ to: 'u1' }], { timeout: { after: 'PT1H', to: 'boss' } }));
    expect(outcomesOf(bench.batch([aLead('a', 'L0')]))).toMatchObject([{
      trigger: 'push', reason: 'not_active', held: true, heldUntil: '2026-03-02T13:00:00.000Z',
    }]);
  });

  it('goes to who is seen, the oldest first, in the same batch, as far as he may have them', () => {
    const bench = waiting(3, pushed([{ to: 'u1', caps: { hour: 2 } }]));
    const changes = bench.batch([aSign('a', 'u1', NOON + 5 * MINUTE)], NOON + 5 * MINUTE);
    expect(soldTo(changes)).toEqual([['L0', 'u1'], ['L1', 'u1']]);
    expect([...bench.memory.tenants.get('a')!.held].map(({ leadId }) => leadId)).toEqual(['L2']);
    expect(bench.leads.get(keyOf('a', 'L0'))!.heldSince).toBeUndefined();
  });

  it('is given to somebody who is seen in the batch that it came with', () => {
    const bench = new Bench().configured(pushed([{ to: 'u1' }]));
    expect(soldTo(bench.batch([aLead('a', 'L0'), aSign('a', 'u1', NOON)]))).toEqual([['L0', 'u1']]);
  });

  it('has no attempt more where it still waits, and is no concern of another tenant', () => {
    const bench = waiting(2);
    const changes = bench.batch([aSign('a', 'stranger', NOON), aSign('b', 'u1', NOON)], NOON + 5 * MINUTE);
    expect([changes.attempts, changes.said]).toEqual([[], []]);
  });

  it('is offered to somebody only as long as his sign is young, and a clock that is ahead makes it no younger', () => {
    const bench = waiting(1);
    const late = bench.batch([aSign('a', 'u1', NOON - 20 * MINUTE)], NOON + MINUTE);
    expect(soldTo(late)).toEqual([]);
    bench.batch([aSign('b', 'u1', NOON + 1000 * MINUTE)], NOON + MINUTE);
    expect(soldTo(bench.batch([aLead('b', 'L9')], NOON + 30 * MINUTE))).toEqual([]);
  });

  it('does not lose a sign to one that is older', () => {
    const bench = waiting(0);
    bench.batch([aSign('a', 'u1', NOON), aSign('a', 'u1', NOON - 60 * MINUTE)]);
    expect(soldTo(bench.batch([aLead('a', 'L9')], NOON + 9 * MINUTE))).toEqual([['L9', 'u1']]);
  });

  it('is tried again by request, and no request does anything once it is taken', () => {
    const bench = waiting(1);
    expect(outcomesOf(bench.batch([asks('L0')], NOON + MINUTE))).toMatchObject([{ held: true }]);
    bench.batch([aSign('a', 'u1', NOON + 2 * MINUTE)], NOON + 2 * MINUTE);
    expect(bench.batch([asks('L0')], NOON + 3 * MINUTE).attempts).toEqual([]);
  });

  it('goes to the recipient for what nobody took when its time is out', () => {
    const bench = waiting(1, pushed([{ to: 'u1' }], { timeout: { after: 'PT1H', to: 'boss' } }));
    expect(outcomesOf(bench.batch([asks('L0')], NOON + 60 * MINUTE - 1))).toMatchObject([{ held: true }]);
    expect(soldTo(bench.batch([asks('L0')], NOON + 60 * MINUTE))).toEqual([['L0', 'boss']]);
  });

  it('waits on while a person tries it in vain or a client takes it from the pool, and no longer than until it is distributed', () => {
    const document = { ...pushed([{ to: 'u1' }]), contracts: [{ id: 'k', client: 'acme', price: 1, deliveryMethod: 'hook' }] };
    const bench = waiting(1, document);
    const isHeld = () => bench.memory.tenants.get('a')!.held.size === 1;
    bench.batch([aRequest('a', 'L0', { contractIds: ['k'], overrides: [] }), aRequest('a', 'L0', { contractIds: ['nobody'] })]);
    expect(isHeld()).toBe(false);
    const other = waiting(1, document);
    other.batch([aRequest('a', 'L0', { contractIds: ['nobody'] })]);
    other.batch([aRequest('a', 'L0', { trigger: 'cherryPick', contractIds: ['k'] })]);
    expect(soldTo(other.batch([aSign('a', 'u1', NOON)]))).toEqual([['L0', 'u1']]);
  });

  it('and was turned down by who had it goes to the next, and waits again where there is none', () => {
    const bench = waiting(0);
    bench.batch([aSign('a', 'u1', NOON)]);
    const [reserved] = bench.batch([aLead('a', 'L0')]).outboundLeads;
    const changes = bench.batch([aResult('rejected', reserved!)]);
    expect(outcomesOf(changes)).toMatchObject([{ trigger: 'push', held: true }]);
    expect(soldTo(bench.batch([aSign('a', 'u2', NOON)]))).toEqual([['L0', 'u2']]);
  });

  it('is no concern of somebody whom its campaign does not come down to', () => {
    const bench = new Bench().configured({ ...pushed([{ to: 'branch' }]), pushStrategies: [
      { id: 'top', campaigns: ['solar'], from: 'corporate', onlyActiveWithin: 'PT10M', recipients: [{ to: 'branch' }] },
      { id: 'down', from: 'branch', campaigns: ['solar'], onlyActiveWithin: 'PT10M', recipients: [{ to: 'u1' }] },
      { id: 'else', from: 'corporate', campaigns: ['wind'], onlyActiveWithin: 'PT10M', recipients: [{ to: 'u9' }] },
    ] });
    bench.batch([aLead('a', 'L0')]);
    expect(soldTo(bench.batch([aSign('a', 'u9', NOON)]))).toEqual([]);
    expect(soldTo(bench.batch([aSign('a', 'u1', NOON)]))).toEqual([['L0', 'u1']]);
  });

  it('is among the first 500 that a batch tries; the others wait for the next sign', () => {
    const bench = new Bench().configured(pushed([{ to: 'u1' }]));
    bench.batch(Array.from({ length: 510 }, (_, place) => aLead('a', `L${place}`, { receivedAt: new Date(NOON + place).toISOString() })));
    expect(bench.batch([aSign('a', 'u1', NOON), aSign('a', 'u1', NOON)]).outboundLeads).toHaveLength(500);
    expect(soldTo(bench.batch([aSign('a', 'u1', NOON)]))[0]).toEqual(['L500', 'u1']);
  });

  it('is not kept from who is seen by any number of older ones that are for others', () => {
    const of = (state: string) => ({ field: 'state', op: 'equals', value: state }) as const;
    const bench = new Bench().configured(pushed([{ to: 'u1', criteria: of('CA') }, { to: 'u2', criteria: of('NY') }] as never));
    bench.batch(Array.from({ length: 510 }, (_, place) => aLead('a', `L${place}`, { attributes: { state: 'CA' }, receivedAt: new Date(NOON + place).toISOString() })));
    bench.batch([aLead('a', 'last', { attributes: { state: 'NY' }, receivedAt: new Date(NOON + 600).toISOString() })]);
    expect(soldTo(bench.batch([aSign('a', 'u2', NOON)]))).toEqual([['last', 'u2']]);
  });
});

describe('a lead that is held for the client it names', () => {
  const document = aDocument({
    campaigns: [{ id: 'solar', workflow: 'w', forceClient: 'wants', forceElse: 'hold' }],
    contracts: [{ id: 'bolt-all', client: 'bolt', price: 1, deliveryMethod: 'hook', status: 'paused' }],
  });
  const lead = aLead('a', 'L0', { attributes: { wants: 'bolt' } });

  it('is tried again by request, when the configuration has changed', () => {
    const bench = new Bench().configured(document);
    expect(outcomesOf(bench.batch([lead]))).toMatchObject([{ held: true, reason: 'contract_not_open' }]);
    expect(outcomesOf(bench.batch([asks('L0', 'window')]))).toMatchObject([{ held: true }]);
    bench.batch(aConfiguration('a', 2, [{ kind: 'contract', id: 'bolt-all', entry: 3,
      body: { id: 'bolt-all', client: 'bolt', price: 1, deliveryMethod: 'hook' } }]));
    expect(soldTo(bench.batch([asks('L0', 'window')]))).toEqual([['L0', 'bolt-all']]);
  });

  it('is tried no more once a person gave it to somebody else, though its timer still asks', () => {
    const bench = new Bench().configured({ ...document, contracts: [...document.contracts!, { id: 'acme-all', client: 'acme', price: 1, deliveryMethod: 'hook' }] });
    bench.batch([lead]);
    expect(soldTo(bench.batch([aRequest('a', 'L0', { contractIds: ['acme-all'] })]))).toEqual([['L0', 'acme-all']]);
    bench.batch(aConfiguration('a', 2, [{ kind: 'contract', id: 'bolt-all', entry: 3, body: { id: 'bolt-all', client: 'bolt', price: 1, deliveryMethod: 'hook' } }]));
    expect(bench.batch([asks('L0', 'window')]).attempts).toEqual([]);
  });

  it('waits for nobody\'s presence', () => {
    const bench = new Bench().configured(document);
    bench.batch([lead]);
    expect(bench.batch([aSign('a', 'bolt', NOON)]).attempts).toEqual([]);
  });
});

describe('a lead that comes back', () => {
  const returned = (bench: Bench, of: Changes['outboundLeads'][number]) => bench.batch([aReturn(of)]);

  it('gives its unit back while the bucket is open, once, and nothing is said of it', () => {
    const bench = new Bench().configured();
    const [reserved] = bench.batch([aLead('a', 'L1'), aLead('b', 'L1')]).outboundLeads;
    bench.batch([aResult('accepted', reserved!)]);
    const changes = returned(bench, reserved!);
    expect([changes.said, [...changes.settled.values()].map(({ state }) => state)]).toEqual([[], ['returned']]);
    expect([bench.used('a', 'acme-ny'), bench.used('b', 'acme-ny')]).toEqual([0, 1]);
    const again = returned(bench, reserved!);
    expect([again.settled.size, again.state]).toEqual([0, []]);
  });

  it('keeps its slot: nobody else gets the lead', () => {
    const bench = new Bench().configured();
    const [reserved] = bench.batch([aLead('a', 'L1')]).outboundLeads;
    bench.batch([aResult('accepted', reserved!), aReturn(reserved!)]);
    expect(outcomesOf(bench.batch([aRequest('a', 'L1', { contractIds: ['bolt-all'] })]))).toMatchObject([{ reason: 'share_count' }]);
  });

  it('from whom it was pushed to is pushed to nobody else, whatever asks for it', () => {
    const bench = waiting(0);
    bench.batch([aSign('a', 'u1', NOON), aSign('a', 'u2', NOON)]);
    const [reserved] = bench.batch([aLead('a', 'L0')]).outboundLeads;
    bench.batch([aResult('accepted', reserved!)]);
    returned(bench, reserved!);
    const window = aWindow('opened', { tenantId: 'a', leadId: 'L0', generation: 1, expiresAt: NOON + 60 * MINUTE });
    const changes = bench.batch([window, aRequest('a', 'L0', { trigger: 'window', windowGeneration: 1, actor: '' })]);
    expect(outcomesOf(changes)).toMatchObject([{ reason: 'share_count', full: true }]);
    expect(changes.outboundLeads).toEqual([]);
  });

  it('before it was here waits for it', () => {
    const bench = new Bench().configured();
    expect(returned(bench, { tenantId: 'a', leadId: 'L1', outboundLeadId: 'x', contractId: 'c', clientId: 'd' } as never).waiting)
      .toMatchObject([{ kind: 'lead', restsOn: 'L1' }]);
    expect(types(bench.batch([aLead('a', 'L1')]))).toEqual(['LeadDistributed', 'OutboundLeadReserved']);
  });
});

it('held leads stand in one order, however they came', () => {
  const held = (leadId: string, heldSince: number, receivedAt = 0) => ({ lead: {} as Lead, leadId, campaignId: 'c', heldSince, receivedAt });
  const leads = new HeldLeads([held('d', 2), held('a', 3), held('c', 2)]);
  leads.put(held('b', 2));
  leads.put(held('a', 9));
  leads.put(held('e', 2, -1));
  leads.put(held('a', 1));
  leads.remove('c');
  leads.remove('nobody');
  expect([...leads].map(({ leadId }) => leadId)).toEqual(['a', 'e', 'b', 'd']);
});
