import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { aConfiguration, aDocument, aLead, aSign } from './builders.suite.js';
import { audit } from './audit.suite.js';
import { oneIn, openRig, type Rig } from './rig.suite.js';

const TENANTS = ['north', 'south'];
const CAPS = { 'acme-1': 70, 'bolt-1': 10_000 };
const document = aDocument({
  contracts: [
    { id: 'acme-1', client: 'acme', price: '30.00', maxShareCount: 1, caps: { day: 70 }, deliveryMethod: 'hook' },
    { id: 'bolt-1', client: 'bolt', price: '20.00', maxShareCount: 1, caps: { day: 10_000 }, deliveryMethod: 'hook' },
  ],
  campaigns: [{ id: 'solar', workflow: 'w' }, { id: 'calls' }],
  pushStrategies: [{ id: 'reps', campaigns: ['calls'], from: 'corporate', onlyActiveWithin: 'PT1H', recipients: [
    { to: 'u1', caps: { day: 12 } }, { to: 'u2' }] }],
});

/** Every crash point that the engine's code names, in the order in which a batch comes by. */
function namedPoints(): string[] {
  const sources = fs.readdirSync(__dirname).filter((file) => file.endsWith('.ts') && !/\.(spec|suite)\.ts$/.test(file));
  const found = sources.flatMap((file) =>
    [...fs.readFileSync(path.join(__dirname, file), 'utf8').matchAll(/crashPoint\('(engine\.[a-z-]+)'\)/g)]);
  return found.map((match) => match[1]!);
}

let rig: Rig;
let running: ChildProcess | undefined;
beforeAll(async () => { rig = await openRig(); });
afterAll(async () => {
  running?.kill('SIGKILL');
  await rig?.close();
});

function start(...args: string[]): ChildProcess {
  const runner = path.join(__dirname, '../../../libs/testing/run/run-ts.cjs');
  running = spawn(process.execPath, [runner, path.join(__dirname, 'crash-child.suite.ts'), rig.url, ...args],
    { stdio: ['ignore', 'ignore', 'inherit'] });
  return running;
}

it('loses nothing, doubles nothing and passes no cap when it is killed at every named point', async () => {
  const points = namedPoints();
  expect(points.length).toBeGreaterThanOrEqual(9);
  await rig.bus.register('engine', ['sluice.intake', 'sluice.workflow', 'sluice.delivery']);
  await rig.say(TENANTS.flatMap((tenantId) => aConfiguration(tenantId, 1, document, 2)));
  const isUser = (id: string) => id === 'u1' || id === 'u2';
  await rig.receive(({ leadId, contractId }) => (!isUser(contractId) && oneIn(3, `${leadId}${contractId}`) ? 'rejected' : 'accepted'));
  let leads = 0;
  for (const point of points) {
    const bunch = Array.from({ length: 20 }, (_, place) => `${point}-${place}`);
    await rig.say(bunch.flatMap((leadId) => TENANTS.map((tenantId) => aLead(tenantId, leadId, { receivedAt: new Date().toISOString() }))));
    leads += bunch.length * TENANTS.length;
    // The first of them are held until somebody is seen, who has soon had enough.
    await rig.say(TENANTS.flatMap((tenantId) => [`${point}-p1`, `${point}-p2`].map((leadId) => aLead(tenantId, leadId,
      { campaignId: 'calls', receivedAt: new Date().toISOString() }))));
    leads += 2 * TENANTS.length;
    await rig.say(TENANTS.map((tenantId) => aSign(tenantId, 'u1', Date.now())));
    const [, signal] = (await once(start(point), 'exit')) as [number | null, string | null];
    expect([point, signal]).toEqual([point, 'SIGKILL']);
  }
  start();
  await rig.settled('engine', 'delivery');
  const held = () => rig.rows('SELECT 1 FROM engine.leads WHERE held_since IS NOT NULL');
  expect((await held()).length).toBeGreaterThan(0);
  await rig.say(TENANTS.map((tenantId) => aSign(tenantId, 'u2', Date.now())));
  await rig.settled('engine', 'delivery');
  expect(await held()).toEqual([]);
  const { standing, outbound } = await audit(rig, { leads, caps: CAPS, buyers: 1 });
  // Every lead that was not turned down by both ended with a buyer, and nothing is left in the air.
  expect(outbound['reserved']).toBeUndefined();
  expect(outbound['rejected']).toBeGreaterThan(20);
  expect(TENANTS.map((tenantId) => standing.get(`${tenantId}/acme-1`)! <= 70)).toEqual([true, true]);
}, 180_000);
