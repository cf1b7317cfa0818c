import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aLead, Booted, pause, solar } from './booted.suite.js';

describe('who waits for the decision', () => {
  let intake: Booted;
  let key: string;

  beforeAll(async () => {
    intake = await Booted.start();
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
    key = await intake.source('t1');
  });

  afterAll(() => intake.stop());

  const newest = async () => {
    for (let turn = 0; turn < 200; turn++) {
      const [row] = await intake.rows<{ lead_id: string }>('SELECT lead_id FROM intake.outcomes WHERE outcome IS NULL ORDER BY lead_id DESC LIMIT 1');
      if (row) return row.lead_id;
      await pause(10);
    }
    throw new Error('nobody waits');
  };

  it('is told of contracts that took the lead, once', async () => {
    const answer = intake.post(key, aLead(), { prefer: 'respond-async, wait=20' });
    const leadId = await newest();
    await intake.say('t1', [intake.distributed('t1', leadId)]);
    await intake.say('t1', [intake.distributed('t1', leadId, 'cap_day')]);
    const { status, headers, body } = await answer;
    expect([status, headers.get('preference-applied')]).toEqual([200, 'wait=20']);
    expect(body).toMatchObject({ leadId, status: 'distributed', decision: { contracts: 1, attemptId: expect.any(String) } });
    expect(JSON.stringify(body)).not.toContain('"A"');
  });

  it('is told the reason where nobody took it', async () => {
    const answer = intake.post(key, aLead(), { prefer: 'wait=20' });
    await intake.say('t1', [intake.distributed('t1', await newest(), 'cap_day')]);
    expect((await answer).body).toMatchObject({ status: 'notDistributed', decision: { contracts: 0, reason: 'cap_day' } });
  });

  it('is told beside whoever sent the same again and waits too', async () => {
    const lead = aLead();
    const headers = { prefer: 'wait=10', 'idempotency-key': 'asked-twice' };
    const first = intake.post(key, lead, headers);
    const leadId = await newest();
    const again = intake.post(key, lead, headers);
    await pause(200);
    await intake.say('t1', [intake.distributed('t1', leadId)]);
    expect((await first).body).toMatchObject({ leadId, status: 'distributed' });
    expect((await again).body).toMatchObject({ leadId });
  });

  it('gets the id alone when his time is up', async () => {
    const { status, body } = await intake.post(key, aLead(), { prefer: 'wait=1' });
    expect([status, body['status'], body['decision']]).toEqual([202, 'received', undefined]);
    await intake.rows('DELETE FROM intake.outcomes');
  });

  it('costs nothing of those who do not wait', async () => {
    const { body } = await intake.post(key, aLead());
    await intake.say('t1', [intake.distributed('t1', body.leadId!)]);
    await pause(200);
    expect(await intake.rows('SELECT 1 FROM intake.outcomes')).toEqual([]);
  });
});

describe('overload', () => {
  let intake: Booted;
  let key: string;

  beforeAll(async () => {
    intake = await Booted.start({ config: { SLUICE_INTAKE_LAG_MAX_S: '0.5' } });
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
    key = await intake.source('t1');
    await intake.bus.register('engine', ['sluice.intake']);
  });

  afterAll(() => intake.stop());

  const leads = async () => (await intake.rows('SELECT 1 FROM intake.leads')).length;

  it('refuses a lead before anything of it is stored, and a stream that has begun waits', async () => {
    expect((await intake.post(key, aLead())).status).toBe(202);
    // Nobody decides: the lead ages in the log.
    let refused = await intake.post(key, aLead());
    for (let turn = 0; turn < 100 && refused.status !== 429; turn++) {
      await pause(50);
      refused = await intake.post(key, aLead());
    }
    expect([refused.status, refused.body.code]).toEqual([429, 'overloaded']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const before = await leads();
    expect((await intake.post(key, aLead())).status).toBe(429);
    expect((await intake.post(key, JSON.stringify(aLead()), { 'content-type': 'application/x-ndjson' }, '/v1/leads:batch')).status).toBe(429);
    expect(await leads()).toBe(before);
  });

  it('pauses a stream that has begun, and goes on when there is room', async () => {
    const engine = await intake.bus.subscribe({ group: 'engine', service: 'intake', topics: ['sluice.intake'], types: ['sluice.intake.v1.LeadReceived'], handle: async () => undefined });
    await welcome();
    let send: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => { send = controller; } });
    const line = () => send?.enqueue(Buffer.from(`${JSON.stringify(aLead())}\n`));
    const answer = fetch(`${intake.url}/v1/leads:batch`, { method: 'POST', body, duplex: 'half', headers: {
      authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' } } as RequestInit & { duplex: 'half' });
    const before = await leads();
    line();
    while ((await leads()) === before) await pause(20);
    await engine.close();
    const begun = await leads();
    for (let turn = 0; turn < 400 && (await intake.post(key, aLead())).status !== 429; turn++) await pause(50);
    const singles = await leads();
    expect(singles).toBeGreaterThan(begun);
    line();
    send?.close();
    await pause(500);
    expect(await leads()).toBe(singles);
    const again = await intake.bus.subscribe({ group: 'engine', service: 'intake', topics: ['sluice.intake'], types: ['sluice.intake.v1.LeadReceived'], handle: async () => undefined });
    const text = await (await answer).text();
    expect(text.split('\n').filter(Boolean).map((result) => (JSON.parse(result) as { status: string }).status)).toEqual(['accepted', 'accepted']);
    await again.close();
  });

  async function welcome(): Promise<void> {
    for (let turn = 0; turn < 200; turn++) {
      if ((await intake.post(key, aLead())).status === 202) return;
      await pause(50);
    }
    throw new Error('the overload did not end');
  }
});

describe('more requests than may be in flight', () => {
  it('are refused before they are stored: what was accepted is what is there', async () => {
    const intake = await Booted.start({ config: { SLUICE_INTAKE_IN_FLIGHT_MAX: '5' } });
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
    const keys = [await intake.source('t1'), await intake.source('t2')];
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => intake.post(keys[n % 2]!, aLead())));
    const accepted = answers.filter(({ status }) => status === 202);
    const refused = answers.filter(({ status, headers }) => status === 429 && headers.get('retry-after') === '1');
    expect([accepted.length > 0, refused.length > 0, accepted.length + refused.length]).toEqual([true, true, 200]);
    expect(await intake.rows('SELECT 1 FROM intake.leads')).toHaveLength(accepted.length);
    await intake.stop();
  });
});
