import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Story, until, type Tenant } from './story.suite.js';

interface Outcome {
  readonly picks: readonly { readonly contractId: string; readonly price: string; readonly overridden: readonly string[] }[];
  readonly reason: string | null;
  readonly refused: readonly { readonly contractId: string; readonly gates: readonly string[] }[];
}
interface Request { readonly requestId: string; readonly state: string; readonly actor: string; readonly outcome: Outcome | null }
interface Lead {
  readonly status: string;
  readonly campaignId: string | null;
  readonly timeline: readonly { readonly type: string; readonly actor: string; readonly reason: string | null }[];
  readonly outboundLeads: readonly { readonly contractId: string; readonly status: string; readonly cherryPicked: boolean }[];
}
interface Caps { readonly data: readonly { readonly id: string; readonly used: number }[] }

/** One contract at its cap of one a day, one that is paused, one that anybody's lead may go to. */
function setUp(clients: string) {
  const hook = (id: string) => ({
    id: `${id}-hook`, type: 'webhook', url: `${clients}/${id}`, accept: { status: [200], body: { path: '$.result', equals: 'accepted' } } });
  return {
    apiVersion: 'v1', timezone: 'UTC', clients: ['acme', 'bolt', 'cord'].map((id) => ({ id })),
    contracts: [
      { id: 'acme-c', client: 'acme', price: '30.00', maxShareCount: 3, caps: { day: 1 }, campaigns: ['solar'], deliveryMethod: 'acme-hook' },
      { id: 'bolt-c', client: 'bolt', price: '20.00', maxShareCount: 3, status: 'paused', deliveryMethod: 'bolt-hook' },
      { id: 'cord-c', client: 'cord', price: '10.00', maxShareCount: 3, criteria: { field: 'vip', op: 'exists' }, deliveryMethod: 'cord-hook' },
    ],
    deliveryMethods: ['acme', 'bolt', 'cord'].map(hook),
    campaigns: [
      { id: 'solar', workflow: 'w', duplicates: { then: 'accept' }, fields: { state: { type: 'string' }, vip: { type: 'boolean' } } },
      { id: 'calls', duplicates: { then: 'accept' }, fields: { state: { type: 'string' }, vip: { type: 'boolean' } } },
    ],
    pushStrategies: [{
      id: 'to-agents', campaigns: ['calls'], from: 'corporate', method: 'roundRobin', onlyActiveWithin: 'PT30M', recipients: [{ to: 'ann' }, { to: 'bob' }],
    }],
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 3, rules: [{ method: 'price' }] }],
  };
}

describe('by hand', () => {
  let story: Story;
  let one: Tenant;
  let two: Tenant;

  beforeAll(async () => {
    story = await Story.start();
    one = await story.tenant('one', setUp(story.clients));
    two = await story.tenant('two', setUp(story.clients));
  }, 120_000);
  afterAll(() => story?.close(), 60_000);

  const post = async (tenant: Tenant) =>
    (await (await tenant.source('solar')).call<{ leadId: string }>('POST', '/v1/leads', { body: { fields: { state: 'NY' } }, headers: { prefer: 'wait=15' } })).leadId;
  const ask = (tenant: Tenant, leadId: string, what: string, body: object, headers: Record<string, string> = {}) =>
    tenant.admin.call<Request>('POST', `/v1/leads/${leadId}/${what}`, { body, headers: { prefer: 'wait=20', ...headers } });
  const shown = async (tenant: Tenant, leadId: string, holds: (lead: Lead) => boolean): Promise<Lead> => {
    let lead: Lead | undefined;
    await until(async () => {
      lead = await tenant.admin.call<Lead>('GET', `/v1/leads/${leadId}`).catch(() => undefined);
      return lead !== undefined && holds(lead);
    }, 20_000, () => `the story of ${leadId}; it is ${JSON.stringify(lead)}`);
    return lead!;
  };
  const usedOf = async (tenant: Tenant, contract: string) => (await tenant.admin.call<Caps>('GET', `/v1/caps?contract=${contract}`)).data[0]!.used;

  it('a lead that nobody could take goes to whom a person chose, over the gates that he names, and the story tells it', async () => {
    await story.eventsOf(await post(one), 'OutboundLeadAccepted');
    const leadId = await post(one);
    const refused = await ask(one, leadId, 'distributions', { contracts: ['acme-c', 'bolt-c'] });
    expect(refused).toMatchObject({ state: 'notDistributed', outcome: { picks: [] } });
    expect(refused.outcome!.refused.map(({ contractId, gates }) => [contractId, gates])).toEqual([['acme-c', ['cap_day']], ['bolt-c', ['contract_not_open']]]);
    const key = { 'idempotency-key': 'monday-1' };
    const body = { contracts: ['acme-c', 'bolt-c'], overrides: ['cap_day', 'contract_not_open'], reason: 'promised by phone', by: 'ann' };
    const asked = await ask(one, leadId, 'distributions', body, key);
    expect(asked).toMatchObject({ state: 'distributed', actor: 'ann' });
    expect(asked.outcome!.picks.map(({ contractId, price, overridden }) => [contractId, price, overridden]))
      .toEqual([['acme-c', '30.00', ['cap_day']], ['bolt-c', '20.00', ['contract_not_open']]]);
    expect((await ask(one, leadId, 'distributions', body, key)).requestId).toBe(asked.requestId);
    const lead = await shown(one, leadId, ({ outboundLeads }) => outboundLeads.filter(({ status }) => status === 'accepted').length === 2);
    expect(lead.timeline.filter(({ type }) => type === 'DistributionRequested').map(({ actor, reason }) => [actor, reason]).at(-1))
      .toEqual(['user:ann', 'promised by phone']);
    expect(lead.timeline.filter(({ type }) => type === 'LeadDistributed')).toHaveLength(1);
    const { data } = await one.admin.call<{ data: { action: string; actor: string; detail: { overrides?: string[] } }[] }>('GET', '/v1/audit-log?limit=1');
    expect(data).toMatchObject([{ action: 'lead.distributed-by-hand', actor: 'ann', detail: { overrides: ['cap_day', 'contract_not_open'] } }]);
    await expect(ask(two, leadId, 'distributions', { contracts: ['acme-c'] })).rejects.toThrow(/404|unknown_lead/);
  }, 90_000);

  it('a lead is taken from the pool: it is delivered, and counts in no cap', async () => {
    const leadId = await post(two);
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect(await usedOf(two, 'acme-c')).toBe(1);
    const free = await post(two);
    const picked = await ask(two, free, 'cherry-picks', { contract: 'acme-c', by: 'portal user' });
    expect(picked).toMatchObject({ state: 'distributed', actor: 'portal user', outcome: { picks: [{ contractId: 'acme-c', price: '30.00' }] } });
    const lead = await shown(two, free, ({ outboundLeads }) => outboundLeads[0]?.status === 'accepted');
    expect(lead.outboundLeads).toMatchObject([{ contractId: 'acme-c', cherryPicked: true }]);
    expect(await usedOf(two, 'acme-c')).toBe(1);
  }, 90_000);

  it('an accepted lead that is given back frees its unit of the cap, once', async () => {
    const { data: [sold] } = await two.admin.call<{ data: { outboundLeadId: string; leadId: string }[] }>(
      'GET', '/v1/contracts/acme-c/outbound-leads?status=accepted&limit=50').then(({ data }) => ({ data: data.slice(-1) }));
    const give = (tenant: Tenant) => tenant.admin.call<{ returnId: string }>(
      'POST', `/v1/outbound-leads/${sold!.outboundLeadId}/return`, { body: { reason: 'wrong number' } });
    await expect(give(one)).rejects.toThrow(/404|not_found/);
    const first = await give(two);
    expect((await give(two)).returnId).toBe(first.returnId);
    await shown(two, sold!.leadId, ({ status }) => status === 'returned');
    await until(async () => (await usedOf(two, 'acme-c')) === 0, 10_000, () => 'the unit of the cap');
  }, 90_000);

  it('a lead for agents waits until one of them is seen, and the others are not asked', async () => {
    const source = await two.source('calls');
    const { leadId } = await source.call<{ leadId: string }>('POST', '/v1/leads', { body: { fields: { state: 'NY' } } });
    await shown(two, leadId, ({ status }) => status === 'held');
    const held = (tenant: Tenant) => tenant.admin.call<{ data: { leadId: string }[] }>('GET', '/v1/leads?held=true');
    expect([(await held(one)).data, (await held(two)).data.map((lead) => lead.leadId)]).toEqual([[], [leadId]]);
    // Another tenant's agent of the same name is nobody here.
    await one.admin.call('POST', '/v1/users/bob/seen');
    await until(async () => (await story.platform.bus.lag('engine')).every(({ position, head }) => position >= head), 10_000, () => 'the engine');
    expect(story.heard.filter((event) => event.subject === leadId && event.type.endsWith('.LeadDistributed'))).toEqual([]);
    await two.admin.call('POST', '/v1/users:seen', { body: { users: ['bob', 'cy'] } });
    const lead = await shown(two, leadId, ({ status }) => status === 'distributed' || status === 'accepted');
    expect(lead.outboundLeads.map(({ contractId }) => contractId)).toEqual(['bob']);
    expect((await held(two)).data).toEqual([]);
    expect(await two.admin.call('GET', '/v1/funnel')).toMatchObject({ held: 0 });
  }, 90_000);

  it('a lead without a campaign is kept, sold to nobody by itself, and distributed by hand with its fields', async () => {
    const { key } = await one.admin.call<{ key: string }>('POST', '/v1/sources', { body: { name: 'walk-in', allowWithoutCampaign: true } });
    const answer = await fetch(`${story.platform.url}/v1/leads`, {
      method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', prefer: 'wait=15' },
      body: JSON.stringify({ fields: { name: 'Ada', phone: '212-555-0142' } }) });
    const { leadId, status } = (await answer.json()) as { leadId: string; status: string };
    expect([answer.status, status]).toEqual([200, 'notDistributed']);
    const asked = await ask(one, leadId, 'distributions', { contracts: ['cord-c'], overrides: ['criteria'], reason: 'a walk-in' });
    expect(asked).toMatchObject({ state: 'distributed', outcome: { picks: [{ contractId: 'cord-c' }] } });
    const lead = await shown(one, leadId, ({ status: stands }) => stands === 'accepted');
    expect(lead.campaignId).toBeNull();
    const sent = story.received.filter(({ client, body }) => client === 'cord' && body.includes(leadId));
    expect(sent.map(({ body }) => (JSON.parse(body) as { data: { fields: object } }).data.fields)).toEqual([{ name: 'Ada', phone: '+12125550142' }]);
    expect(JSON.stringify(story.heard.filter((event) => event.subject === leadId))).not.toMatch(/Ada|5550142/);
  }, 90_000);
});
