import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { OutboundLeadRejected } from '@sluice/events';
import { describeWithKafka, testKafka } from '@sluice/testing';
import { accepted, eventually, TOPIC } from './bus.suite.js';
import { databaseHarness, type DatabaseHarness } from './database-harness.suite.js';
import { KafkaBus, PostgresBus, type Bus } from './index.js';

const TENANTS = ['north', 'south'];
const CONSUMER_POINTS = ['bus.before-move', 'bus.before-handle', 'bus.before-commit', 'bus.appended', 'bus.after-commit'];
const RELAY_POINTS = ['relay.before-send', 'relay.sent', 'relay.moved'];
let child: ChildProcess | undefined;
let harness: DatabaseHarness | undefined;
afterEach(async () => {
  child?.kill('SIGKILL');
  await harness?.close();
});

function start(...args: string[]): ChildProcess {
  child = spawn(process.execPath, [path.join(__dirname, '../../testing/run/run-ts.cjs'), path.join(__dirname, 'crash-child.suite.ts'), harness!.clone.url, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return child;
}

/** Kills a member at each point, with events to do each time, and has another one end what is left. */
async function sweep(bus: Bus, points: readonly string[], more: readonly string[]): Promise<void> {
  await bus.register('crash', [TOPIC]);
  const said: string[] = [];
  for (const point of points) {
    const ids = Array.from({ length: 20 }, (_, i) => `${point}-${i}`);
    await harness!.transaction(async (tx) => bus.append(tx, ids.flatMap((id) => TENANTS.map((tenantId) => accepted(`${tenantId}/${id}`, { tenantId })))));
    said.push(...ids);
    const [, signal] = (await once(start(point, ...more), 'exit')) as [number | null, string | null];
    expect([point, signal]).toEqual([point, 'SIGKILL']);
  }
  start('-', ...more);
  await eventually(() => bus.lag('crash'), (lag) => expect(lag.filter((l) => l.position < l.head)).toEqual([]), 60_000);
  const effects = await harness!.effects('crash');
  for (const tenantId of TENANTS)
    expect(effects.filter((effect) => effect.tenantId === tenantId).map((effect) => effect.id)).toEqual(said.map((id) => `${tenantId}/${id}`));
  const outs: string[] = [];
  for (const { topic, partition, head } of await bus.lag('crash')) {
    const events = await bus.replay({ group: 'crash', topic, partition, first: 1, last: head, parked: [] }, [OutboundLeadRejected.type]);
    outs.push(...events.map((event) => event.id));
  }
  expect(outs.sort()).toEqual(effects.map((effect) => `out-${effect.id}`).sort());
  expect(await bus.parked('crash')).toEqual([]);
}

describe('a process that is killed', () => {
  it('at any step of a batch, has its effects once and in order, and what it says as well', async () => {
    harness = await databaseHarness((database) => PostgresBus.open(database));
    const bus = await harness.open();
    await sweep(bus, CONSUMER_POINTS, []);
    await bus.close();
  }, 120_000);
});

describeWithKafka('a process that is killed, on Kafka', () => {
  it('at any step of a batch or of the relay, has its effects once and in order', async () => {
    const { brokers, prefix } = await testKafka();
    harness = await databaseHarness((database) => KafkaBus.open(database, { brokers, prefix }));
    const bus = await harness.open();
    await sweep(bus, [...RELAY_POINTS, ...CONSUMER_POINTS], [brokers.join(','), prefix]);
    await bus.close();
  }, 240_000);
});
