import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { busMigrations, eventsOf, type Subscription } from '@sluice/bus';
import { ConfigurationChanged, workflowTopic } from '@sluice/events';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { bootWorkflow, type Booted } from './booted.suite.js';
import { workflowService } from './workflow.module.js';

const RUN_TS = path.resolve(__dirname, '../../../libs/testing/run/run-ts.cjs');

let server: TestDatabase;
let booted: Booted;
let ear: Subscription;
/** What the log says, as `tenant version`. */
const said: string[] = [];

beforeAll(async () => {
  server = await testDatabase({ migrations: [...busMigrations, ...workflowService.migrations] });
  booted = await bootWorkflow(server.url);
  ear = await booted.bus.subscribe({
    group: 'ear', service: 'workflow', topics: [workflowTopic.name], types: [ConfigurationChanged.type],
    async handle(batch, tx) {
      const heard = eventsOf(batch, ConfigurationChanged).map(({ data }) => `${data.tenantId} ${data.version}`);
      tx.afterCommit(() => said.push(...heard));
    },
  });
});

afterAll(async () => {
  await ear?.close();
  await booted?.stop();
  await server?.drop();
});

/** Applies by a process that kills itself at a point; answers once it is dead. */
async function applyAndDie(point: string, tenant: string, clients: readonly string[]): Promise<void> {
  const victim = spawn(process.execPath, [RUN_TS, path.join(__dirname, 'crash-child.suite.ts'), server.url, point], { stdio: ['ignore', 'pipe', 'inherit'] });
  const died = once(victim, 'exit');
  const [address] = (await Promise.race([once(victim.stdout!, 'data'), died.then(() => { throw new Error('it did not start'); })])) as [Buffer];
  await expect(put(address.toString().trim(), tenant, clients)).rejects.toThrow();
  expect((await died)[1]).toBe('SIGKILL');
}

function put(address: string, tenant: string, clients: readonly string[]): Promise<Response> {
  return fetch(`${address}/v1/configuration`, {
    method: 'PUT', headers: { authorization: `Bearer admin-${tenant}`, 'content-type': 'application/json', prefer: 'wait=0' },
    body: JSON.stringify({ apiVersion: 'v1', clients: clients.map((id) => ({ id })) }),
  });
}

async function standing(tenant: string): Promise<{ version: string; clients: string[] }> {
  const answer = await booted.app.inject({ url: '/v1/configuration', headers: { authorization: `Bearer admin-${tenant}` } });
  return { version: String(answer.headers['etag']), clients: ((JSON.parse(answer.body).clients ?? []) as { id: string }[]).map(({ id }) => id) };
}

describe('an apply that is killed', () => {
  it.each([['workflow.before-commit', 'a', 0], ['workflow.after-commit', 'b', 1]])(
    'at %s was whole or was not, its event with it, and the next is the very next version', async (point, tenant, kept) => {
      await applyAndDie(point, tenant, ['one', 'two']);
      expect(await standing(tenant)).toEqual(kept ? { version: '"1"', clients: ['one', 'two'] } : { version: '"0"', clients: [] });
      const address = await booted.app.listen(0, '127.0.0.1').then(() => booted.app.getUrl(), () => booted.app.getUrl());
      expect((await put(address, tenant, ['three'])).status).toBe(202);
      expect(await standing(tenant)).toEqual({ version: `"${kept + 1}"`, clients: ['three'] });
      const ofTenant = () => said.filter((one) => one.startsWith(tenant));
      for (let tries = 0; ofTenant().length <= kept && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(ofTenant()).toEqual(kept ? [`${tenant} 1`, `${tenant} 2`] : [`${tenant} 1`]);
    });
});
