import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VirtualClock } from '@sluice/runtime';
import { aLead, Booted, solar } from './booted.suite.js';

const HOUR = 3_600_000;

describe('sources', () => {
  const clock = new VirtualClock(Date.UTC(2026, 10, 24));
  let intake: Booted;
  const api = (method: string, path: string, body?: object, key = 'admin-t1') => fetch(`${intake.url}${path}`, {
    method, headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) }, ...(body ? { body: JSON.stringify(body) } : {}),
  }).then(async (response) => ({ status: response.status, body: (await response.json()) as Record<string, unknown> }));

  beforeAll(async () => {
    intake = await Booted.start({ clock });
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
  });

  afterAll(() => intake.stop());

  it('are made with a key that is shown once and stored as a hash', async () => {
    const { status, body } = await api('POST', '/v1/sources', { name: 'Solar Leads Inc.', campaign: 'solar', channel: 'web' });
    expect([status, body]).toEqual([201, { id: 'solar-leads-inc', name: 'Solar Leads Inc.', campaign: 'solar', allowWithoutCampaign: false,
      channel: 'web', list: null, status: 'active',
      createdAt: '2026-11-24T00:00:00.000Z', key: expect.stringMatching(/^sluice_src_[a-z0-9]{16}_[A-Za-z0-9_-]{43}$/) }]);
    expect((await intake.post(body['key'] as string, aLead())).status).toBe(202);
    const seen = JSON.stringify([await api('GET', '/v1/sources'), await api('GET', '/v1/sources/solar-leads-inc'), await intake.rows('SELECT * FROM intake.source_keys')]);
    expect(seen).not.toContain((body['key'] as string).slice(-43));
    expect((await api('POST', '/v1/sources', { id: 'solar-leads-inc', name: 'x' })).status).toBe(409);
    expect((await api('POST', '/v1/sources', { name: 'x', tenantId: 't2' })).status).toBe(400);
  });

  it('of another tenant do not exist', async () => {
    for (const [method, path, body] of [['GET', '', undefined], ['PATCH', '', { name: 'x' }], ['POST', '/rotate', {}], ['POST', '/revoke', {}]] as const) {
      expect((await api(method, `/v1/sources/solar-leads-inc${path}`, body, 'admin-t2')).status).toBe(404);
    }
    expect((await api('GET', '/v1/sources', undefined, 'admin-t2')).body['data']).toEqual([]);
  });

  it('are for administrators alone', async () => {
    const key = await intake.source('t1', 'curious');
    expect((await api('GET', '/v1/sources', undefined, key)).status).toBe(403);
    expect((await api('GET', '/v1/rejections', undefined, key)).status).toBe(403);
    expect((await intake.post(key, { leadIds: ['01a20cb9-5f0c-74b2-9eb9-c5f5b20fb143'] }, {}, '/internal/v1/intake/personal-fields')).status).toBe(403);
    expect((await api('GET', '/v1/sources', undefined, 'nobody')).status).toBe(401);
  });

  it('change keys without a gap: both hold until the overlap is over', async () => {
    const first = await intake.source('t1', 'rotating');
    const { status, body } = await api('POST', '/v1/sources/rotating/rotate', { overlap: 'PT1H' });
    expect(status).toBe(200);
    const second = body['key'] as string;
    expect([(await intake.post(first, aLead())).status, (await intake.post(second, aLead())).status]).toEqual([202, 202]);
    clock.moveTo(clock.now() + HOUR);
    expect([(await intake.post(first, aLead())).status, (await intake.post(second, aLead())).status]).toEqual([401, 202]);
  });

  it('lose their keys at once where they are revoked', async () => {
    const key = await intake.source('t1', 'leaky');
    expect((await intake.post(key, aLead())).status).toBe(202);
    expect((await api('POST', '/v1/sources/leaky/revoke', {})).body).toEqual({ revoked: 1 });
    expect((await intake.post(key, aLead())).status).toBe(401);
  });

  it('that are paused are told so', async () => {
    const key = await intake.source('t1', 'sleepy');
    await api('PATCH', '/v1/sources/sleepy', { status: 'paused' });
    const { status, body } = await intake.post(key, aLead());
    expect([status, body.code]).toEqual([403, 'source_paused']);
  });

  it('come from the configuration document too', async () => {
    await intake.configure('t1', 2, [{ kind: 'source', id: 'partner', body: { name: 'Partner', campaign: 'solar', list: 'east' } }]);
    expect((await api('GET', '/v1/sources/partner')).body).toMatchObject({ id: 'partner', list: 'east', keys: [] });
    const { body } = await api('POST', '/v1/sources/partner/rotate', {});
    expect((await intake.post(body['key'] as string, aLead())).status).toBe(202);
    await intake.configure('t1', 3, [{ kind: 'source', id: 'partner', removed: true }]);
    expect((await api('GET', '/v1/sources/partner')).body).toMatchObject({ status: 'paused' });
  });

  it('are listed by page', async () => {
    const ids: unknown[] = [];
    for (let path = '/v1/sources?limit=2'; ;) {
      const { body } = await api('GET', path);
      ids.push(...(body['data'] as { id: string }[]).map(({ id }) => id));
      if (body['nextCursor'] === null) break;
      path = `/v1/sources?limit=2&cursor=${body['nextCursor'] as string}`;
    }
    expect(ids).toEqual(['curious', 'leaky', 'partner', 'rotating', 'sleepy', 'solar-leads-inc']);
    expect((await api('GET', '/v1/sources?limit=-1')).status).toBe(400);
  });
});
