import { describe, expect, it } from '@jest/globals';
import { LeadDistributed, LeadNotDistributed, type DistributionRequested } from '@sluice/events';
import { Bench } from './bench.suite.js';
import { aDocument, aLead, aRequest, aResult } from './builders.suite.js';
import { keyOf, type Changes } from './changes.js';
import { parseReceipt } from './receipt.js';

const types = (changes: Changes) => changes.said.map(({ type }) => type.split('.').at(-1));
const outcomeOf = (changes: Changes) => JSON.parse(changes.said.find(({ type }) => type === LeadDistributed.type
  || type === LeadNotDistributed.type)!.value) as LeadDistributed & LeadNotDistributed;
const receiptOf = (changes: Changes) => parseReceipt(changes.attempts[0]!.receipt);

/** Nothing is distributed by itself: what is done here, somebody asks for. */
const byHand = () => new Bench().configured(aDocument({
  workflows: [{ id: 'w', mode: 'off', rules: [{ method: 'price', take: 1 }] }, { id: 'cheap', mode: 'off', rules: [
    { method: 'price', take: 1, contracts: { ids: ['bolt-all'] } }] }],
}));

function asked(over: Partial<DistributionRequested>, bench = byHand()): { bench: Bench; changes: Changes } {
  bench.batch([aLead('a', 'L1'), aLead('b', 'L1')]);
  return { bench, changes: bench.batch([aRequest('a', 'L1', over)]) };
}

describe('what a person asks for', () => {
  it('is answered with who asked, why, and which request it was', () => {
    const { changes } = asked({ requestId: 'R1', actor: 'ann', reason: 'called us', contractIds: ['bolt-all'] });
    expect(outcomeOf(changes)).toMatchObject({ requestId: 'R1', actor: 'ann', trigger: 'manual', picks: [{ contractId: 'bolt-all' }] });
    expect(receiptOf(changes)).toMatchObject({ requestId: 'R1', actor: 'ann', reason: 'called us' });
    expect(changes.outboundLeads.map(({ tenantId }) => tenantId)).toEqual(['a']);
  });

  it('is done once, however often it is heard', () => {
    const { bench } = asked({ requestId: 'R1', contractIds: ['bolt-all'] });
    const again = bench.batch([aRequest('a', 'L1', { requestId: 'R1', contractIds: ['acme-ny'] })]);
    expect([again.said, again.attempts, again.state]).toEqual([[], [], []]);
    expect(types(bench.batch([aRequest('b', 'L1', { requestId: 'R1', contractIds: ['acme-ny'] })]))).toContain('LeadDistributed');
  });

  it('is remembered for ever, where a window\'s requests are for a while', () => {
    const { bench } = asked({ requestId: 'R1', contractIds: ['nobody'] });
    for (let place = 0; place < 40; place++) bench.batch([aRequest('a', 'L1', { requestId: `W${place}`, trigger: 'window', windowGeneration: 1 })]);
    const known = bench.leads.get(keyOf('a', 'L1'))!.attempts.flatMap(({ requestId }) => requestId ?? []);
    expect([known.length, known[0], known.at(-1)]).toEqual([17, 'R1', 'W39']);
    for (const requestId of ['R1', 'W39', 'W24']) expect(bench.batch([aRequest('a', 'L1', { requestId })]).attempts).toEqual([]);
  });

  it('may be the rules of another workflow, or of the campaign\'s own one', () => {
    expect(asked({ workflowId: 'cheap' }).changes.outboundLeads).toMatchObject([{ contractId: 'bolt-all' }]);
    expect(asked({}).changes.outboundLeads).toMatchObject([{ contractId: 'acme-ny' }]);
  });

  it('passes over the gates that it names, and says of the pick which those were', () => {
    const bench = new Bench().configured(aDocument({ contracts: [{ id: 'acme-ny', client: 'acme', price: 1, caps: { day: 0 },
      deliveryMethod: 'hook' }] }));
    const { changes } = asked({ contractIds: ['acme-ny'], overrides: ['cap_day', 'share_count', 'nonsense'] }, bench);
    expect(receiptOf(changes)).toMatchObject({ picks: [{ contractId: 'acme-ny', overridden: ['cap_day'] }],
      ignored: ['share_count', 'nonsense'] });
    expect(outcomeOf(asked({ contractIds: ['acme-ny'] }, new Bench().configured(aDocument({ contracts: [{ id: 'acme-ny', client: 'acme',
      price: 1, caps: { day: 0 }, deliveryMethod: 'hook' }] }))).changes)).toMatchObject({ reason: 'cap_day', reasons: ['cap_day'] });
  });

  it('never passes over that a client has the lead already', () => {
    const { bench } = asked({ contractIds: ['bolt-all'] });
    const changes = bench.batch([aRequest('a', 'L1', { contractIds: ['bolt-all'], overrides: ['already_received', 'share_count'] })]);
    expect(outcomeOf(changes)).toMatchObject({ reason: 'already_received' });
  });

  it('and is not there is an attempt that says so, and no fault', () => {
    for (const [over, reason] of [
      [{ contractIds: ['nobody'] }, 'no_contracts'], [{ workflowId: 'nothing' }, 'no_workflow'],
      [{ trigger: 'cherryPick', contractIds: [] }, 'no_contracts'],
      [{ trigger: 'cherryPick', contractIds: ['acme-ny', 'bolt-all'] }, 'no_contracts'],
    ] as const) {
      const { changes } = asked({ ...over, contractIds: [...(over as { contractIds?: readonly string[] }).contractIds ?? []] });
      expect([types(changes), outcomeOf(changes).reason, changes.faults]).toEqual([['LeadNotDistributed'], reason, []]);
    }
  });

  it('and is there in part is done in part, and the rest is named', () => {
    const { changes } = asked({ contractIds: ['nobody', 'bolt-all'] });
    expect(receiptOf(changes)).toMatchObject({ picks: [{ contractId: 'bolt-all' }], ignored: ['nobody'] });
  });
});

describe('a client that takes a lead from the pool', () => {
  const picked = () => {
    const { bench, changes } = asked({ trigger: 'cherryPick', contractIds: ['acme-ny'] });
    return { bench, changes, reserved: changes.outboundLeads[0]! };
  };
  const stateOf = (changes: Changes) => [...changes.settled.values()].map(({ state }) => state);

  it('has it delivered, and no cap counts it', () => {
    const { bench, changes } = picked();
    expect(types(changes)).toEqual(['LeadDistributed', 'OutboundLeadReserved']);
    expect([bench.used('a', 'acme-ny'), outcomeOf(changes).full]).toEqual([0, false]);
  });

  it('leaves the lead to be distributed as before', () => {
    const { bench } = picked();
    expect(bench.batch([aRequest('a', 'L1', { contractIds: ['bolt-all'] })]).outboundLeads).toHaveLength(1);
  });

  it('keeps it when its system accepts, once', () => {
    const { bench, reserved } = picked();
    expect(stateOf(bench.batch([aResult('accepted', reserved)]))).toEqual(['accepted']);
    expect(stateOf(bench.batch([aResult('accepted', reserved)]))).toEqual([]);
    expect(stateOf(bench.batch([aResult('failed', reserved)]))).toEqual([]);
    expect(bench.leads.get(keyOf('a', 'L1'))!.life.picks).toMatchObject([{ state: 'cherryPicked' }]);
  });

  it('does not have it when its system rejects, at once or after the fact, and nobody else is tried', () => {
    for (const before of [[], ['accepted'], ['unresolved']] as const) {
      const { bench, reserved } = picked();
      for (const outcome of before) bench.batch([aResult(outcome, reserved)]);
      const changes = bench.batch([aResult('rejected', reserved)]);
      expect([types(changes), stateOf(changes)]).toEqual([['OutboundLeadReleased'], ['rejected']]);
    }
  });
});
