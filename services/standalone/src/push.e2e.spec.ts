import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Captured } from './captured.suite.js';
import { seen } from './commands/seen.js';
import { Story, until, type Tenant } from './story.suite.js';

/** Calls go to whoever is there, in turns; quick ones that nobody took for three seconds go to the desk. */
const setUp = {
  apiVersion: 'v1', timezone: 'UTC',
  campaigns: [
    { id: 'calls', pushStrategy: 'reps', duplicates: { then: 'accept' }, fields: { state: { type: 'string' } } },
    { id: 'quick', pushStrategy: 'quickly', duplicates: { then: 'accept' }, fields: { state: { type: 'string' } } },
  ],
  pushStrategies: [
    { id: 'reps', campaigns: ['calls'], from: 'corporate', onlyActiveWithin: 'PT10M', recipients: [{ to: 'ann' }, { to: 'ben' }] },
    { id: 'quickly', campaigns: ['quick'], from: 'corporate', onlyActiveWithin: 'PT10M', recipients: [{ to: 'cat' }], timeout: { after: 'PT3S', to: 'desk' } },
  ],
};

interface Attempt { leadId: string; trigger: string; outcome: string; reason: string | null; picks: { contractId: string }[] }

describe('push', () => {
  let story: Story;
  let one: Tenant;
  let two: Tenant;
  beforeAll(async () => {
    story = await Story.start();
    one = await story.tenant('one', setUp);
    two = await story.tenant('two', setUp);
  }, 120_000);
  afterAll(() => story?.close(), 60_000);

  const post = async (tenant: Tenant, campaign: string) => {
    const source = await tenant.source(campaign);
    return (await source.call<{ leadId: string }>('POST', '/v1/leads', { body: { campaign, fields: { state: 'NY' } } })).leadId;
  };
  const attempts = async (tenant: Tenant, query = '') =>
    (await tenant.admin.call<{ data: Attempt[] }>('GET', `/v1/attempts?order=oldest&limit=100${query}`)).data;
  const isSeen = (tenant: Tenant, ...users: string[]) => seen(tenant.admin, users, new Captured().terminal);
  const given = async (tenant: Tenant) => (await attempts(tenant, '&outcome=distributed')).map(({ leadId, picks }) => [leadId, picks[0]!.contractId]);

  it('leads that come while nobody is there are held, and released oldest first to who comes', async () => {
    const leads: string[] = [];
    for (let place = 0; place < 4; place++) {
      leads.push(await post(one, 'calls'));
      await story.eventsOf(leads.at(-1)!, 'LeadNotDistributed');
    }
    expect((await attempts(one)).map(({ reason }) => reason)).toEqual(leads.map(() => 'not_active'));
    // Of another business: whoever is there, is there for his own.
    await isSeen(two, 'ann');
    expect(await given(one)).toEqual([]);
    await isSeen(one, 'ann');
    for (const leadId of leads) await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect(await given(one)).toEqual(leads.map((leadId) => [leadId, 'ann']));
  }, 60_000);

  it('with two of them there, they take turns', async () => {
    await isSeen(one, 'ben');
    const before = (await given(one)).length;
    const leads = [await post(one, 'calls'), await post(one, 'calls')];
    for (const leadId of leads) await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect((await given(one)).slice(before).map(([, to]) => to).sort()).toEqual(['ann', 'ben']);
  }, 60_000);

  it('what nobody took in time goes to the desk, active or not', async () => {
    const leadId = await post(two, 'quick');
    await story.eventsOf(leadId, 'OutboundLeadAccepted', 30_000);
    const told = await attempts(two, `&lead=${leadId}`);
    expect([told[0], told.at(-1)]).toMatchObject([{ outcome: 'unsold', reason: 'not_active' }, { outcome: 'distributed', picks: [{ contractId: 'desk' }] }]);
    await until(async () => (await two.admin.call<{ status: string }>('GET', `/v1/leads/${leadId}`)).status === 'accepted', 10_000, () => 'the desk in the story');
  }, 60_000);
});
