import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { seededRandom, type SeededRandom } from '@sluice/kernel';
import { Problem } from '@sluice/runtime';
import { document, MINUTE, NOON, TENANTS, WindowRig } from './windows.suite.js';

const LEADS = 40;
const ROUNDS = 60;

let rig: WindowRig;

beforeAll(async () => {
  rig = await WindowRig.open();
});

afterAll(async () => {
  await rig?.close();
});

const leadOf = (random: SeededRandom) => `L${random.int(0, LEADS - 1)}`;

/** A batch of what the engine says of a tenant's leads; one at a time for a tenant, as of a partition. */
async function engine(tenant: string, random: SeededRandom): Promise<void> {
  const { version: configurationVersion } = await rig.configurations.current(tenant);
  await rig.hear(...Array.from({ length: 12 }, () => {
    const lead = leadOf(random);
    return random.pick([
      () => rig.unsold(tenant, lead, { configurationVersion, waitsOn: ['acme-1', 'bolt-1'].slice(0, random.int(0, 2)) }),
      () => rig.unsold(tenant, lead, { configurationVersion, trigger: 'window', waitsOn: [random.pick(['acme-1', 'bolt-1'])], held: random.chance(0.2) }),
      () => rig.sold(tenant, lead, { configurationVersion, trigger: 'window', full: random.chance(0.5) }),
      () => rig.released(tenant, lead, random.pick(['acme-1', 'bolt-1'])),
      () => rig.fulfilled(tenant, lead),
    ])();
  }));
}

async function person(tenant: string, random: SeededRandom): Promise<void> {
  const lead = leadOf(random);
  const { commands } = rig;
  const admin = rig.admin(tenant);
  await random.pick<() => Promise<unknown>>([
    () => commands.open(admin, lead, {}), () => commands.command(admin, lead, { kind: 'pause' }), () => commands.command(admin, lead, { kind: 'resume' }),
    () => commands.command(admin, lead, { kind: 'edit', everyMs: 5 * MINUTE }), () => commands.command(admin, lead, { kind: 'stop' }),
    () => commands.stopAll(admin, 'solar', 10, 5),
  ])().catch((error: unknown) => { if (!(error instanceof Problem)) throw error; });
}

it('all goes on at once, and nobody waits for another crosswise', async () => {
  const loops: (() => Promise<void>)[] = TENANTS.flatMap((tenant) => {
    const random = seededRandom(`locks ${tenant}`);
    let price = 10;
    return [
      () => engine(tenant, random), () => person(tenant, random), () => person(tenant, random),
      async () => { await rig.apply(tenant, { ...document, contracts: document.contracts!.map((one) => ({ ...one, price: `${++price}.00` })) }); },
    ];
  });
  const timer = async () => {
    await rig.tries.workOffWake();
    await rig.tries.claim(15);
    rig.clock.moveTo(rig.clock.now() + MINUTE);
  };
  rig.clock.moveTo(NOON);
  await Promise.all([...loops, timer, timer, timer].map(async (work) => {
    for (let round = 0; round < ROUNDS; round++) await work();
  }));
  await rig.run();
  await expectSound();
  expect((await rig.said()).filter(({ type }) => type === 'DistributionRequested').length).toBeGreaterThan(100);
}, 180_000);

/** Live windows have a timer of their generation, ended ones have none, what leads wait for is listed, and each generation is told once. */
async function expectSound(): Promise<void> {
  const rows = async (text: string) => (await rig.database.pool.query(text)).rows;
  expect(await rows(`
    SELECT w.tenant_id, w.lead_id, w.state, w.generation, t.generation AS timer FROM workflow.windows w
      FULL JOIN (SELECT * FROM workflow.window_timers WHERE kind = 'window') t ON t.tenant_id = w.tenant_id AND t.lead_id = w.lead_id
     WHERE (w.state IN ('open', 'paused')) IS DISTINCT FROM (t.lead_id IS NOT NULL) OR t.generation <> w.generation`)).toEqual([]);
  expect(await rows(`
    SELECT w.tenant_id, w.lead_id, w.generation, count(h.lead_id) FROM workflow.windows w
      LEFT JOIN workflow.window_history h ON h.tenant_id = w.tenant_id AND h.lead_id = w.lead_id
     GROUP BY w.tenant_id, w.lead_id HAVING count(h.lead_id) <> w.generation`)).toEqual([]);
  expect(await rows(`
    SELECT w.tenant_id, w.lead_id, w.waits_on FROM workflow.windows w WHERE NOT EXISTS (
      SELECT FROM workflow.window_timers t WHERE t.tenant_id = w.tenant_id AND t.lead_id = w.lead_id AND t.kind = 'hold')
       AND (SELECT coalesce(array_agg(c ORDER BY c), '{}') FROM unnest(w.waits_on) AS c)
        <> (SELECT coalesce(array_agg(x.contract_id ORDER BY x.contract_id), '{}') FROM workflow.window_waits x WHERE x.tenant_id = w.tenant_id AND x.lead_id = w.lead_id)`))
    .toEqual([]);
  expect((await rows('SELECT FROM workflow.windows')).length).toBeGreaterThan(20);
}
