import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LeadDistributed, LeadNotDistributed, OutboundLeadReserved, type Heard } from '@sluice/events';
import { aConfiguration, aDocument, aLead, aRequest } from './builders.suite.js';
import { LeadFactsStore } from './lead-facts.store.js';
import { openMember, openRig, type Member, type Rig } from './rig.suite.js';

const document = aDocument({
  clients: [{ id: 'acme' }, { id: 'bolt' }, { id: 'cord' }],
  contracts: [
    { id: 'anywhere', client: 'acme', price: '25.00', maxShareCount: 2, deliveryMethod: 'hook' },
    { id: 'solar-only', client: 'bolt', price: '10.00', maxShareCount: 2, deliveryMethod: 'hook', campaigns: ['solar'] },
    { id: 'third', client: 'cord', price: '1.00', maxShareCount: 3, status: 'paused', deliveryMethod: 'hook' },
  ],
  workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price' }] }],
});
const bare = { campaignId: '', attributes: {} };

let rig: Rig;
let engine: Member;
/** Outcomes of a lead, in order: trigger, and the picks or the reason. */
let said: Heard[];

async function outcomes(leadId: string): Promise<unknown[]> {
  await rig.settled('engine');
  said = await rig.said();
  const decided = said.filter((event) => event.subject === leadId && [LeadDistributed.type, LeadNotDistributed.type].includes(event.type));
  return decided.map(({ tenantId, data }) => {
    const { trigger, picks, reason } = data as { trigger: string; picks?: { contractId: string }[]; reason?: string };
    return [tenantId, trigger, picks?.map(({ contractId }) => contractId) ?? reason];
  });
}

beforeAll(async () => {
  rig = await openRig();
  engine = await openMember(rig.url);
  await engine.start();
  await rig.say(['north', 'south'].flatMap((tenantId) => aConfiguration(tenantId, 1, document)));
  await rig.say(['north', 'south'].flatMap((tenantId) => ['by-hand', 'by-rules', 'picked'].map((id) => aLead(tenantId, `${tenantId} ${id}`, bare))));
  await rig.settled('engine');
});

afterAll(async () => {
  await engine?.close();
  await rig?.close();
});

describe('a lead without a campaign', () => {
  it('goes to nobody by itself', async () => {
    expect(await outcomes('north by-hand')).toEqual([['north', 'arrival', 'no_workflow']]);
  });

  it('is given by hand to the contracts that a person chose; one that is for a campaign is refused by its criteria, which may be passed over', async () => {
    await rig.say([aRequest('north', 'north by-hand', { contractIds: ['solar-only', 'anywhere'] })]);
    expect((await outcomes('north by-hand')).at(-1)).toEqual(['north', 'manual', ['anywhere']]);
    await rig.say([aRequest('north', 'north by-hand', { contractIds: ['solar-only'], overrides: ['criteria'], reason: 'agreed by phone' })]);
    expect((await outcomes('north by-hand')).at(-1)).toEqual(['north', 'manual', ['solar-only']]);
    // Two buyers are all that each of them accepts (M2), whatever is passed over.
    await rig.say([aRequest('north', 'north by-hand', { contractIds: ['third'], overrides: ['contract_not_open', 'share_count'] })]);
    expect((await outcomes('north by-hand')).at(-1)).toMatchObject(['north', 'manual', expect.stringMatching(/share_count|contract_not_open/)]);
  });

  it('is distributed by the rules of a workflow that a person names', async () => {
    await rig.say([aRequest('north', 'north by-rules', { workflowId: 'w' })]);
    expect((await outcomes('north by-rules')).at(-1)).toEqual(['north', 'manual', ['anywhere']]);
  });

  it('is taken from the pool, and delivery gets it without a campaign', async () => {
    await rig.say([aRequest('north', 'north picked', { trigger: 'cherryPick', contractIds: ['anywhere'], actor: 'portal 7' })]);
    expect((await outcomes('north picked')).at(-1)).toEqual(['north', 'cherryPick', ['anywhere']]);
    const reserved = said.filter((event) => event.type === OutboundLeadReserved.type && event.subject === 'north picked');
    expect(reserved.map((event) => (event.data as OutboundLeadReserved).campaignId)).toEqual(['']);
  });

  it('is another tenant\'s to nobody: nothing was done to theirs', async () => {
    expect(await outcomes('south by-hand')).toEqual([['south', 'arrival', 'no_workflow']]);
  });
});

describe('what other services ask of leads', () => {
  it('is answered of the tenant\'s own alone', async () => {
    const facts = new LeadFactsStore(engine.database);
    expect(await facts.leads('north', ['north picked', 'south picked', 'nothing'])).toEqual(
      [{ leadId: 'north picked', campaignId: '', receivedAt: expect.any(Number), windowGeneration: 0, standing: 0 }]);
    const { outboundLeadId, attemptId } = said.find((event) => event.type === OutboundLeadReserved.type && event.subject === 'north picked')!.data as OutboundLeadReserved;
    expect(await facts.outboundLeads('north', [outboundLeadId])).toEqual([{
      outboundLeadId, attemptId, leadId: 'north picked', contractId: 'anywhere', clientId: 'acme', priceMinor: '2500', currency: 'USD', state: 'reserved' }]);
    expect(await facts.outboundLeads('south', [outboundLeadId])).toEqual([]);
    expect((await facts.attempts('north', [attemptId!])).map(({ outcome }) => outcome)).toEqual(['distributed']);
    expect(await facts.attempts('south', [attemptId!])).toEqual([]);
  });
});
