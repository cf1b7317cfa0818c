import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithKafka } from '@sluice/testing';
import { Captured } from './captured.suite.js';
import { window, windows } from './commands/windows.js';
import { Story, type Tenant } from './story.suite.js';

/** Nobody takes leads of a state until its contract opens; what `brief` does not sell in a minute goes to whom its fallback names. */
function setUp(clients: string, prefix: string) {
  const states = ['NY', 'NJ', 'CT', 'MA'];
  const ids = [...states.map((state) => state.toLowerCase()), 'last'];
  const window = { length: 'P1D', every: 'PT1H' };
  const campaign = { duplicates: { then: 'accept' }, fields: { state: { type: 'string' } } };
  const rule = { method: 'price', take: 1 };
  return {
    apiVersion: 'v1', timezone: 'UTC', clients: ids.map((id) => ({ id })),
    contracts: ids.map((id) => ({
      id: `${id}-c`, client: id, price: '20.00', maxShareCount: 1, deliveryMethod: `${id}-hook`, status: id === 'last' ? 'open' : 'paused',
      ...(id !== 'last' && { criteria: { field: 'state', op: 'equals', value: id.toUpperCase() } }),
    })),
    deliveryMethods: ids.map((id) => ({ id: `${id}-hook`, type: 'webhook', url: `${clients}/${prefix}-${id}`, accept: { status: [200] } })),
    campaigns: [{ id: 'solar', workflow: 'w', ...campaign }, { id: 'brief', workflow: 'short', ...campaign }],
    workflows: [
      { id: 'w', mode: 'window', window, maxMultiplication: 1, rules: [{ ...rule, contracts: { ids: states.map((state) => `${state.toLowerCase()}-c`) } }] },
      { id: 'short', mode: 'window', window: { length: 'PT1M', every: 'PT1M' }, maxMultiplication: 1, fallback: 'at-last', rules: [{ ...rule, contracts: { ids: ['ny-c'] } }] },
      { id: 'at-last', mode: 'onArrival', maxMultiplication: 1, rules: [{ ...rule, contracts: { ids: ['last-c'] } }] },
    ],
  };
}

interface Shown { state: string; reasons: unknown; generation: number }

function stories(kafka: boolean): void {
  let story: Story;
  let one: Tenant;
  let two: Tenant;
  let expiring: string;
  const post = async (tenant: Tenant, state: string, campaign = 'solar') => {
    const source = await tenant.source(campaign);
    return (await source.call<{ leadId: string }>('POST', '/v1/leads', { body: { campaign, fields: { state } }, headers: { prefer: 'wait=15' } })).leadId;
  };
  const open = (tenant: Tenant, contract: string) =>
    tenant.admin.call('PATCH', `/v1/contracts/${contract}`, { body: { status: 'open' }, headers: { prefer: 'wait=30', 'if-match': '*' } });
  const windowOf = (tenant: Tenant, leadId: string) => tenant.admin.call<Shown>('GET', `/v1/leads/${leadId}/window`);
  const act = async (tenant: Tenant, leadId: string, action: 'pause' | 'resume' | 'stop') => {
    const { terminal } = new Captured();
    await window(tenant.admin, leadId, action, {}, terminal);
  };
  const sentTo = (client: string) => story.received.filter((request) => request.client === client).length;

  beforeAll(async () => {
    story = await Story.start({ kafka });
    one = await story.tenant('one', setUp(story.clients, 'one'));
    two = await story.tenant('two', setUp(story.clients, 'two'));
    expiring = await post(two, 'NY', 'brief');
  }, 120_000);
  afterAll(() => story?.close(), 60_000);

  it('a lead that nobody could take is delivered within seconds after a contract opened', async () => {
    const leadId = await post(one, 'NY');
    await story.eventsOf(leadId, 'WindowOpened');
    expect(await windowOf(one, leadId)).toMatchObject({ state: 'open' });
    expect(sentTo('one-ny')).toBe(0);
    await open(one, 'ny-c');
    const opened = performance.now();
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect(performance.now() - opened).toBeLessThan(5_000);
    expect(await story.eventsOf(leadId, 'WindowFulfilled')).toContain('LeadDistributed');
    const { data } = await one.admin.call<{ data: { trigger: string; outcome: string }[] }>('GET', `/v1/leads/${leadId}/attempts`);
    expect([data[0], data.at(-1)]).toMatchObject([{ trigger: 'arrival', outcome: 'unsold' }, { trigger: 'window', outcome: 'distributed' }]);
  }, 60_000);

  it('a window that rests gives nothing away, and goes on where a person lets it', async () => {
    const leadId = await post(one, 'NJ');
    await story.eventsOf(leadId, 'WindowOpened');
    await act(one, leadId, 'pause');
    await open(one, 'nj-c');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(sentTo('one-nj')).toBe(0);
    await act(one, leadId, 'resume');
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect(sentTo('one-nj')).toBe(1);
  }, 60_000);

  it('a request without a body may name a media type, and one with a wrong body is told where it is wrong', async () => {
    const leadId = await post(one, 'MA');
    await story.eventsOf(leadId, 'WindowOpened');
    const json = { headers: { 'content-type': 'application/json' } };
    const paused = await one.admin.call<Shown>('POST', `/v1/leads/${leadId}/window/pause`, json);
    expect(paused.state).toBe('paused');
    await expect(one.admin.call('POST', `/v1/leads/${leadId}/window/explode`, json)).rejects.toMatchObject({ status: 404 });
    await expect(one.admin.call('POST', '/v1/windows:stop', json)).rejects.toThrow('/: is missing: expected an object');
    await expect(one.admin.call('PATCH', `/v1/leads/${leadId}/window`, { body: { len: 'P1D' } })).rejects.toThrow('/len: "len" is not known here');
  });

  it('a window that was stopped gives nothing away ever, and another may be opened on the lead', async () => {
    const leadId = await post(one, 'CT');
    await story.eventsOf(leadId, 'WindowOpened');
    await act(one, leadId, 'stop');
    await open(one, 'ct-c');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect([sentTo('one-ct'), (await windowOf(one, leadId)).state]).toEqual([0, 'stopped']);
    const { terminal, out } = await said((captured) => window(one.admin, leadId, 'open', { length: 'P2D', every: 'PT30M' }, captured.terminal));
    expect([terminal, out]).toEqual(['', expect.stringContaining('every PT30M')]);
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
  }, 60_000);

  it('one tenant sees and stops nothing of another', async () => {
    const leadId = await post(one, 'MA');
    await story.eventsOf(leadId, 'WindowOpened');
    await expect(windowOf(two, leadId)).rejects.toMatchObject({ status: 404 });
    await expect(act(two, leadId, 'stop')).rejects.toMatchObject({ status: 404 });
    const { out } = await said((captured) => windows(one.admin, { state: 'open', limit: 50, json: true }, captured.terminal));
    expect(out.split('\n').filter(Boolean).map((line) => (JSON.parse(line) as { leadId: string }).leadId)).toContain(leadId);
  }, 60_000);

  it('what was not sold in time goes to whom the fallback names', async () => {
    const events = await story.eventsOf(expiring, 'OutboundLeadAccepted', 100_000);
    expect(events).toEqual(expect.arrayContaining(['WindowOpened', 'WindowExpired', 'OutboundLeadAccepted']));
    expect(sentTo('two-last')).toBe(1);
    expect((await windowOf(two, expiring)).state).toBe('expired');
  }, 120_000);

  async function said(work: (captured: Captured) => Promise<unknown>): Promise<{ terminal: string; out: string }> {
    const captured = new Captured();
    await work(captured);
    return { terminal: captured.said, out: captured.out };
  }
}

describe('windows on the log in Postgres', () => stories(false));
describeWithKafka('windows on Apache Kafka', () => stories(true));
