import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithKafka } from '@sluice/testing';
import { Story, until, type Tenant } from './story.suite.js';

const person = { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@mail.example', phone: '(212) 555-0142' };

/** Two clients: the dear one rejects what its story says, the cheap one takes all. */
function setUp(clients: string, prefix: string) {
  const hook = (id: string) => ({
    id: `${id}-hook`, type: 'webhook', url: `${clients}/${prefix}-${id}`, accept: { status: [200], body: { path: '$.result', equals: 'accepted' } },
    reject: { status: [409], body: { path: '$.result', equals: 'rejected' }, reason: '$.reason' }, retry: { delays: ['PT1S', 'PT1S', 'PT1S'], jitter: 0 },
  });
  const personal = { required: true, personal: true };
  return {
    apiVersion: 'v1', timezone: 'UTC',
    clients: [{ id: 'dear' }, { id: 'cheap' }],
    contracts: [
      { id: 'dear-c', client: 'dear', price: '30.00', maxShareCount: 1, caps: { day: 2 }, criteria: { field: 'zip.state', op: 'equals', value: 'NY' }, deliveryMethod: 'dear-hook' },
      { id: 'cheap-c', client: 'cheap', price: '10.00', maxShareCount: 1, deliveryMethod: 'cheap-hook' },
    ],
    deliveryMethods: [hook('dear'), hook('cheap')],
    campaigns: [{
      id: 'solar', workflow: 'w', geo: 'zip', deadline: 'P1D', duplicates: { then: 'accept' },
      fields: {
        firstName: { type: 'string', ...personal }, lastName: { type: 'string', ...personal }, email: { type: 'email', ...personal },
        phone: { type: 'phone', ...personal }, zip: { type: 'postalCode', required: true },
      },
    }],
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] }],
  };
}

interface Posted { leadId: string; status: string; decision?: { contracts: number } }
interface Timeline { timeline: { type: string }[]; status: string }
interface AttemptList { data: { attemptId: string; trigger: string }[] }
interface Receipt { verdicts: { contractId: string; code: string }[] }

function stories(kafka: boolean): void {
  let story: Story;
  let one: Tenant;
  let two: Tenant;
  beforeAll(async () => {
    story = await Story.start({ kafka });
    one = await story.tenant('one', setUp(story.clients, 'one'));
    two = await story.tenant('two', setUp(story.clients, 'two'));
  }, 120_000);
  afterAll(() => story?.close(), 60_000);

  const post = async (tenant: Tenant, zip: string, headers: Record<string, string> = {}): Promise<Posted> => {
    const source = await tenant.source('solar');
    return source.call<Posted>('POST', '/v1/leads', { body: { campaign: 'solar', fields: { ...person, zip } }, headers });
  };

  it('takes a lead, decides it once, delivers it signed and with its personal fields, and says so in order', async () => {
    const { leadId } = await post(one, '10001');
    const events = await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect([...events].sort()).toEqual(['LeadDistributed', 'LeadReceived', 'OutboundLeadAccepted', 'OutboundLeadReserved']);
    const [sent] = story.received.filter((request) => request.client === 'one-dear');
    expect(JSON.parse(sent!.body)).toMatchObject({ data: { fields: { firstName: 'Ada', email: 'ada@mail.example', phone: '+12125550142', zip: '10001' } } });
    expect(sent!.headers['webhook-signature']).toMatch(/^v1,/);
  }, 60_000);

  it('answers whoever waits with the decision', async () => {
    const posted = await post(two, '94103', { prefer: 'wait=15' });
    expect(posted).toMatchObject({ status: 'distributed', decision: { contracts: 1 } });
  }, 60_000);

  it('gives a rejected lead to the next, and the reasons stand in the receipts of every contract', async () => {
    story.answers = (request) => (request.client === 'two-dear' ? { status: 409, body: { result: 'rejected', reason: 'duplicate' } } : { status: 200, body: { result: 'accepted' } });
    const { leadId } = await post(two, '10001');
    const events = await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect(events.filter((name) => name === 'LeadDistributed')).toHaveLength(2);
    expect(events).toContain('OutboundLeadRejected');
    await until(async () => (await two.admin.call<Timeline>('GET', `/v1/leads/${leadId}`)).timeline.some((entry) => /accepted/i.test(entry.type)), 15_000, () => 'accepted in the timeline');
    const { data } = await two.admin.call<AttemptList>('GET', `/v1/leads/${leadId}/attempts`);
    expect(data.map((attempt) => attempt.trigger)).toEqual(['arrival', 'fallback']);
    const receipt = await two.admin.call<Receipt>('GET', `/v1/attempts/${data[1]!.attemptId}`);
    expect(Object.fromEntries(receipt.verdicts.map((verdict) => [verdict.contractId, verdict.code]))).toEqual({ 'dear-c': 'rejected_before', 'cheap-c': 'picked' });
  }, 60_000);

  it('says of a contract that could not match which condition failed', async () => {
    const { leadId } = await post(two, '94103');
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
    const { data } = await two.admin.call<AttemptList>('GET', `/v1/leads/${leadId}/attempts`);
    const receipt = await two.admin.call<Receipt>('GET', `/v1/attempts/${data[0]!.attemptId}`);
    expect(receipt.verdicts.find((verdict) => verdict.contractId === 'dear-c')).toMatchObject({ code: 'criteria' });
    expect(JSON.stringify(receipt)).toContain('zip.state');
  }, 60_000);

  it('keeps a daily cap to the unit and lets the next client in', async () => {
    story.answers = () => ({ status: 200, body: { result: 'accepted' } });
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push((await post(one, '10001')).leadId);
    for (const id of ids) await story.eventsOf(id, 'OutboundLeadAccepted');
    const sold = story.heard.filter((event) => event.type.endsWith('.OutboundLeadAccepted') && event.tenantId === one.tenantId && (event.data as { contractId: string }).contractId === 'dear-c');
    expect(sold).toHaveLength(2);
  }, 60_000);

  it('shows one tenant nothing of another', async () => {
    const { leadId } = await post(one, '10001');
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
    await expect(two.admin.call('GET', `/v1/leads/${leadId}`)).rejects.toMatchObject({ status: 404 });
    await expect(two.admin.call('GET', `/v1/leads/${leadId}/attempts`)).rejects.toMatchObject({ status: 404 });
    const mine = await two.admin.call<{ data: { leadId: string }[] }>('GET', '/v1/leads');
    expect(mine.data.map((lead) => lead.leadId)).not.toContain(leadId);
  }, 60_000);

  it('sends a lead again under its webhook id when the answer was lost, and sells it once', async () => {
    story.answers = (_, times) => (times === 1 ? undefined : { status: 200, body: { result: 'accepted' } });
    const { leadId } = await post(two, '94103');
    await story.eventsOf(leadId, 'OutboundLeadAccepted', 30_000);
    const ids = story.received.slice(-2).map((request) => request.headers['webhook-id']);
    expect(new Set(ids).size).toBe(1);
  }, 60_000);

  it('puts no personal value into the log, the logs, or any table in the clear', async () => {
    story.answers = () => ({ status: 200, body: { result: 'accepted' } });
    const canary = `zz${Math.trunc(performance.now())}canary`;
    const source = await one.source('solar');
    const { leadId } = await source.call<Posted>('POST', '/v1/leads', {
      body: { campaign: 'solar', fields: { ...person, firstName: canary, email: `${canary}@canary.example`, zip: '94103' } },
    });
    await source.call('POST', '/v1/leads', { body: { campaign: 'solar', fields: { ...person, lastName: canary, zip: `${canary}!`, nonsense: canary } } }).catch(() => undefined);
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
    expect(story.logged.join('')).not.toContain(canary);
    expect(JSON.stringify(story.heard)).not.toContain(canary);
    const { rows } = await story.platform.database.pool.query<{ schema: string; name: string }>(
      `SELECT schemaname AS schema, tablename AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`);
    for (const { schema, name } of rows) {
      const found = await story.platform.database.pool.query<{ n: string }>(`SELECT count(*) AS n FROM "${schema}"."${name}" t WHERE t::text ILIKE $1 OR t::text LIKE $2`,
        [`%${canary}%`, `%${Buffer.from(canary).toString('hex')}%`]);
      expect({ table: `${schema}.${name}`, rows: found.rows[0]!.n }).toEqual({ table: `${schema}.${name}`, rows: '0' });
    }
  }, 60_000);
}

describe('a lead on the log in Postgres', () => stories(false));
describeWithKafka('a lead on Apache Kafka', () => stories(true));
