import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LeadReceived } from '@sluice/events';
import { Booted, solar } from './booted.suite.js';

const secret = { name: 'Ada Lovelace', phone: '(202) 555-0142', email: 'Ada@Example.com', note: 'call after six', lat: 40.7128, lon: -74.006 };

describe('a lead without a campaign', () => {
  let intake: Booted;
  let open: string;
  let shut: string;
  const received = async (leadId: string | undefined) => (await intake.heardOf(leadId!))[0]!;

  beforeAll(async () => {
    intake = await Booted.start();
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
    open = await intake.source('t1', 'walk-in', { campaign: undefined, allowWithoutCampaign: true });
    shut = await intake.source('t2', 'walk-in', { campaign: undefined });
  });

  afterAll(() => intake.stop());

  it('is taken where its source allows it: every field is sealed, and nothing of them enters the log', async () => {
    const answer = await intake.post(open, { fields: secret, country: 'US', channel: 'fair' });
    expect(answer.status).toBe(202);
    const { data } = await received(answer.body.leadId);
    expect(data).toMatchObject({ tenantId: 't1', sourceId: 'walk-in', campaignId: '', configurationVersion: 1, attributes: {}, country: 'US', channel: 'fair' });
    expect([data['lat'], data['lon']]).toEqual([undefined, undefined]);
    for (const value of ['Ada', 'Lovelace', '5550142', 'call after six', '40.7', '-74.0']) expect(JSON.stringify(data)).not.toContain(value);
    const opened = await intake.post(intake.service('t1'), { leadIds: [answer.body.leadId] }, {}, '/internal/v1/intake/personal-fields');
    expect(opened.body['leads']).toEqual([{ leadId: answer.body.leadId, fields: { ...secret, phone: '+12025550142', email: expect.any(String) } }]);
    expect(await intake.rows('SELECT campaign_id, attributes FROM intake.leads WHERE lead_id = $1', [answer.body.leadId]))
      .toEqual([{ campaign_id: '', attributes: '{}' }]);
  });

  it('is known again by phone and e-mail, as a lead of a campaign is', async () => {
    const one = await received((await intake.post(open, { fields: { phone: '202-555-0199', who: 'one' } })).body.leadId);
    const again = await received((await intake.post(open, { fields: { phone: '+1 202 555 0199', who: 'two' } })).body.leadId);
    const other = await received((await intake.post(open, { fields: { phone: '202-555-0198' } })).body.leadId);
    expect(one.data['phoneHash']).toMatch(/.{20,}/);
    expect(again.data).toMatchObject({ phoneHash: one.data['phoneHash'], duplicate: true, duplicateOf: one.data['leadId'] });
    expect(other.data['phoneHash']).not.toBe(one.data['phoneHash']);
    expect((await intake.post(open, { fields: { phone: '+1 202 555 0199', who: 'two' } })).status).toBe(409);
    expect((await intake.post(open, { fields: { email: 'not an address' } })).body.errors).toMatchObject([{ pointer: '/fields/email' }]);
  });

  it('may name a campaign all the same; one that nobody knows is a mistake', async () => {
    const named = await received((await intake.post(open, { campaign: 'solar', fields: { state: 'NY' } })).body.leadId);
    expect(named.data).toMatchObject({ campaignId: 'solar', attributes: { state: 'NY' } });
    expect((await intake.post(open, { campaign: 'sloar', fields: { state: 'NY' } })).body).toMatchObject({ status: 422, code: 'unknown_campaign' });
  });

  it('is refused where its source does not allow it, as before, until an administrator does', async () => {
    const refused = await intake.post(shut, { fields: secret });
    expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([422, '/campaign']);
    const changed = await fetch(`${intake.url}/v1/sources/walk-in`, {
      method: 'PATCH', headers: { authorization: 'Bearer admin-t2', 'content-type': 'application/json' }, body: JSON.stringify({ allowWithoutCampaign: true }) });
    expect(await changed.json()).toMatchObject({ id: 'walk-in', campaign: null, allowWithoutCampaign: true });
    expect((await intake.post(shut, { fields: secret })).status).toBe(202);
    expect((await intake.heard(0, LeadReceived)).filter(({ tenantId, data }) => tenantId === 't2' && data['campaignId'] !== '')).toEqual([]);
  });

  it('is taken of a tenant that has no configuration at all, and in batches', async () => {
    const key = await intake.source('t3', 'walk-in', { campaign: undefined, allowWithoutCampaign: true });
    const answer = await intake.post(key, { fields: { name: 'Eve' } });
    expect(answer.status).toBe(202);
    expect((await received(answer.body.leadId)).data).toMatchObject({ campaignId: '', configurationVersion: 0 });
    const lines = (await intake.post(key, '{"fields":{"name":"Bo"}}\n{"fields":{"name":"Cy"}}\n', { 'content-type': 'application/x-ndjson' }, '/v1/leads:batch')).lines;
    expect(lines.map((line) => line['status'])).toEqual(['accepted', 'accepted']);
  });
});
