import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { busMigrations } from '@sluice/bus';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { bootWorkflow, type Booted } from './booted.suite.js';
import { workflowService } from './workflow.module.js';

let server: TestDatabase;
let booted: Booted;

beforeAll(async () => {
  server = await testDatabase({ migrations: [...busMigrations, ...workflowService.migrations] });
  booted = await bootWorkflow(server.url);
});
afterAll(async () => {
  await booted?.stop();
  await server?.drop();
});

async function call(tenant: string, method: 'GET' | 'PUT' | 'POST' | 'PATCH', url: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await booted.app.inject({
    method, url, headers: { authorization: `Bearer admin-${tenant}`, prefer: 'respond-async', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, json: JSON.parse(answer.body || 'null') as ReturnType<typeof JSON.parse> };
}

const code = 'function filter(lead, contract) { return lead.fields.state === "NY" || "only New York"; }';
const tests = [
  { name: 'New York', hook: 'filter', lead: { state: 'NY' }, contract: 'A', expect: true },
  { name: 'elsewhere', hook: 'filter', lead: { state: 'TX' }, contract: 'A', expect: 'only New York' },
];
const document = (script: object) => ({
  apiVersion: 'v1', clients: [{ id: 'a' }], contracts: [{ id: 'A', client: 'a', price: '5.00' }],
  campaigns: [{ id: 'x', fields: { state: { type: 'string' } } }], scripts: [{ id: 's', code, tests, ...script }],
});

describe('scripts of a configuration', () => {
  it('are applied when their tests pass, and their version counts the changes of their code', async () => {
    expect((await call('t1', 'PUT', '/v1/configuration', document({ status: 'active' }))).status).toBe(202);
    expect((await call('t1', 'GET', '/v1/scripts/s')).json).toMatchObject({ status: 'active', version: 1 });
    await call('t1', 'PUT', '/v1/configuration', document({ status: 'shadow', version: 17 }));
    expect((await call('t1', 'GET', '/v1/scripts/s')).json).toMatchObject({ status: 'shadow', version: 1 });
    const patched = await call('t1', 'PATCH', '/v1/scripts/s', { code: `${code}\n` }, { 'if-match': '*' });
    expect([patched.status, patched.json.item.version]).toEqual([202, 2]);
    const again = await call('t1', 'PUT', '/v1/configuration', document({ status: 'shadow', code: `${code}\n` }));
    expect(again.json).toMatchObject({ changed: 0 });
  });

  it.each([
    ['a test that fails', { tests: [...tests, { name: 'Texas', hook: 'filter', lead: { state: 'TX' }, contract: 'A', expect: true }] },
      '/scripts/0/tests/2', 'Texas: expected true, got "only New York"'],
    ['code that is none', { code: 'function filter( {' }, '/scripts/0/code', expect.stringMatching(/^SyntaxError: .*line 1/)],
    ['code without a hook', { code: 'const x = 1', tests: [] }, '/scripts/0/code', 'expected at least one of the functions filter, score, afterPlan'],
    ['a test that never ends', { code: 'function filter() { for (;;); }' }, '/scripts/0/tests/0', 'New York: expected true, got more steps than it may take'],
    ['a contract that nobody knows', { contracts: ['B'] }, '/scripts/0/contracts/0', expect.stringContaining('no contract "B"')],
    ['a test of a contract that nobody knows', { tests: [{ ...tests[0], contract: 'B' }] }, '/scripts/0/tests/0/contract', expect.stringContaining('no contract "B"')],
    ['criteria on a field that nobody declares', { when: { field: 'city', op: 'equals', value: 'x' } }, '/scripts/0/when/field', expect.stringContaining('no field "city"')],
  ])('are refused with %s, and nothing is applied', async (_, script, pointer, message) => {
    for (const status of ['active', 'shadow']) {
      const refused = await call('t2', 'PUT', '/v1/configuration', document({ status, ...script }));
      const faults = refused.json.faults ?? refused.json.errors;
      expect([refused.status, faults]).toEqual([422, expect.arrayContaining([expect.objectContaining({ pointer, message })])]);
    }
    expect((await call('t2', 'GET', '/v1/scripts')).json.data).toEqual([]);
  });

  it('may be kept with tests that fail while they are off, and not be switched on', async () => {
    const wrong = { tests: [{ ...tests[0], expect: false }] };
    expect((await call('t3', 'PUT', '/v1/configuration', document({ status: 'off', ...wrong }))).status).toBe(202);
    const refused = await call('t3', 'PATCH', '/v1/scripts/s', { status: 'active' }, { 'if-match': '*' });
    expect([refused.status, JSON.stringify(refused.json)]).toEqual([422, expect.stringContaining('expected false, got true')]);
    expect(JSON.stringify(refused.json)).toContain('"/tests/0"');
  });

  it('are tested without being saved, by their owner alone', async () => {
    await call('t4', 'PUT', '/v1/configuration', document({ status: 'off' }));
    expect((await call('t4', 'POST', '/v1/scripts/s/test', {})).json).toMatchObject({ passed: true, hooks: ['filter'], fault: null, tests: [{ passed: true }, { passed: true }] });
    const tried = await call('t4', 'POST', '/v1/scripts/s/test', { code: 'const filter = () => true; const score = () => 1' });
    expect(tried.json).toMatchObject({ passed: false, hooks: ['filter', 'score'] });
    expect(tried.json.tests).toMatchObject([{ passed: true }, { passed: false, expected: '"only New York"', got: 'true' }]);
    expect((await call('t4', 'GET', '/v1/scripts/s')).json.code).toBe(code);
    expect((await call('t5', 'POST', '/v1/scripts/s/test', {})).status).toBe(404);
    expect((await call('t5', 'POST', '/v1/scripts/new/test', { code, tests: [{ ...tests[0], contract: {} }] })).json).toMatchObject({ passed: true });
    expect((await call('t5', 'POST', '/v1/scripts/new/test', { code: 'x(' })).json).toMatchObject({ passed: false, fault: expect.stringMatching(/^SyntaxError/) });
    expect((await call('t5', 'POST', '/v1/scripts/new/test', { kode: 'x' })).status).toBe(422);
  });
});
