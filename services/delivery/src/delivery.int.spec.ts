import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Booted, configurationPart, pause, released, reserved, until } from './booted.suite.js';
import { Receiver } from './receiver.suite.js';

const byBody = {
  accept: { status: [200], body: { path: '$.result', equals: 'accepted' }, reference: '$.id' },
  reject: { status: [200], body: { path: '$.result', equals: 'rejected' }, reason: '$.reason' },
};
/** Two repeats within a second, so that a whole schedule fits into a test. */
const quick = { retry: { delays: ['PT0.1S', 'PT0.1S'], jitter: 0 } };

describe('a delivery', () => {
  let delivery: Booted;
  let receiver: Receiver;
  const secrets: Record<string, string> = {};

  const methods = (tenant: string) => ({
    accepts: { url: receiver.url(`accepts/${tenant}`), ...byBody },
    rejects: { url: receiver.url('rejects'), ...byBody },
    refuses: { url: receiver.url('refuses') },
    fails: { url: receiver.url('fails'), ...quick },
    busy: { url: receiver.url('busy'), ...quick },
    lies: { url: receiver.url('lies'), ...byBody, ...quick },
    elsewhere: { url: receiver.url('elsewhere'), ...quick },
    resets: { url: receiver.url('resets'), ...quick },
    hangs: { url: receiver.url('hangs'), timeout: 'PT0.3S', ...quick },
    'resets-accept': { url: receiver.url('resets/accept'), onUnknown: 'accept', ...quick },
    'resets-release': { url: receiver.url('resets/release'), onUnknown: 'release', ...quick },
    nobody: { url: 'http://127.0.0.1:9/none', ...quick },
    private: { url: 'http://10.1.2.3/' },
    'lost-then-no': { url: receiver.on('lost-then-no', (response, _, nth) => (nth === 1 ? response.socket!.resetAndDestroy() : response.writeHead(409).end())), ...quick },
    'lost-then-final-no': {
      url: receiver.on('lost-then-final-no', (response, _, nth) => (nth === 1 ? response.socket!.resetAndDestroy() : response.writeHead(422).end('{"code":"blocked"}'))),
      reject: { status: 422, final: true, reason: '$.code' }, ...quick,
    },
    'fails-then-no': { url: receiver.on('fails-then-no', (response, _, nth) => response.writeHead(nth === 1 ? 500 : 422).end()), ...quick },
    'fails-then-yes': { url: receiver.on('fails-then-yes', (response, _, nth) => response.writeHead(nth === 1 ? 500 : 200).end('{}')), ...quick },
    lost: { url: receiver.url('resets/erasure'), retry: { delays: ['PT1S'], jitter: 0 } },
    echoes: { url: receiver.on('echoes', (response, got) => response.writeHead(422).end(`we know ${got.body}`)) },
    off: { url: receiver.url('accepts/off'), enabled: false },
    broken: { url: 'not a url at all', retry: 17 },
    template: { url: receiver.url('accepts/template'), body: '{"who": {{ fields.email | json }}, "cents": "{{ price }}"}' },
    'bad-template': { url: receiver.url('accepts/bad-template'), body: '{{ fields.email | nonsense }}' },
    form: { url: receiver.url('accepts/form'), format: 'form', fields: { mail: '$.email', region: '$.zip.state', kind: 'solar', amount: '$.price' } },
    headers: { url: receiver.url('accepts/headers'), headers: { 'x-campaign': 'spring' } },
    stealing: { url: receiver.url('accepts/stealing'), headers: { 'Webhook-Signature': 'v1,mine' } },
  });

  beforeAll(async () => {
    receiver = await Receiver.start();
    delivery = await Booted.start();
    for (const tenant of ['t1', 't2']) await delivery.configure(tenant, 1, methods(tenant));
    for (const tenant of ['t1', 't2']) secrets[tenant] = (await delivery.post(tenant, '/v1/delivery-methods/accepts/secret')).body['secret'] as string;
  });

  afterAll(async () => {
    await delivery.stop();
    await receiver.stop();
  });

  /** Reserves one lead and answers how its delivery ended. */
  const endOf = async (method: string, options: { tenant?: string; fields?: Record<string, unknown>; count?: number } = {}) => {
    const tenant = options.tenant ?? 't1';
    const lead = reserved(tenant, method);
    if (options.fields) delivery.vault!.leads.set(lead.leadId, options.fields);
    await delivery.say(tenant, [lead]);
    const said = await delivery.outcomes(lead.outboundLeadId, options.count ?? 1);
    return { lead, said: said.map(([name]) => name), reason: said[0]?.[1]['reason'], data: said[0]![1] };
  };

  it('is one signed request with all fields, and the client\'s yes ends it', async () => {
    for (const tenant of ['t1', 't2']) {
      const { lead, said, data } = await endOf('accepts', { tenant, fields: { email: 'ann@example.com' } });
      expect(said).toEqual(['OutboundLeadAccepted']);
      expect(data).toMatchObject({ tenantId: tenant, clientReference: 'ref-1', attempts: 1, contractId: 'c1', clientId: 'acme' });
      const got = receiver.at(`accepts/${tenant}`);
      expect(got).toHaveLength(1);
      receiver.verify(got[0]!, secrets[tenant]!);
      expect(() => receiver.verify(got[0]!, secrets[tenant === 't1' ? 't2' : 't1']!)).toThrow();
      expect(got[0]!.webhookId).toBe(`msg_${lead.outboundLeadId}`);
      expect(JSON.parse(got[0]!.body).data).toMatchObject({ leadId: lead.leadId, price: '25.00', fields: { state: 'NY', 'zip.state': 'NY', email: 'ann@example.com' } });
    }
  });

  it('without a method is accepted in the transaction that takes the reservation', async () => {
    const { said, data, lead } = await endOf('');
    expect([said, data['attempts']]).toEqual([['OutboundLeadAccepted'], 0]);
    expect((await delivery.get('t1', `/v1/deliveries/${lead.outboundLeadId}`)).body).toMatchObject({ state: 'accepted', attemptList: [] });
  });

  it.each([
    ['rejects', 'OutboundLeadRejected', 'out_of_area', 1], ['refuses', 'OutboundLeadRejected', 'http_422', 1],
    ['fails', 'OutboundLeadUnresolved', 'http_500', 3], ['busy', 'OutboundLeadRejected', 'http_503', 3],
    ['lies', 'OutboundLeadUnresolved', 'answer_not_understood', 3], ['elsewhere', 'OutboundLeadUnresolved', 'http_302', 3],
    ['resets', 'OutboundLeadUnresolved', 'connection_reset', 3], ['hangs', 'OutboundLeadUnresolved', 'timed_out', 3],
    ['nobody', 'OutboundLeadFailed', 'connection_refused', 3], ['private', 'OutboundLeadFailed', 'address_private', 1],
    ['lost-then-no', 'OutboundLeadUnresolved', 'after_no_answer:http_409', 2], ['lost-then-final-no', 'OutboundLeadRejected', 'blocked', 2],
    ['fails-then-no', 'OutboundLeadRejected', 'http_422', 2], ['off', 'OutboundLeadFailed', 'delivery_method_disabled', 0],
    ['broken', 'OutboundLeadFailed', 'delivery_method_invalid', 0], ['stealing', 'OutboundLeadFailed', 'delivery_method_invalid', 0],
    ['bad-template', 'OutboundLeadFailed', 'template_failed', 0], ['unheard-of', 'OutboundLeadFailed', 'delivery_method_missing', 0],
  ])('to a client that %s ends as %s: %s, after %i attempts', async (method, event, reason, attempts) => {
    const { said, data } = await endOf(method);
    expect([said, data['reason'], data['attempts']]).toEqual([[event], reason, attempts]);
  });

  it('carries one webhook id and the same bytes at every attempt, each signed anew', async () => {
    const { lead } = await endOf('fails-then-yes');
    const got = receiver.at('fails-then-yes');
    const secret = (await delivery.post('t1', '/v1/delivery-methods/fails-then-yes/secret')).body['secret'] as string;
    for (const one of got) receiver.verify(one, secret);
    // Never early: the step is a tenth of a second.
    expect(got[1]!.at - got[0]!.at).toBeGreaterThanOrEqual(99);
    expect(new Set(got.map((one) => one.webhookId))).toEqual(new Set([`msg_${lead.outboundLeadId}`]));
    expect(new Set(got.map((one) => one.body)).size).toBe(1);
    expect(got).toHaveLength(2);
  });

  it('that cannot be written down ends there, and the next one goes out', async () => {
    const odd = reserved('t1', 'accepts', { currency: 'dollars' });
    await delivery.say('t1', [odd]);
    expect((await delivery.outcomes(odd.outboundLeadId))[0]).toMatchObject(['OutboundLeadFailed', { reason: 'template_failed' }]);
    expect((await endOf('accepts')).said).toEqual(['OutboundLeadAccepted']);
  });

  it('that nobody answered is told as that, and then settled as the method says', async () => {
    expect((await endOf('resets-accept', { count: 2 })).said).toEqual(['OutboundLeadUnresolved', 'OutboundLeadAccepted']);
    expect((await endOf('resets-release', { count: 2 })).said).toEqual(['OutboundLeadUnresolved', 'OutboundLeadRejected']);
  });

  it('of an erased lead fails where no byte had left, and is unresolved where one may have', async () => {
    const early = reserved('t1', 'accepts');
    delivery.vault!.erased.add(early.leadId);
    await delivery.say('t1', [early]);
    expect((await delivery.outcomes(early.outboundLeadId))[0]).toMatchObject(['OutboundLeadFailed', { reason: 'erased' }]);
    const late = reserved('t1', 'lost');
    await delivery.say('t1', [late]);
    await until(async () => receiver.at('resets/erasure').length === 1);
    delivery.vault!.erased.add(late.leadId);
    expect((await delivery.outcomes(late.outboundLeadId))[0]).toMatchObject(['OutboundLeadUnresolved', { reason: 'erased' }]);
    expect(receiver.at('resets/erasure')).toHaveLength(1);
  });

  it('waits where intake does not open the fields, and that is no attempt', async () => {
    delivery.vault!.down = true;
    const lead = reserved('t1', 'accepts');
    await delivery.say('t1', [lead]);
    await until(async () => (await delivery.rows(`SELECT 1 FROM delivery.attempts WHERE outbound_lead_id = $1 AND outcome = 'postponed'`, [lead.outboundLeadId])).length > 0);
    delivery.vault!.down = false;
    await delivery.rows('UPDATE delivery.queue SET due_at = now() WHERE outbound_lead_id = $1', [lead.outboundLeadId]);
    expect((await delivery.outcomes(lead.outboundLeadId))[0]).toMatchObject(['OutboundLeadAccepted', { attempts: 1 }]);
  });

  it('is written the way the method asks: a template, a form, headers of its own', async () => {
    await endOf('template', { fields: { email: 'a"b@example.com' } });
    expect(JSON.parse(receiver.at('accepts/template')[0]!.body)).toEqual({ who: 'a"b@example.com', cents: '25.00' });
    await endOf('form', { fields: { email: 'a&b@example.com' } });
    const form = receiver.at('accepts/form')[0]!;
    expect(form.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(form.body))).toEqual({ mail: 'a&b@example.com', region: 'NY', kind: 'solar', amount: '25.00' });
    await endOf('headers');
    expect(receiver.at('accepts/headers')[0]!.headers).toMatchObject({ 'x-campaign': 'spring', 'accept-encoding': 'identity' });
  });

  it('keeps of the answer nothing personal that the client echoes', async () => {
    const { lead } = await endOf('echoes', { fields: { email: 'zz.canary@example.com', phone: '+12025550142' } });
    const { body } = await delivery.get('t1', `/v1/deliveries/${lead.outboundLeadId}`);
    const [attempt] = body['attemptList'] as { excerpt: string; status: number; outcome: string }[];
    expect(attempt).toMatchObject({ status: 422, outcome: 'rejected' });
    expect(attempt!.excerpt).toContain('we know');
    for (const canary of ['zz.canary', '2025550142']) {
      expect(JSON.stringify(body)).not.toContain(canary);
      expect(delivery.lines.text).not.toContain(canary);
    }
    const tables = await delivery.rows<{ dump: string }>('SELECT string_agg(d::text, E\'\\n\') AS dump FROM delivery.deliveries d');
    expect(tables[0]!.dump).not.toContain('canary');
    const [row] = await delivery.rows<{ excerpt: Buffer }>('SELECT excerpt FROM delivery.attempts WHERE outbound_lead_id = $1', [lead.outboundLeadId]);
    expect(row!.excerpt.toString('latin1')).not.toContain('we know');
  });

  it('belongs to the trace of its lead: the client and the outcome get the traceparent', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const lead = reserved('t1', 'accepts', {}, traceparent);
    await delivery.say('t1', [lead]);
    await delivery.outcomes(lead.outboundLeadId);
    const got = receiver.got.find((one) => one.webhookId === `msg_${lead.outboundLeadId}`)!;
    expect(got.headers['traceparent']).toBe(traceparent);
  });

  it('happens once, though its reservation is said twice', async () => {
    const lead = reserved('t2', 'accepts');
    await delivery.say('t2', [lead]);
    await delivery.say('t2', [lead]);
    await delivery.outcomes(lead.outboundLeadId);
    await pause(200);
    expect(receiver.got.filter((one) => one.webhookId === `msg_${lead.outboundLeadId}`)).toHaveLength(1);
    expect(await delivery.outcomes(lead.outboundLeadId)).toHaveLength(1);
  });

  it('begins only with the configuration version that its lead was decided on, which is taken whole or not at all', async () => {
    const lead = reserved('t2', 'later', { configurationVersion: 2 });
    await delivery.say('t2', [lead]);
    await delivery.say('t2', [configurationPart('t2', 2, 1, 2, { later: { url: receiver.url('accepts/later') } })]);
    await pause(200);
    expect(receiver.at('accepts/later')).toEqual([]);
    await delivery.say('t2', [configurationPart('t2', 2, 2, 2, {})]);
    await delivery.outcomes(lead.outboundLeadId);
    expect(receiver.at('accepts/later')).toHaveLength(1);
    expect((await delivery.heard({ type: 'sluice.delivery.v1.DeliveryConfigured' }, 3)).map(({ data }) => [data['tenantId'], data['version']]))
      .toEqual([['t1', 1], ['t2', 1], ['t2', 2]]);
  });

  it('keeps the template it was reserved under, and goes where the method points now', async () => {
    const url = receiver.on('moving/old', (response) => response.writeHead(503).end());
    await delivery.configure('t1', 2, { moving: { url, fields: { v: 'old' }, retry: { delays: ['PT1S'], jitter: 0 } } });
    const lead = reserved('t1', 'moving', { configurationVersion: 2 });
    await delivery.say('t1', [lead]);
    await until(async () => receiver.at('moving/old').length === 1);
    await delivery.configure('t1', 3, { moving: { url: receiver.url('accepts/new'), fields: { v: 'new' } } });
    await delivery.outcomes(lead.outboundLeadId);
    expect(receiver.at('accepts/new').map((one) => one.body)).toEqual(['{"v":"old"}']);
  });

  it('whose reservation is withdrawn before it was sent is over, and nothing is sent', async () => {
    const lead = reserved('t1', 'nobody', { configurationVersion: 9 });
    await delivery.say('t1', [lead]);
    await until(async () => (await delivery.rows('SELECT 1 FROM delivery.waiting WHERE outbound_lead_id = $1', [lead.outboundLeadId])).length > 0);
    await delivery.say('t1', [released('t1', lead, 'withdrawn')]);
    await until(async () => (await delivery.rows('SELECT 1 FROM delivery.waiting WHERE outbound_lead_id = $1', [lead.outboundLeadId])).length === 0);
  });

  it('leaves nothing in the queue, and no attempt without an end', async () => {
    await until(async () => (await delivery.rows('SELECT 1 FROM delivery.queue')).length === 0);
    expect(await delivery.rows(`SELECT 1 FROM delivery.attempts WHERE outcome = 'started'`)).toEqual([]);
  });
});
