import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EndpointResumed, EndpointSuspended } from '@sluice/events';
import { Booted, pause, reserved, until } from './booted.suite.js';
import { Receiver } from './receiver.suite.js';

describe('endpoints that do badly', () => {
  let delivery: Booted;
  let receiver: Receiver;
  let well = false;

  const methods = () => ({
    moody: { url: receiver.on('moody', (response) => response.writeHead(well ? 200 : 500).end()), retry: { delays: ['PT0.2S', 'PT0.2S', 'PT0.2S', 'PT0.2S'], jitter: 0 } },
    brief: { url: receiver.on('brief', (response) => response.writeHead(well ? 200 : 500).end()), retry: { attempts: 1 } },
    hangs: { url: receiver.url('hangs'), timeout: 'PT5S', retry: { attempts: 1 } },
    fine: { url: receiver.url('accepts/fine') },
    nul: { url: receiver.on('nul', (response) => response.writeHead(422).end('{"why":"no\\u0000way"}')), reject: { status: 422, reason: '$.why' } },
    late: { url: receiver.on('late', (response, _, nth) => (nth === 1 ? setTimeout(() => response.writeHead(422).end(), 1_000) : response.writeHead(200).end())) },
    tardy: { url: receiver.on('tardy', (response, _, nth) => (nth === 1 ? setTimeout(() => response.writeHead(422).end(), 1_000) : response.writeHead(200).end())) },
    slow: { url: receiver.on('slow', (response) => setTimeout(() => response.writeHead(200).end(), 500)) },
    unhurried: { url: receiver.on('unhurried', (response) => setTimeout(() => response.writeHead(200).end(), 150)) },
  });

  beforeAll(async () => {
    receiver = await Receiver.start();
    delivery = await Booted.start({ config: { DELIVERY_SUSPEND_MS: '1500', DELIVERY_CONCURRENCY: '32' } });
    for (const tenant of ['t1', 't2']) await delivery.configure(tenant, 1, methods());
    await delivery.listen();
  });

  afterAll(async () => {
    await delivery.stop();
    await receiver.stop();
  });

  const many = async (tenant: string, method: string, count: number) => {
    const leads = Array.from({ length: count }, () => reserved(tenant, method));
    await delivery.say(tenant, leads);
    return leads;
  };

  it('are suspended, keep what waits for them, are tried by one request and then get it all', async () => {
    well = false;
    const leads = await many('t1', 'moody', 12);
    const [suspended] = await delivery.heard(EndpointSuspended);
    expect(suspended).toMatchObject({ tenantId: 't1', data: { deliveryMethodId: 'moody', until: expect.any(String) } });
    await pause(300);
    const before = receiver.at('moody').length;
    await pause(700);
    // Left alone, though repeats have been due since.
    expect(receiver.at('moody').length).toBe(before);
    expect((await delivery.get('t1', '/v1/delivery-methods/moody/health')).body).toMatchObject({ state: 'suspended', waiting: 12 });
    expect((await delivery.get('t2', '/v1/delivery-methods/moody/health')).body).toMatchObject({ state: 'healthy', waiting: 0 });
    well = true;
    expect((await delivery.heard(EndpointResumed))[0]).toMatchObject({ tenantId: 't1', data: { deliveryMethodId: 'moody' } });
    const probe = receiver.at('moody')[before]!;
    expect(probe.at).toBeGreaterThanOrEqual(Date.parse(String(suspended!.data['until'])) - 50);
    for (const lead of leads) expect((await delivery.outcomes(lead.outboundLeadId))[0]![0]).toBe('OutboundLeadAccepted');
    expect((await delivery.get('t1', '/v1/delivery-methods/moody/health')).body).toMatchObject({ state: 'healthy' });
  });

  it('resume by themselves where nothing waits that could try them, and the next lead decides', async () => {
    well = false;
    await many('t2', 'brief', 12);
    const mine = async (type: { type: string }, count: number) => {
      await until(async () => (await delivery.heard(type, 0)).filter(({ data }) => data['deliveryMethodId'] === 'brief').length >= count);
    };
    await mine(EndpointSuspended, 1);
    await mine(EndpointResumed, 1);
    expect((await delivery.get('t2', '/v1/delivery-methods/brief/health')).body).toMatchObject({ state: 'onTrial' });
    await many('t2', 'brief', 1);
    await mine(EndpointSuspended, 2);
    await mine(EndpointResumed, 2);
    well = true;
    await many('t2', 'brief', 1);
    await until(async () => (await delivery.get('t2', '/v1/delivery-methods/brief/health')).body['state'] === 'healthy');
    expect((await delivery.heard(EndpointResumed, 0)).filter(({ data }) => data['deliveryMethodId'] === 'brief')).toHaveLength(2);
  });

  it('that hang with more than the whole process may hold do not keep another client waiting', async () => {
    const hanging = await many('t1', 'hangs', 200);
    await until(async () => receiver.at('hangs').length >= 8);
    const start = Date.now();
    const leads = await many('t2', 'fine', 40);
    for (const lead of leads) await delivery.outcomes(lead.outboundLeadId);
    expect(Date.now() - start).toBeLessThan(3_000);
    // A newcomer's width and no more was given to who does not answer.
    expect(receiver.at('hangs').length).toBeLessThanOrEqual(8);
    expect(hanging).toHaveLength(200);
    await delivery.configure('t1', 2, { hangs: null });
  });

  it('that answer with what no table takes do not keep the others\' results', async () => {
    const leads = [...await many('t1', 'nul', 3), ...await many('t2', 'fine', 3)];
    const ends = await Promise.all(leads.map(async (lead) => (await delivery.outcomes(lead.outboundLeadId))[0]!));
    expect(ends.map(([name]) => name)).toEqual([...Array<string>(3).fill('OutboundLeadRejected'), ...Array<string>(3).fill('OutboundLeadAccepted')]);
    expect(ends[0]![1]['reason']).toBe('noway');
  });

  it('that answer late, after their delivery went to another claim, change nothing any more', async () => {
    const [lead] = await many('t1', 'late', 1);
    await until(async () => receiver.at('late').length === 1);
    // The claim is the attempt, before its row is written.
    const shown = async () => (await delivery.get('t1', `/v1/deliveries/${lead!.outboundLeadId}`)).body;
    expect(await shown()).toMatchObject({ state: 'leased', attemptList: [{ n: 1, outcome: 'started' }] });
    // As if the lease had ended: to the database the process that waits for the answer is gone.
    await delivery.rows('UPDATE delivery.queue SET due_at = now() WHERE outbound_lead_id = $1', [lead!.outboundLeadId]);
    await until(async () => receiver.at('late').length === 2);
    await pause(1_200);
    expect((await delivery.outcomes(lead!.outboundLeadId)).map(([name]) => name)).toEqual(['OutboundLeadAccepted']);
    expect(new Set(receiver.at('late').map((one) => one.webhookId)).size).toBe(1);
    // What was answered late is written on its attempt, and nothing follows from it.
    expect(await shown()).toMatchObject({ state: 'accepted', attempts: 2, attemptList: [{ n: 1, outcome: 'rejected', status: 422 }, { n: 2, outcome: 'accepted' }] });
  });

  it('that answer late say nothing either where their result is written together with that of the claim after it', async () => {
    const [first] = await many('t1', 'slow', 1);
    await until(async () => receiver.at('slow').length === 1);
    // Its result cannot be written for as long as its row is locked; those that come meanwhile are written together.
    const lead = await delivery.inDatabase('t1', async (tx) => {
      await tx.query('SELECT FROM delivery.deliveries WHERE outbound_lead_id = $1 FOR UPDATE', [first!.outboundLeadId]);
      await until(async () => (await delivery.rows(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%SET state = m.state%'`)).length > 0);
      const [one] = await many('t1', 'tardy', 1);
      await until(async () => receiver.at('tardy').length === 1);
      await delivery.rows('UPDATE delivery.queue SET due_at = now() WHERE outbound_lead_id = $1', [one!.outboundLeadId]);
      await until(async () => receiver.at('tardy').length === 2);
      await pause(1_200);
      return one!;
    });
    await delivery.outcomes(lead.outboundLeadId);
    await pause(200);
    expect((await delivery.outcomes(lead.outboundLeadId)).map(([name]) => name)).toEqual(['OutboundLeadAccepted']);
    expect((await delivery.get('t1', `/v1/deliveries/${lead.outboundLeadId}`)).body).toMatchObject(
      { state: 'accepted', attempts: 2, attemptList: [{ n: 1, outcome: 'rejected', status: 422 }, { n: 2, outcome: 'accepted' }] });
  });

  it('are told nothing twice while connections to the database are cut', async () => {
    const leads = await many('t1', 'unhurried', 40);
    for (let n = 0; n < 6; n++) {
      await pause(120);
      await delivery.rows('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()').catch(() => undefined);
    }
    for (const lead of leads) expect((await delivery.outcomes(lead.outboundLeadId, 1, 40_000)).map(([name]) => name)).toEqual(['OutboundLeadAccepted']);
    expect(receiver.at('unhurried').length).toBe(40);
  });

  it('are given up after days, and what waits for them goes to others', async () => {
    well = false;
    const leads = await many('t2', 'moody', 12);
    await until(async () => (await delivery.heard(EndpointSuspended, 0)).some(({ tenantId, data }) => tenantId === 't2' && data['deliveryMethodId'] === 'moody'));
    await delivery.rows(`UPDATE delivery.breakers SET since = now() - interval '6 days', until = now() + interval '1 hour' WHERE tenant_id = 't2' AND method_id = 'moody'`);
    await until(async () => (await delivery.get('t2', '/v1/delivery-methods/moody/health')).body['state'] === 'disabled');
    const ends = await Promise.all(leads.map(async (lead) => (await delivery.outcomes(lead.outboundLeadId))[0]!));
    // Who answered with a failure may have the lead; of who was not asked before the suspension it is known.
    for (const [name, data] of ends) {
      expect([name, data['reason']]).toEqual([data['attempts'] === 0 ? 'OutboundLeadFailed' : 'OutboundLeadUnresolved', 'endpoint_disabled']);
    }
    expect(ends.filter(([name]) => name === 'OutboundLeadUnresolved').length).toBeGreaterThanOrEqual(8);
    const [late] = await many('t2', 'moody', 1);
    expect((await delivery.outcomes(late!.outboundLeadId))[0]).toMatchObject(['OutboundLeadFailed', { reason: 'endpoint_disabled' }]);
  });
});
