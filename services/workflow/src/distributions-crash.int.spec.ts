import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { busMigrations } from '@sluice/bus';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { bootWorkflow, type Booted } from './booted.suite.js';
import { EngineStandIn } from './engine-stand-in.suite.js';
import { workflowService } from './workflow.module.js';

const RUN_TS = path.resolve(__dirname, '../../../libs/testing/run/run-ts.cjs');

let server: TestDatabase;
let booted: Booted;
let url: string;
const engine = new EngineStandIn();

beforeAll(async () => {
  server = await testDatabase({ migrations: [...busMigrations, ...workflowService.migrations] });
  url = await engine.listen();
  booted = await bootWorkflow(server.url, url);
  await engine.hear(booted.bus);
  for (const tenant of ['a', 'b']) {
    engine.leads.add(`${tenant} L1`);
    engine.outbound.set(`${tenant} O1`, { outboundLeadId: 'O1', leadId: 'L1', contractId: 'A', clientId: 'acme', state: 'accepted' });
    const payload = { apiVersion: 'v1', clients: [{ id: 'acme' }], contracts: [{ id: 'A', client: 'acme', price: '25.00' }] };
    await booted.app.inject({ method: 'PUT', url: '/v1/configuration', headers: headersOf(tenant), payload });
  }
});

afterAll(async () => {
  await booted?.stop();
  await engine.close();
  await server?.drop();
});

const headersOf = (tenant: string) => (
  { authorization: `Bearer admin-${tenant}`, 'content-type': 'application/json', 'idempotency-key': `once-${tenant}`, prefer: 'wait=0' });

/** Asks a process that kills itself at a point; answers once it is dead. */
async function askAndDie(point: string, tenant: string, at: string, body: object): Promise<void> {
  const args = [RUN_TS, path.join(__dirname, 'crash-child.suite.ts'), server.url, point, url];
  const victim = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const died = once(victim, 'exit');
  const [address] = (await Promise.race([once(victim.stdout!, 'data'), died.then(() => { throw new Error('it did not start'); })])) as [Buffer];
  const sent = fetch(`${address.toString().trim()}${at}`, { method: 'POST', headers: headersOf(tenant), body: JSON.stringify(body) });
  await expect(sent).rejects.toThrow();
  expect((await died)[1]).toBe('SIGKILL');
}

const again = (tenant: string, at: string, payload: object) => booted.app.inject({ method: 'POST', url: at, headers: headersOf(tenant), payload });

/** Until the stand-in has heard all that was said. */
async function settled(): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if ([...await booted.bus.lag('stand-in'), ...await booted.bus.lag('stand-in-returns')].every(({ position, head }) => position >= head)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the stand-in does not catch up');
}

describe('a process that is killed', () => {
  it.each([['workflow.before-request', 'a', false], ['workflow.after-request', 'b', true]])(
    'at %s has asked for a distribution whole or not at all; who sends it again under its key asks once', async (point, tenant, kept) => {
      const body = { contracts: ['A'] };
      await askAndDie(point, tenant, '/v1/leads/L1/distributions', body);
      const answer = await again(tenant, '/v1/leads/L1/distributions', body);
      expect([answer.statusCode, answer.headers['idempotency-replayed'] === 'true']).toEqual([202, kept]);
      await settled();
      expect(engine.requests.filter(({ tenantId }) => tenantId === tenant).map(({ requestId }) => requestId))
        .toEqual([JSON.parse(answer.body).requestId]);
    });

  it.each([['workflow.before-return', 'a', 201], ['workflow.after-return', 'b', 200]])(
    'at %s has said a return whole or not at all, and it is said once', async (point, tenant, status) => {
      await askAndDie(point, tenant, '/v1/outbound-leads/O1/return', { reason: 'wrong number' });
      const answer = await again(tenant, '/v1/outbound-leads/O1/return', { reason: 'wrong number' });
      expect(answer.statusCode).toBe(status);
      await settled();
      expect(engine.returns.filter(({ tenantId }) => tenantId === tenant).map(({ returnId }) => returnId))
        .toEqual([JSON.parse(answer.body).returnId]);
    });
});
