import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { busMigrations } from '@sluice/bus';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { bootWorkflow, type Booted } from './booted.suite.js';
import { EngineStandIn } from './engine-stand-in.suite.js';
import { workflowService } from './workflow.module.js';

let server: TestDatabase;
let booted: Booted;
/** A second replica on the same database: it hears nothing of the first's. */
let other: Booted;
const engine = new EngineStandIn();
let engineUrl: string;

beforeAll(async () => {
  server = await testDatabase({ migrations: [...busMigrations, ...workflowService.migrations] });
  engineUrl = await engine.listen();
  booted = await bootWorkflow(server.url, engineUrl);
  other = await bootWorkflow(server.url, engineUrl);
  await engine.hear(booted.bus);
  for (const tenant of ['a', 'b']) {
    const contracts = (tenant === 'a' ? ['A', 'B', 'C'] : ['Z']).map((id) => ({ id, client: 'acme', price: '25.00' }));
    await call(tenant, 'PUT', '/v1/configuration', {
      apiVersion: 'v1', clients: [{ id: 'acme' }], contracts, workflows: [{ id: 'w', mode: 'off', rules: [{ method: 'price' }] }],
    }, { prefer: 'wait=0' });
  }
  for (const lead of ['L1', 'L2', 'L3']) engine.leads.add(`a ${lead}`);
  engine.leads.add('b LB');
});

afterAll(async () => {
  await other?.stop();
  await booted?.stop();
  await engine.close();
  await server?.drop();
});

type Json = ReturnType<typeof JSON.parse>;

async function call(tenant: string, method: 'GET' | 'POST' | 'PUT', url: string, body?: unknown, headers: Record<string, string> = {}, at = booted) {
  const answer = await at.app.inject({
    method, url, headers: { authorization: `Bearer admin-${tenant}`, ...headers }, ...(body === undefined ? {} : { payload: body as object }),
  });
  return { status: answer.statusCode, headers: answer.headers, json: JSON.parse(answer.body || 'null') as Json };
}

const ask = (tenant: string, lead: string, body: unknown, headers?: Record<string, string>, at?: Booted) =>
  call(tenant, 'POST', `/v1/leads/${lead}/distributions`, body, headers, at);
const saidOf = (requestId: string) => engine.requests.filter((event) => event.requestId === requestId);

async function heard(requestId: string): Promise<Json> {
  for (let tries = 0; tries < 400; tries++) {
    if (saidOf(requestId).length > 0) return saidOf(requestId)[0];
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the engine never heard of ${requestId}`);
}

describe('a distribution by hand', () => {
  it('is answered with a link, said to the engine with who, why and which gates, and its outcome is found behind the link', async () => {
    const asked = await ask('a', 'L1', { contracts: ['A', 'B', 'A'], overrides: ['cap_day', 'schedule_closed'], reason: 'promised by phone', by: 'ann' });
    expect(asked.status).toBe(202);
    expect(asked.json).toMatchObject({
      leadId: 'L1', kind: 'manual', state: 'pending', actor: 'ann', caller: 'key of a', reason: 'promised by phone', contracts: ['A', 'B'],
      overrides: ['cap_day', 'schedule_closed'], outcome: null, link: `/v1/distribution-requests/${asked.json.requestId}`,
    });
    expect(asked.headers['location']).toBe(asked.json.link);
    expect(await heard(asked.json.requestId)).toEqual({
      tenantId: 'a', requestId: asked.json.requestId, leadId: 'L1', trigger: 'manual', workflowId: '', contractIds: ['A', 'B'], actor: 'ann',
      reason: 'promised by phone', overrides: ['cap_day', 'schedule_closed'], configurationVersion: 1,
    });
    let found: Json;
    for (let tries = 0; tries < 200 && found?.state !== 'distributed'; tries++) found = (await call('a', 'GET', asked.json.link)).json;
    expect(found.outcome).toMatchObject({
      picks: [{ contractId: 'A', price: '25.00', currency: 'USD', overridden: ['cap_day'] }, { contractId: 'B', overridden: [] }],
      reason: null, full: true, minimumsMet: false,
      refused: [{ contractId: 'B', reason: 'cap_day', gates: ['cap_day', 'schedule_closed'] }],
    });
  });

  it('is decided by the rules of a workflow that it names', async () => {
    const asked = await ask('a', 'L1', { rules: 'w' }, { prefer: 'wait=20' });
    expect([asked.status, asked.json.rules, asked.json.state, asked.json.actor]).toEqual([200, 'w', 'distributed', 'key of a']);
    expect(await heard(asked.json.requestId)).toMatchObject({ workflowId: 'w', contractIds: [], trigger: 'manual' });
  });

  it('waits for its outcome where Prefer says so, whichever replica is asked', async () => {
    engine.closed.add('C');
    const answers = await Promise.all([booted, other, other, booted].map((at) => ask('a', 'L2', { contracts: ['C'] }, { prefer: 'wait=20' }, at)));
    for (const { status, json, headers } of answers) {
      expect([status, json.state, json.outcome.reason, json.outcome.picks, headers['preference-applied']])
        .toEqual([200, 'notDistributed', 'cap_day', [], 'wait=20']);
    }
  });

  it('answers 202 where the time was over first', async () => {
    engine.isSilent = true;
    const asked = await ask('a', 'L2', { contracts: ['A'] }, { prefer: 'wait=1' });
    engine.isSilent = false;
    expect([asked.status, asked.json.state]).toEqual([202, 'pending']);
  });

  it('answers what it has when its process stops, and holds that up no longer', async () => {
    const third = await bootWorkflow(server.url, engineUrl);
    await third.app.listen(0, '127.0.0.1');
    engine.isSilent = true;
    const started = Date.now();
    const answer = fetch(`${await third.app.getUrl()}/v1/leads/L2/distributions`, {
      method: 'POST', headers: { authorization: 'Bearer admin-a', 'content-type': 'application/json', prefer: 'wait=30' }, body: JSON.stringify({ contracts: ['A'] }),
    }).then(async (reply) => ({ status: reply.status, body: (await reply.json()) as Json }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await third.stop();
    engine.isSilent = false;
    expect(await answer).toMatchObject({ status: 202, body: { state: 'pending' } });
    expect(Date.now() - started).toBeLessThan(10_000);
  }, 60_000);

  it.each([
    [{}, '/contracts', 'contradiction'],
    [{ contracts: ['A'], rules: 'w' }, '/rules', 'contradiction'],
    [{ contracts: ['A'], overrides: ['cap_day'] }, '/reason', 'required'],
    [{ contracts: ['A'], overrides: ['share_count'], reason: 'x' }, '/overrides/0', 'M2'],
    [{ contracts: ['A'], overrides: ['cap_day', 'already_received'], reason: 'x' }, '/overrides/1', 'M5'],
    [{ contracts: ['A'], overrides: ['cap_dya'], reason: 'x' }, '/overrides/0', 'did you mean "cap_day"'],
    [{ contracts: ['A', 'Z'] }, '/contracts/1', 'unknown_reference'],
    [{ contracts: ['A', 'A', 'Y'] }, '/contracts/2', 'unknown_reference'],
    [{ rules: 'nothing' }, '/rules', 'unknown_reference'],
  ])('is refused as %j, with the place and the rule', async (body, pointer, words) => {
    const { status, json } = await ask('a', 'L1', body);
    expect(status).toBe(422);
    const fault = json.errors.find((one: Json) => one.pointer === pointer);
    expect(`${fault?.code} ${fault?.message}`).toContain(words);
  });

  it('is refused for a lead that is not there, and by a tenant whose lead it is not', async () => {
    expect((await ask('a', 'nobody', { contracts: ['A'] })).json).toMatchObject({ status: 404, code: 'unknown_lead' });
    expect((await ask('b', 'L1', { contracts: ['Z'] })).json).toMatchObject({ status: 404, code: 'unknown_lead' });
    expect((await ask('b', 'LB', { contracts: ['A'] })).status).toBe(422);
    const { json: { data: [mine] } } = await call('a', 'GET', '/v1/distribution-requests?limit=1');
    expect((await call('b', 'GET', `/v1/distribution-requests/${mine.requestId}`)).status).toBe(404);
    expect((await call('b', 'GET', '/v1/distribution-requests')).json).toEqual({ data: [], nextCursor: null });
  });

  it.each([
    ['L1', { contracts: ['A'], reason: 'a\0b' }], ['L1', { contracts: ['A\0'] }], ['L1', { contracts: ['A'], by: '' }], ['L1', { contracts: [] }],
    ['L1', { contracts: ['A'], why: 'x' }], ['a%00b', { contracts: ['A'] }], ['a%20b', { contracts: ['A'] }],
  ])('is refused for %s as %j without anybody being asked', async (lead, body) => {
    const before = engine.requests.length;
    expect((await ask('a', lead, body)).status).toBe(422);
    expect(engine.requests.length).toBe(before);
  });

  it('says that nothing was done while the engine does not answer', async () => {
    engine.isDown = true;
    const before = engine.requests.length;
    expect((await ask('a', 'L1', { contracts: ['A'] })).json).toMatchObject({ status: 503, code: 'engine_unavailable' });
    engine.isDown = false;
    expect(engine.requests.length).toBe(before);
  });
});

describe('a key of a request', () => {
  const key = { 'idempotency-key': 'order-1' };

  it('makes one request of all that are sent under it, at once and later, to either replica', async () => {
    const sent = await Promise.all([booted, other, booted, other].map((at) => ask('a', 'L3', { contracts: ['A'], by: 'bob' }, key, at)));
    const ids = new Set(sent.map(({ json }) => json.requestId));
    expect(ids.size).toBe(1);
    expect(sent.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(3);
    const again = await ask('a', 'L3', { by: 'bob', contracts: ['A'] }, { ...key, prefer: 'wait=20' });
    expect([again.status, again.json.requestId, again.json.state]).toEqual([200, sent[0]!.json.requestId, 'distributed']);
    expect(saidOf(sent[0]!.json.requestId)).toHaveLength(1);
    // The key is the tenant's own.
    expect((await ask('b', 'LB', { contracts: ['Z'] }, key)).headers['idempotency-replayed']).toBeUndefined();
  });

  it('stands for one request alone: another body, lead or kind under it is a conflict', async () => {
    for (const [lead, path, body] of [
      ['L3', 'distributions', { contracts: ['B'], by: 'bob' }], ['L2', 'distributions', { contracts: ['A'], by: 'bob' }],
      ['L3', 'distributions', { contracts: ['A'], by: 'ann' }], ['L3', 'cherry-picks', { contract: 'A', by: 'bob' }],
    ] as const) {
      const { status, json } = await call('a', 'POST', `/v1/leads/${lead}/${path}`, body, key);
      expect([status, json.code]).toEqual([422, 'idempotency_key_reused']);
    }
    expect((await ask('a', 'L3', { contracts: ['A'] }, { 'idempotency-key': 'no space' })).status).toBe(400);
  });
});

describe('a cherry-pick', () => {
  it('is asked for one contract, without overrides, and waits like any other', async () => {
    const picked = await call('a', 'POST', '/v1/leads/L3/cherry-picks', { contract: 'B', by: 'portal user 7' }, { prefer: 'wait=20' });
    expect([picked.status, picked.json.kind, picked.json.actor, picked.json.outcome.picks.map((pick: Json) => pick.contractId)])
      .toEqual([200, 'cherryPick', 'portal user 7', ['B']]);
    expect(await heard(picked.json.requestId)).toMatchObject({ trigger: 'cherryPick', contractIds: ['B'], overrides: [] });
    expect((await call('a', 'POST', '/v1/leads/L3/cherry-picks', { contract: 'B', overrides: ['consent'] })).status).toBe(422);
    const unknown = await call('a', 'POST', '/v1/leads/L3/cherry-picks', { contract: 'Z' });
    expect([unknown.status, unknown.json.errors[0].pointer]).toEqual([422, '/contract']);
  });
});

describe('requests', () => {
  it('are listed, newest first, by lead, actor, kind and state, in pages; a filter that is not known is refused', async () => {
    const all = (await call('a', 'GET', '/v1/distribution-requests?limit=500')).json.data;
    expect(all.map((row: Json) => row.requestId)).toEqual(all.map((row: Json) => row.requestId).sort().reverse());
    const count = async (query: string) => (await call('a', 'GET', `/v1/distribution-requests?${query}`)).json.data.length;
    expect([await count('lead=L3'), await count('actor=ann'), await count('kind=cherryPick'), await count('state=pending'), await count('kind=manual&lead=L3')])
      .toEqual([2, 1, 1, 2, 1]);
    const pages: Json[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Json = (await call('a', 'GET', `/v1/distribution-requests?limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`)).json;
      pages.push(...page.data);
      cursor = page.nextCursor;
    }
    expect(pages).toEqual(all);
    for (const query of ['laed=L1', 'kind=manaul', 'state=open', 'limit=0', 'cursor=!', 'lead=1&lead=2', 'lead=%00']) {
      expect((await call('a', 'GET', `/v1/distribution-requests?${query}`)).status).toBe(400);
    }
  });

  it('are not made or read by who is no admin', async () => {
    const answer = await booted.app.inject({ method: 'POST', url: '/v1/leads/L1/distributions', headers: { authorization: 'Bearer service-a' }, payload: { contracts: ['A'] } });
    expect(answer.statusCode).toBe(403);
  });
});

describe('a return', () => {
  beforeAll(() => {
    engine.outbound.set('a O1', { outboundLeadId: 'O1', leadId: 'L1', contractId: 'A', clientId: 'acme', state: 'accepted' });
    engine.outbound.set('a O2', { outboundLeadId: 'O2', leadId: 'L1', contractId: 'B', clientId: 'acme', state: 'reserved' });
  });

  it('is said once, however often and wherever it is asked for, with the same answer', async () => {
    const url = '/v1/outbound-leads/O1/return';
    const answers = await Promise.all([booted, other, booted].map((at) => call('a', 'POST', url, { reason: 'wrong number', by: 'ann' }, {}, at)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    const [first] = answers;
    expect(first!.json).toMatchObject({ outboundLeadId: 'O1', leadId: 'L1', contractId: 'A', clientId: 'acme', reason: 'wrong number', actor: 'ann' });
    // What the engine says of it by now does not matter.
    engine.outbound.get('a O1')!.state = 'returned';
    const again = await call('a', 'POST', url, { reason: 'another reason' });
    expect([again.status, again.json]).toEqual([200, first!.json]);
    for (let tries = 0; tries < 200 && engine.returns.length === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 25));
    expect(engine.returns).toEqual([{
      tenantId: 'a', returnId: first!.json.returnId, leadId: 'L1', outboundLeadId: 'O1', contractId: 'A', clientId: 'acme', reason: 'wrong number', actor: 'ann',
      at: first!.json.at,
    }]);
  });

  it('is refused for what was not accepted, is not there, is another tenant\'s, or has no reason', async () => {
    const give = async (tenant: string, id: string, body: unknown = { reason: 'x' }) => (await call(tenant, 'POST', `/v1/outbound-leads/${id}/return`, body));
    expect((await give('a', 'O2')).json).toMatchObject({ status: 409, code: 'not_accepted' });
    expect((await give('a', 'O3')).status).toBe(404);
    expect((await give('b', 'O1')).status).toBe(404);
    expect((await give('a', 'O2', {})).status).toBe(422);
  });

  it('is listed to its tenant alone', async () => {
    expect((await call('a', 'GET', '/v1/returns?contract=A')).json.data).toMatchObject([{ outboundLeadId: 'O1', reason: 'wrong number' }]);
    expect((await call('a', 'GET', '/v1/returns?lead=L2')).json.data).toEqual([]);
    expect((await call('b', 'GET', '/v1/returns')).json.data).toEqual([]);
  });
});
