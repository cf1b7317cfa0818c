import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PostgresBus, type Bus, type Subscription } from '@sluice/bus';
import { Database } from '@sluice/db';
import { definitions, type Said } from '@sluice/events';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { configurationPart, deliveryMigrations, reserved, until, Vault } from './booted.suite.js';
import { Receiver } from './receiver.suite.js';

const TENANTS = ['t1', 't2'];
const LEADS = 6;

/** Every crash point that the service's code names. */
function namedPoints(): string[] {
  const sources = fs.readdirSync(__dirname).filter((file) => file.endsWith('.ts') && !/\.(spec|suite)\.ts$/.test(file));
  return sources.flatMap((file) => [...fs.readFileSync(path.join(__dirname, file), 'utf8').matchAll(/crashPoint\('(delivery\.[a-z-]+)'\)/g)]).map((match) => match[1]!);
}

let test: TestDatabase;
let database: Database;
let bus: Bus;
let vault: Vault;
let receiver: Receiver;
let listening: Subscription;
let child: ChildProcess | undefined;
const outcomes = new Map<string, string[]>();

beforeAll(async () => {
  test = await testDatabase({ migrations: deliveryMigrations });
  database = await Database.open({ url: test.url, poolMax: 6 });
  bus = await PostgresBus.open(database, {});
  await bus.register('delivery', ['sluice.workflow', 'sluice.distribution']);
  vault = await Vault.start();
  receiver = await Receiver.start();
  listening = await bus.subscribe({
    group: 'listener', service: 'delivery', topics: ['sluice.delivery'], types: [...definitions.keys()].filter((type) => type.includes('OutboundLead')),
    handle: async (batch) => {
      for (const { type, data } of batch.events) {
        const { outboundLeadId } = data as { outboundLeadId: string };
        outcomes.set(outboundLeadId, [...(outcomes.get(outboundLeadId) ?? []), type.slice(type.lastIndexOf('OutboundLead') + 12).toLowerCase()]);
      }
    },
  });
});

afterAll(async () => {
  child?.kill('SIGKILL');
  await listening?.close();
  await bus?.close();
  await receiver?.stop();
  await vault?.stop();
  await database?.close();
  await test?.drop();
});

const say = (tenantId: string, events: readonly Said[]) => database.transaction({ service: 'delivery', tenants: [tenantId] }, async (tx) => bus.append(tx, events));
const rows = async <T>(text: string) => (await database.pool.query(text)).rows as T[];

function start(point?: string): ChildProcess {
  const runner = path.join(__dirname, '../../../libs/testing/run/run-ts.cjs');
  child = spawn(process.execPath, [runner, path.join(__dirname, 'crash-child.suite.ts'), test.url, vault.url, ...(point ? [point] : [])], { stdio: ['ignore', 'pipe', 'inherit'] });
  return child;
}

it('sends every lead under one webhook id and tells one truthful end of it, though it is killed at every named point', async () => {
  const points = namedPoints();
  expect(points).toEqual(expect.arrayContaining(['delivery.claimed', 'delivery.sending', 'delivery.sent', 'delivery.before-results', 'delivery.results-written', 'delivery.results-committed']));
  const taken = new Set<string>();
  const methods = {
    accepts: { url: receiver.url('accepts') },
    rejects: { url: receiver.url('refuses') },
    // Takes a lead once, and calls a repeat a duplicate.
    once: { url: receiver.on('once', (response, { webhookId }) => {
      const known = taken.has(webhookId);
      taken.add(webhookId);
      response.writeHead(known ? 409 : 200).end('{}');
    }) },
  };
  for (const tenant of TENANTS) await say(tenant, [configurationPart(tenant, 1, 1, 1, methods)]);
  const all: { outboundLeadId: string; method: string }[] = [];
  for (const point of [...points, undefined]) {
    for (const tenant of TENANTS) {
      const leads = Object.keys(methods).flatMap((method) => Array.from({ length: LEADS }, () => ({ ...reserved(tenant, method),
        method })));
      all.push(...leads);
      await say(tenant, leads);
    }
    // What a dead process had claimed would come free with its lease; the test does not wait for that.
    await database.pool.query('UPDATE delivery.queue SET due_at = now() WHERE claimed');
    const process = start(point);
    if (point) expect([point, ...(await once(process, 'exit'))]).toEqual([point, null, 'SIGKILL']);
  }
  await database.pool.query('UPDATE delivery.queue SET due_at = now() WHERE claimed');
  await until(async () => (await rows('SELECT 1 FROM delivery.queue')).length === 0 && all.every(({ outboundLeadId }) => outcomes.has(outboundLeadId)), 60_000);

  const states = new Map((await rows<{ id: string; state: string }>('SELECT outbound_lead_id AS id, state FROM delivery.deliveries')).map(({ id, state }) => [id, state]));
  const idsAt = (method: string) => all.filter((lead) => lead.method === method).map((lead) => lead.outboundLeadId);
  const sentTo = (name: string) => new Set(receiver.at(name).map((one) => one.webhookId));
  for (const [method, name, allowed] of [['accepts', 'accepts', ['accepted']], ['rejects', 'refuses', ['rejected', 'unresolved']], ['once', 'once', ['accepted', 'unresolved']]] as const) {
    expect(sentTo(name)).toEqual(new Set(idsAt(method).map((id) => `msg_${id}`)));
    for (const id of idsAt(method)) expect(allowed).toContain(states.get(id));
  }
  // Said exactly once, and what is said is what is stored.
  for (const { outboundLeadId } of all) expect([outboundLeadId, outcomes.get(outboundLeadId)]).toEqual([outboundLeadId,
    [states.get(outboundLeadId)]]);
  expect(await rows(`SELECT 1 FROM delivery.attempts WHERE outcome = 'started'`)).toEqual([]);
  // The kills were real: answers were lost, and what was lost is written down as that.
  expect((await rows(`SELECT 1 FROM delivery.attempts WHERE reason = 'process_lost'`)).length).toBeGreaterThan(0);
  expect([...states.values()].filter((state) => state === 'unresolved').length).toBeGreaterThan(0);
}, 180_000);
