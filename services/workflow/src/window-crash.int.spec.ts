import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MINUTE, NOON, requests, triesOn, WindowRig } from './windows.suite.js';

const RUN_TS = path.resolve(__dirname, '../../../libs/testing/run/run-ts.cjs');

let rig: WindowRig;

beforeAll(async () => {
  rig = await WindowRig.open();
});

afterAll(async () => {
  await rig?.close();
});

beforeEach(async () => {
  await rig.empty();
});

/** Opens so many windows a tenant; of the first tenth the time is over an hour later, of the others the first beat has come. */
async function openMany(count: number): Promise<void> {
  for (const tenant of ['a', 'b']) {
    const configurationVersion = (await rig.configurations.current(tenant)).version;
    for (let from = 0; from < count; from += 500) {
      await rig.hear(...Array.from({ length: Math.min(500, count - from) }, (_, place) => rig.unsold(tenant, `L${from + place}`, { configurationVersion })));
    }
  }
  const over = Array.from({ length: count / 10 }, (_, place) => `L${place}`);
  for (const table of ['windows', 'window_timers']) {
    await rig.database.pool.query(`UPDATE workflow.${table} SET expires_at = $1 WHERE lead_id = ANY ($2)`, [NOON + 40 * MINUTE, over]);
  }
  await rig.said();
}

/** Every window was asked for once, or ended once and handed on once. */
async function expectEachOnce(count: number): Promise<void> {
  const said = await rig.said();
  const tally = new Map<string, number>();
  for (const { tenantId, type, data } of said) {
    const what = `${tenantId} ${String(data['leadId'])} ${type} ${String(data['workflowId'] ?? '')}`;
    tally.set(what, (tally.get(what) ?? 0) + 1);
  }
  expect([...tally].filter(([, times]) => times > 1)).toEqual([]);
  const over = (count / 10) * 2;
  expect(said.filter(({ type }) => type === 'WindowExpired')).toHaveLength(over);
  expect(requests(said).filter(({ workflowId }) => workflowId === 'last')).toHaveLength(over);
  expect(requests(said).filter(({ workflowId = '' }) => workflowId === '')).toHaveLength(2 * count - over);
  expect(new Set(requests(said).map(({ requestId }) => requestId)).size).toBe(2 * count);
}

const points = fs.readdirSync(__dirname).filter((file) => /^window.*(?<!\.(spec|suite))\.ts$/.test(file)).flatMap((file) =>
  [...fs.readFileSync(path.join(__dirname, file), 'utf8').matchAll(/crashPoint\('(workflow\.window-(?!commanded)[a-z-]+)'\)/g)].map((match) => match[1]!));

describe('a timer process', () => {
  it.each(points)('that is killed at %s loses no request and asks for none twice', async (point) => {
    await openMany(100);
    if (point === 'workflow.window-woken') await rig.hear(rig.released('a', 'somebody', 'acme-1'));
    rig.clock.moveTo(NOON + 41 * MINUTE);
    const args = [RUN_TS, path.join(__dirname, 'window-crash-child.suite.ts'), rig.url, point, String(rig.clock.now())];
    const victim = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    expect((await once(victim, 'exit'))[1]).toBe('SIGKILL');
    await rig.run();
    await expectEachOnce(100);
  }, 60_000);

  it('never claims what another has claimed: four at once ask for each window once', async () => {
    expect(points).toEqual(expect.arrayContaining(['workflow.window-claimed', 'workflow.window-requested', 'workflow.window-committed']));
    await openMany(2000);
    rig.clock.moveTo(NOON + 41 * MINUTE);
    const processes = Array.from({ length: 4 }, () => triesOn(rig.database, rig.bus, rig.clock));
    const claimed = await Promise.all(processes.map(async (tries) => {
      let sum = 0;
      for (let idle = 0; idle < 3;) {
        const { tried } = await tries.claim(100);
        sum += tried;
        idle = tried === 0 ? idle + 1 : 0;
      }
      return sum;
    }));
    expect(claimed.reduce((sum, one) => sum + one, 0)).toBe(4000);
    expect(claimed.filter((one) => one > 0).length).toBeGreaterThan(1);
    await expectEachOnce(2000);
  }, 60_000);
});
