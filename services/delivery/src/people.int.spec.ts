import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Booted, released, reserved, until } from './booted.suite.js';
import { Receiver } from './receiver.suite.js';

/** One attempt and no more, so that what was not answered is left to people at once. */
const once = { retry: { attempts: 1 } };

describe('what people see and decide', () => {
  let delivery: Booted;
  let receiver: Receiver;

  beforeAll(async () => {
    receiver = await Receiver.start();
    delivery = await Booted.start();
    for (const tenant of ['t1', 't2']) {
      await delivery.configure(tenant, 1, {
        accepts: { url: receiver.url('accepts') }, resets: { url: receiver.url('resets'), ...once }, nobody: { url: 'http://127.0.0.1:9/', ...once },
        mends: { url: receiver.on('mends', (response, _, nth) => (nth % 2 === 1 ? response.socket!.resetAndDestroy() : response.writeHead(200).end())), ...once },
        rotating: { url: receiver.url('accepts/rotating') }, gone: { url: receiver.url('gone') },
      });
    }
  });

  afterAll(async () => {
    await delivery.stop();
    await receiver.stop();
  });

  const end = async (method: string, tenant = 't1', over = {}) => {
    const lead = reserved(tenant, method, over);
    await delivery.say(tenant, [lead]);
    await delivery.outcomes(lead.outboundLeadId);
    return lead;
  };

  it('a list of deliveries pages from the newest to the oldest, by filter, and of the own tenant alone', async () => {
    const leads = [];
    for (let n = 0; n < 5; n++) leads.push(await end('accepts', 't1', { contractId: 'paged' }));
    await end('accepts', 't2', { contractId: 'paged' });
    const first = (await delivery.get('t1', '/v1/deliveries?contract=paged&limit=3')).body as { data: { id: string }[]; nextCursor: string };
    const second = (await delivery.get('t1', `/v1/deliveries?contract=paged&limit=3&cursor=${first.nextCursor}`)).body as { data: { id: string }[]; nextCursor: null };
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(leads.map((lead) => lead.outboundLeadId).reverse());
    expect(second.nextCursor).toBeNull();
    const one = (await delivery.get('t1', `/v1/deliveries?lead=${leads[0]!.leadId}&state=accepted`)).body as { data: object[] };
    expect(one.data).toMatchObject([{ id: leads[0]!.outboundLeadId, deliveryMethod: 'accepts', attempts: 1, state: 'accepted' }]);
    expect((await delivery.get('t1', '/v1/deliveries?cursor=nonsense')).body).toMatchObject({ code: 'invalid_cursor' });
    expect((await delivery.get('t1', '/v1/deliveries?state=nonsense')).status).toBe(400);
  });

  it('a delivery of another tenant is not there, to be read, settled or redriven', async () => {
    const lead = await end('resets', 't2');
    for (const answer of [
      await delivery.get('t1', `/v1/deliveries/${lead.outboundLeadId}`),
      await delivery.post('t1', `/v1/deliveries/${lead.outboundLeadId}/settle`, { outcome: 'accepted' }),
      await delivery.post('t1', `/v1/deliveries/${lead.outboundLeadId}/redrive`),
    ]) expect([answer.status, answer.body['code']]).toEqual([404, 'not_found']);
    expect((await delivery.post('t1', '/v1/dead-letters/redrive', { ids: [lead.outboundLeadId] })).body).toMatchObject({ redriven: [], refused: [{ code: 'not_found' }] });
    expect((await delivery.get('t2', `/v1/deliveries/${lead.outboundLeadId}`)).body).toMatchObject({ state: 'unresolved' });
    const { data } = (await delivery.get('t1', '/v1/dead-letters')).body as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).not.toContain(lead.outboundLeadId);
  });

  it.each([['accepted', 'OutboundLeadAccepted'], ['rejected', 'OutboundLeadRejected']])('what nobody answered is settled once by a person as %s, and told', async (outcome, event) => {
    const lead = await end('resets');
    const listed = (await delivery.get('t1', '/v1/dead-letters?state=unresolved')).body as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id)).toContain(lead.outboundLeadId);
    const answer = await delivery.post('t1', `/v1/deliveries/${lead.outboundLeadId}/settle`, { outcome, reason: 'asked_by_phone' });
    expect([answer.status, answer.body]).toMatchObject([200, { state: outcome, settledBy: 'admin:ann', reason: 'asked_by_phone' }]);
    expect((await delivery.outcomes(lead.outboundLeadId, 2)).map(([name]) => name)).toEqual(['OutboundLeadUnresolved', event]);
    const again = await delivery.post('t1', `/v1/deliveries/${lead.outboundLeadId}/settle`, { outcome });
    expect([again.status, again.body['code']]).toEqual([409, 'not_unresolved']);
    const after = (await delivery.get('t1', '/v1/dead-letters')).body as { data: { id: string }[] };
    expect(after.data.map(({ id }) => id)).not.toContain(lead.outboundLeadId);
  });

  it('a dead letter that is redriven goes out again under the same webhook id', async () => {
    const lead = await end('mends');
    expect((await delivery.post('t1', `/v1/deliveries/${lead.outboundLeadId}/redrive`)).status).toBe(202);
    expect((await delivery.outcomes(lead.outboundLeadId, 2)).map(([name]) => name)).toEqual(['OutboundLeadUnresolved', 'OutboundLeadAccepted']);
    const got = receiver.at('mends');
    expect(got.map((one) => one.webhookId)).toEqual([`msg_${lead.outboundLeadId}`, `msg_${lead.outboundLeadId}`]);
    const { body } = await delivery.get('t1', `/v1/deliveries/${lead.outboundLeadId}`);
    expect(body).toMatchObject({ state: 'accepted', attempts: 2, attemptList: [{ n: 1, outcome: 'unanswered' }, { n: 2, outcome: 'accepted', status: 200 }] });
    const again = await delivery.post('t1', `/v1/deliveries/${lead.outboundLeadId}/redrive`);
    expect([again.status, again.body['code']]).toEqual([409, 'already_accepted']);
  });

  it('a dead letter whose reservation is gone is refused, with what to do instead; a batch names each', async () => {
    const failed = await end('nobody');
    const withdrawn = await end('resets');
    await delivery.say('t1', [released('t1', withdrawn, 'withdrawn')]);
    await until(async () => (await delivery.rows('SELECT 1 FROM delivery.deliveries WHERE outbound_lead_id = $1 AND released IS NOT NULL', [withdrawn.outboundLeadId])).length > 0);
    const open = await end('resets');
    const refused = await delivery.post('t1', `/v1/deliveries/${failed.outboundLeadId}/redrive`);
    expect([refused.status, refused.body['code']]).toEqual([409, 'reservation_released']);
    expect(refused.body['detail']).toContain('Distribute the lead to the contract again');
    const batch = await delivery.post('t1', '/v1/dead-letters/redrive', { ids: [failed, withdrawn, open].map((lead) => lead.outboundLeadId) });
    expect(batch.body).toMatchObject({
      redriven: [open.outboundLeadId],
      refused: [{ id: failed.outboundLeadId, code: 'reservation_released' }, { id: withdrawn.outboundLeadId, code: 'reservation_released' }],
    });
  });

  it('a secret is shown once, is new after a rotation, and both sign until the old one\'s time is up', async () => {
    const shown = await delivery.post('t1', '/v1/delivery-methods/rotating/secret');
    const first = shown.body['secret'] as string;
    expect(Buffer.from(first.slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect((await delivery.post('t1', '/v1/delivery-methods/rotating/secret')).body).toMatchObject({ code: 'secret_already_shown' });
    expect((await delivery.post('t1', '/v1/delivery-methods/none/secret')).status).toBe(404);
    await end('rotating');
    const second = (await delivery.post('t1', '/v1/delivery-methods/rotating/secret', { rotate: true })).body['secret'] as string;
    expect(second).not.toBe(first);
    await end('rotating');
    await delivery.rows(`UPDATE delivery.endpoints SET previous_until = now(), revision = revision + 1 WHERE tenant_id = 't1' AND method_id = 'rotating'`);
    await end('rotating');
    const [before, during, after] = receiver.at('accepts/rotating');
    receiver.verify(before!, first);
    receiver.verify(during!, first);
    receiver.verify(during!, second);
    receiver.verify(after!, second);
    expect(() => receiver.verify(after!, first)).toThrow();
    expect(() => receiver.verify(before!, second)).toThrow();
    const [row] = await delivery.rows<{ dump: string }>(`SELECT e::text AS dump FROM delivery.endpoints e WHERE method_id = 'rotating' AND tenant_id = 't1'`);
    for (const secret of [first, second]) expect(row!.dump + delivery.lines.text).not.toContain(secret.slice(6, 20));
  });

  it('a client that says 410 is left alone until its method or secret changes', async () => {
    await end('gone');
    const [suspended] = await delivery.heard({ type: 'sluice.delivery.v1.EndpointSuspended' });
    expect(suspended!.data).toEqual({ tenantId: 't1', deliveryMethodId: 'gone' });
    expect((await delivery.get('t1', '/v1/delivery-methods/gone/health')).body).toMatchObject({ state: 'disabled', reason: 'gone' });
    expect((await delivery.get('t2', '/v1/delivery-methods/gone/health')).body).toMatchObject({ state: 'healthy' });
    const lead = await end('gone');
    expect((await delivery.outcomes(lead.outboundLeadId))[0]).toMatchObject(['OutboundLeadFailed', { reason: 'endpoint_disabled' }]);
    expect(receiver.at('gone')).toHaveLength(1);
    await delivery.configure('t1', 2, { gone: { url: receiver.url('accepts/back') } });
    expect((await delivery.heard({ type: 'sluice.delivery.v1.EndpointResumed' }))[0]!.data).toEqual({ tenantId: 't1', deliveryMethodId: 'gone' });
    await end('gone');
    expect(receiver.at('accepts/back')).toHaveLength(1);
  });

  it('nobody without a key, and no source, may read or decide', async () => {
    for (const path of ['/v1/deliveries', '/v1/dead-letters', '/v1/delivery-methods/accepts/health']) expect((await fetch(`${delivery.url}${path}`)).status).toBe(401);
  });
});
