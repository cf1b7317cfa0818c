import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { busMigrations } from '@sluice/bus';
import { DistributionRequested, LeadNotDistributed } from '@sluice/events';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { bootWorkflow, type Booted } from './booted.suite.js';
import { EngineStandIn } from './engine-stand-in.suite.js';
import { document } from './windows.suite.js';
import { workflowService } from './workflow.module.js';

let server: TestDatabase;
/** Two replicas on one database. */
let booted: Booted;
let other: Booted;
const engine = new EngineStandIn();

beforeAll(async () => {
  server = await testDatabase({ migrations: [...busMigrations, ...workflowService.migrations] });
  const url = await engine.listen();
  booted = await bootWorkflow(server.url, url);
  other = await bootWorkflow(server.url, url);
  engine.isSilent = true;
  await engine.hear(booted.bus);
  for (const tenant of ['a', 'b']) await call(tenant, 'PUT', '/v1/configuration', document, { prefer: 'wait=0' });
  for (const lead of ['a L1', 'a L2', 'a L3', 'b L1']) engine.leads.add(lead);
});

afterAll(async () => {
  await other?.stop();
  await booted?.stop();
  await engine.close();
  await server?.drop();
});

type Json = ReturnType<typeof JSON.parse>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH';

async function call(tenant: string, method: Method, url: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await booted.app.inject({
    method, url, headers: { authorization: `Bearer admin-${tenant}`, ...headers }, ...(body === undefined ? {} : { payload: body as object }),
  });
  return { status: answer.statusCode, json: JSON.parse(answer.body || 'null') as Json };
}

async function until<T>(look: () => Promise<T> | T, test: (value: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const value = await look();
    if (test(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it does not come to that');
}

const asked = (tenant: string, lead: string): DistributionRequested[] =>
  engine.requests.filter(({ tenantId, leadId }) => tenantId === tenant && leadId === lead);

describe('the API of windows', () => {
  it('opens a window, shows it with its history, and refuses a second one', async () => {
    const opened = await call('a', 'POST', '/v1/leads/L1/window', { length: 'P2D', every: 'PT1H' });
    expect(opened).toMatchObject({ status: 201, json: { leadId: 'L1', campaignId: 'solar', state: 'open', length: 'P2D', every: 'PT1H', generation: 1 } });
    expect(await call('a', 'POST', '/v1/leads/L1/window')).toMatchObject({ status: 409, json: { code: 'window_open' } });
    await until(() => asked('a', 'L1').length, (count) => count === 1);
    const shown = await call('a', 'GET', '/v1/leads/L1/window');
    expect(shown.json.history).toMatchObject([{ generation: 1, what: 'opened', actor: 'key of a', every: 'PT1H' }]);
    expect(await call('b', 'GET', '/v1/leads/L1/window')).toMatchObject({ status: 404, json: { code: 'no_window' } });
    expect(await call('b', 'POST', '/v1/leads/L2/window', {})).toMatchObject({ status: 404, json: { code: 'unknown_lead' } });
    expect(await call('b', 'POST', '/v1/leads/L1/window', {})).toMatchObject({ status: 201, json: { length: 'PT6H', every: 'PT30M' } });
  });

  it('pauses, resumes, edits and stops it, each a generation that is said with who did it', async () => {
    expect((await call('a', 'POST', '/v1/leads/L1/window/pause')).json).toMatchObject({ state: 'paused', generation: 2, nextTryAt: null });
    expect(await call('a', 'POST', '/v1/leads/L1/window/pause')).toMatchObject({ status: 409, json: { code: 'not_open', detail: expect.stringContaining('paused') } });
    expect((await call('a', 'POST', '/v1/leads/L1/window/resume')).json).toMatchObject({ state: 'open', generation: 3 });
    expect((await call('a', 'PATCH', '/v1/leads/L1/window', { every: 'PT2H' })).json).toMatchObject({ every: 'PT2H', length: 'P2D', generation: 4 });
    expect((await call('a', 'POST', '/v1/leads/L1/window/stop')).json).toMatchObject({ state: 'stopped', generation: 5, nextTryAt: null });
    expect((await call('a', 'GET', '/v1/leads/L1/window')).json.history.map(({ what }: Json) => what)).toEqual(['opened', 'paused', 'resumed', 'edited', 'stopped']);
    const requests = await until(() => asked('a', 'L1'), ({ length }) => length === 2);
    expect(requests.map(({ windowGeneration }) => windowGeneration)).toEqual([1, 3]);
  });

  it.each([
    [{ every: 'PT30S' }, '/every', 'at least PT1M'], [{ length: 'P400D' }, '/length', 'at most P366D'],
    [{ length: 'PT1H', every: 'PT2H' }, '/every', 'at most the window\'s length'],
  ])('refuses %j with what to write instead', async (body, pointer, words) => {
    const { status, json } = await call('a', 'POST', '/v1/leads/L2/window', body);
    expect([status, json.errors[0].pointer, json.errors[0].message]).toEqual([422, pointer, expect.stringContaining(words)]);
  });

  it('refuses what is no duration, no change, no filter', async () => {
    expect((await call('a', 'POST', '/v1/leads/L2/window', { length: 'a while' })).status).toBe(422);
    expect((await call('a', 'PATCH', '/v1/leads/L1/window', {})).status).toBe(422);
    expect((await call('a', 'GET', '/v1/windows?state=shut')).json.code).toBe('invalid_filter');
    expect((await call('a', 'GET', '/v1/windows?dueBefore=soon')).json.code).toBe('invalid_filter');
    expect((await call('a', 'GET', '/v1/windows?dueBefore=5')).json.code).toBe('invalid_filter');
    expect((await call('a', 'GET', '/v1/windows?colour=red')).json.code).toBe('unknown_filter');
  });

  it('refuses ids that no text can hold, as a mistake of who asks', async () => {
    const stop = call('a', 'POST', '/v1/windows:stop', { campaign: 'so\0lar' });
    for (const { status, json } of await Promise.all([call('a', 'GET', '/v1/leads/a%00b/window'), call('a', 'POST', '/v1/leads/a%00b/window/pause'), stop])) {
      expect([status, json.code]).toEqual([400, 'invalid_text']);
    }
  });

  it('lists windows by state, campaign, lead and when they are due, page by page', async () => {
    await call('a', 'POST', '/v1/leads/L2/window', {});
    await call('a', 'POST', '/v1/leads/L3/window', { every: 'PT5H' });
    const leads = async (query: string) => (await call('a', 'GET', `/v1/windows?${query}`)).json.data.map(({ leadId }: Json) => leadId);
    expect(await leads('')).toEqual(['L3', 'L2', 'L1']);
    expect(await leads('state=open')).toEqual(['L3', 'L2']);
    expect(await leads('state=stopped&campaign=solar')).toEqual(['L1']);
    expect(await leads('campaign=roofs')).toEqual([]);
    expect(await leads('lead=L2')).toEqual(['L2']);
    const inTwoHours = new Date(Date.parse((await call('a', 'GET', '/v1/leads/L2/window')).json.openedAt) + 7_200_000).toISOString();
    expect(await leads(`dueBefore=${inTwoHours}`)).toEqual(['L2']);
    const first = (await call('a', 'GET', '/v1/windows?limit=2')).json;
    expect(first.data).toHaveLength(2);
    expect((await call('a', 'GET', `/v1/windows?limit=2&cursor=${first.nextCursor}`)).json).toMatchObject({ data: [{ leadId: 'L1' }], nextCursor: null });
  });

  it('stops the windows of a campaign', async () => {
    expect((await call('a', 'POST', '/v1/windows:stop', { campaign: 'solar' })).json).toEqual({ stopped: 2, more: false });
    expect((await call('b', 'GET', '/v1/windows?state=open')).json.data).toHaveLength(1);
    expect((await call('a', 'POST', '/v1/windows:stop', { campaign: 'solar' })).json).toEqual({ stopped: 0, more: false });
    expect((await call('a', 'POST', '/v1/windows:stop', { campaign: 'solarr' })).json).toMatchObject({ status: 404, code: 'unknown_campaign' });
  });

  it('says of a window that has ended how it is opened again', async () => {
    for (const step of ['pause', 'stop', 'resume']) {
      const { status, json } = await call('a', 'POST', `/v1/leads/L2/window/${step}`);
      expect(status).toBe(409);
      expect(json.detail).toMatch(/is stopped, so that it cannot be (paus|stopp|resum)ed: it has ended; POST /);
    }
  });
});

describe('the service', () => {
  it('opens a window from the outcome in the log, and asks within a moment once a change may end its wait', async () => {
    const outcome = LeadNotDistributed.make({
      tenantId: 'a', leadId: 'logged', attemptId: 'x', campaignId: 'solar', trigger: 'arrival', configurationVersion: 1, reason: 'cap_day', decidedAt: '2026-03-02T12:00:00.000Z',
    }, { id: 'x', time: 1 });
    await booted.database.transaction({ service: 'workflow', tenants: ['a'] }, async (tx) => booted.bus.append(tx, [outcome]));
    await until(() => call('a', 'GET', '/v1/leads/logged/window'), ({ status }) => status === 200);
    expect(asked('a', 'logged')).toEqual([]);
    const before = performance.now();
    await call('a', 'PUT', '/v1/configuration', { ...document, ties: 'entry' }, { prefer: 'wait=0' });
    const [request] = await until(() => asked('a', 'logged'), ({ length }) => length === 1);
    expect(request).toMatchObject({ trigger: 'window', windowGeneration: 1, configurationVersion: 2 });
    expect(performance.now() - before).toBeLessThan(3_000);
  });
});
