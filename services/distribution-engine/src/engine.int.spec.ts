import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { aConfiguration, aDocument, aLead, aRequest, aResult, hear } from './builders.suite.js';
import { audit } from './audit.suite.js';
import { ChainBroken } from './chain.store.js';
import { Partition } from './partition.service.js';
import { rigPerTest } from './rig-per-test.suite.js';
import { oneIn, openMember, type Rig } from './rig.suite.js';
import { mustReplay } from './replay.suite.js';

let rig: Rig;
const { members, member } = rigPerTest((opened) => { rig = opened; });

const TENANTS = ['north', 'south'];
/** Two tenants, three contracts: two with daily caps, one that takes the rest but Sundays' worth of nothing. */
const document = aDocument({
  clients: [{ id: 'acme' }, { id: 'bolt' }, { id: 'cord' }],
  contracts: [
    { id: 'acme-1', client: 'acme', price: '30.00', maxShareCount: 2, caps: { day: 40 }, deliveryMethod: 'hook' },
    { id: 'bolt-1', client: 'bolt', price: '20.00', maxShareCount: 2, caps: { day: 60 }, deliveryMethod: 'hook' },
    { id: 'cord-1', client: 'cord', price: '10.00', maxShareCount: 2, caps: { day: 1000 }, deliveryMethod: 'hook' },
  ],
  workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price', take: 2 }] }],
});
const CAPS = { 'acme-1': 40, 'bolt-1': 60, 'cord-1': 1000 };

async function configure(tenants: readonly string[] = TENANTS): Promise<void> {
  await rig.say(tenants.flatMap((tenantId) => aConfiguration(tenantId, 1, document, 2)));
}

/** So many leads of each tenant, in bunches that interleave. */
async function send(count: number, prefix: string, tenants: readonly string[] = TENANTS): Promise<void> {
  for (let from = 0; from < count; from += 25) {
    const bunch = Array.from({ length: Math.min(25, count - from) }, (_, place) => `${prefix}-${from + place}`);
    await rig.say(bunch.flatMap((leadId) => tenants.map((tenantId) => aLead(tenantId, leadId, { receivedAt: new Date().toISOString() }))));
  }
}

describe('the engine on a real log', () => {
  it('keeps caps exact while rejections and arrivals cross each other', async () => {
    await member();
    await configure();
    // A third of the first bunch is turned down; what comes later is taken, so that the caps fill to the brim.
    await rig.receive(({ leadId, contractId }) =>
      (leadId.startsWith('first') && oneIn(3, `${leadId}${contractId}`) ? 'rejected' : 'accepted'));
    await send(100, 'first');
    await rig.settled('engine', 'delivery');
    await send(100, 'later');
    await rig.settled('engine', 'delivery');
    const { standing, outbound } = await audit(rig, { leads: 400, caps: CAPS, buyers: 2 });
    for (const tenantId of TENANTS) expect([standing.get(`${tenantId}/acme-1`), standing.get(`${tenantId}/bolt-1`)]).toEqual([40, 60]);
    expect(outbound['rejected']).toBeGreaterThan(30);
    expect(outbound['reserved']).toBeUndefined();
  });

  it('holds the units of what nobody answered, and gives back those of what was never sent', async () => {
    await member();
    await configure();
    const answers = { 'acme-1': 'unresolved', 'bolt-1': 'failed', 'cord-1': undefined } as const;
    await rig.receive(({ contractId }) => answers[contractId as keyof typeof answers]);
    await send(30, 'lead');
    await rig.settled('engine', 'delivery');
    const { outbound, standing } = await audit(rig, { leads: 60, caps: CAPS, buyers: 2 });
    expect(outbound).toEqual({ unresolved: 60, failed: 60, reserved: 60 });
    expect(standing.get('north/acme-1')).toBe(30);
  });

  it('decides what came before what it rests on: leads before their configuration, results before their leads', async () => {
    await member();
    await send(20, 'early');
    await rig.say(TENANTS.map((tenantId) => aRequest(tenantId, 'late-0', { contractIds: ['cord-1'] })));
    await rig.say([aResult('accepted', { tenantId: 'north', leadId: 'late-1', outboundLeadId: 'x', contractId: 'cord-1' })]);
    await rig.settled('engine');
    expect(await rig.rows('SELECT 1 FROM engine.waiting')).toHaveLength(43);
    await configure();
    await send(2, 'late');
    await rig.settled('engine');
    expect(await rig.rows('SELECT 1 FROM engine.waiting')).toEqual([]);
    await audit(rig, { leads: 44, caps: CAPS, buyers: 3 });
    const manual = await rig.rows<{ lead_id: string }>(`SELECT lead_id FROM engine.attempts WHERE trigger = 'manual'`);
    expect(manual).toEqual([{ lead_id: 'late-0' }, { lead_id: 'late-0' }]);
  });

  it('decides a lead once that is in the log twice, and what came with it as well', async () => {
    const opened = await member();
    await configure();
    await send(3, 'lead');
    await rig.settled('engine');
    await rig.say([aLead('north', 'new-1'), aLead('north', 'lead-1'), aLead('south', 'new-1')]);
    await rig.settled('engine');
    await audit(rig, { leads: 8, caps: CAPS, buyers: 2 });
    expect(await rig.bus.parked('engine')).toEqual([]);
    expect(opened.log.lines.filter(({ message }) => message === 'a batch failed').length).toBeLessThan(3);
  });

  it('keeps what waits over a restart', async () => {
    const first = await member();
    await send(5, 'early');
    await rig.say(aConfiguration('north', 1, document, 3).slice(0, 2));
    await rig.settled('engine');
    await first.close();
    members.splice(0);
    await member();
    await rig.say(aConfiguration('north', 1, document, 3).slice(2));
    await rig.say(aConfiguration('south', 1, document));
    await rig.settled('engine');
    await audit(rig, { leads: 10, caps: CAPS, buyers: 2 });
  });

  it('loses and doubles nothing while its connections are cut under it again and again', async () => {
    const opened = await member({ batchMax: 7 });
    await configure();
    await rig.receive(({ leadId, contractId }) => (oneIn(4, `${leadId}${contractId}`) ? 'rejected' : 'accepted'));
    const failures = () => opened.log.lines.filter(({ message }) => message === 'a batch failed').length;
    let leads = 0;
    // Until three batches have failed of it: not every cut hits one.
    while (failures() < 3) {
      await send(50, `lead-${leads}`);
      leads += 50;
      let cut = 0;
      for (let tries = 0; cut === 0 && tries < 100; tries++) {
        cut = (await rig.rows(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'engine-under-test' AND datname = current_database() AND xact_start IS NOT NULL
            AND (query LIKE '%engine.chain%' OR query LIKE '%engine.leads%' OR query LIKE '%log.append%')`)).length;
      }
    }
    await rig.settled('engine', 'delivery');
    await audit(rig, { leads: leads * TENANTS.length, caps: CAPS, buyers: 2 });
  });

  it('hands partitions over to a second member and back, many tenants over all of them, without a seam', async () => {
    const tenants = Array.from({ length: 24 }, (_, place) => `tenant-${place}`);
    const first = await member();
    await configure(tenants);
    await rig.receive(({ leadId, contractId }) => (oneIn(5, `${leadId}${contractId}`) ? 'rejected' : 'accepted'));
    await send(25, 'a', tenants);
    const second = await member();
    await send(25, 'b', tenants);
    await until(() => second.consumer.owned().length > 0);
    await first.close();
    members.splice(members.indexOf(first), 1);
    await send(25, 'c', tenants);
    await rig.settled('engine', 'delivery');
    await audit(rig, { leads: 24 * 75, caps: CAPS, buyers: 2 });
    expect((await rig.rows('SELECT DISTINCT partition FROM engine.tenants')).length).toBeGreaterThan(6);
    expect(second.consumer.owned()).toHaveLength(12);
  });
});

it('sets a configuration aside that cannot be compiled; the other tenants of the partition go on', async () => {
  await member();
  const tenants = Array.from({ length: 40 }, (_, place) => `neighbour-${place}`);
  await configure(tenants);
  const broken = [{ kind: 'contract', id: 'x', entry: 9, body: { id: 'x', client: 'acme', caps: { day: -1 } } }] as const;
  await rig.say(aConfiguration(tenants[0]!, 2, broken));
  await send(2, 'lead', tenants);
  await rig.say([aLead(tenants[0]!, 'later', { configurationVersion: 2 })]);
  await rig.settled('engine');
  await audit(rig, { leads: 80, caps: CAPS, buyers: 2 });
  expect(await rig.bus.parked('engine')).toMatchObject([{ tenantId: tenants[0], type: 'sluice.workflow.v1.ConfigurationChanged',
    waits: false }]);
  expect(await rig.rows('SELECT rests_on FROM engine.waiting')).toEqual([{ rests_on: '2' }]);
});

describe('a member that lost its partition without knowing', () => {
  it('commits nothing any more, and neither does what is in its pipeline behind', async () => {
    await configure(['north']);
    const [zombie, owner] = [await openMember(rig.url), await openMember(rig.url)];
    members.push(zombie, owner);
    await zombie.engine.open();
    const was = await Partition.takeOver(zombie.engine, 3);
    await Partition.takeOver(owner.engine, 3);
    const batch = (first: number, leadId: string) => ({
      group: 'engine', topic: 'sluice.intake', partition: 3, first, last: first, parked: [],
      events: hear([aLead('north', leadId, { configurationVersion: 0 })], first),
    });
    const [one, two] = [await was.take(batch(1, 'L1')), await was.take(batch(2, 'L2'))];
    const ends = await Promise.allSettled([one.committed, two.committed]);
    expect(ends.map((end) => end.status === 'rejected' && end.reason instanceof ChainBroken)).toEqual([true, true]);
    expect(await rig.rows('SELECT 1 FROM engine.leads')).toEqual([]);
    expect(await rig.rows('SELECT 1 FROM engine.journal')).toEqual([]);
    await expect(was.take(batch(3, 'L3'))).rejects.toThrow();
  });
});

describe('snapshot, journal and log', () => {
  it('give the same attempts to the byte', async () => {
    const opened = await member();
    const { SnapshotService } = await import('./snapshot.service.js');
    const snapshots = new SnapshotService(opened.engine);
    await configure();
    await rig.receive(({ leadId, contractId }) => (oneIn(4, `${leadId}${contractId}`) ? 'rejected' : 'accepted'));
    await send(30, 'before');
    await rig.settled('engine', 'delivery');
    const partitions = (await rig.rows<{ partition: number }>('SELECT DISTINCT partition FROM engine.tenants')).map(({ partition }) =>
      partition);
    const labels = await Promise.all(partitions.map((partition) => snapshots.take(partition)));
    await send(60, 'after');
    await rig.say(aConfiguration('north', 2, { ...document, contracts: document.contracts!.slice(1) }));
    await rig.say(TENANTS.map((tenantId) => aRequest(tenantId, 'before-1', { contractIds: ['cord-1'] })));
    await rig.settled('engine', 'delivery');
    let replayed = 0;
    for (const label of labels) replayed += await mustReplay(rig, snapshots, label!);
    expect(replayed).toBeGreaterThan(120);
  });

  it('leave as many snapshots as are kept, the journal from the oldest on, and the log from there on', async () => {
    const opened = await member();
    const { SnapshotService } = await import('./snapshot.service.js');
    const snapshots = new SnapshotService(opened.engine);
    await configure(['north']);
    await rig.settled('engine');
    const [{ partition }] = await rig.rows<{ partition: number }>('SELECT partition FROM engine.tenants') as [{ partition: number }];
    expect(await snapshots.lastTakenAt(partition)).toBeUndefined();
    const taken = [];
    for (const name of ['first', 'second', 'third']) {
      await send(5, name, ['north']);
      await rig.settled('engine');
      taken.push((await snapshots.take(partition))!);
      // Until there are as many as are kept, a replay may begin at the very beginning.
      if (name === 'first') expect(await rig.rows('SELECT 1 FROM engine.journal WHERE batch_no = 1')).toHaveLength(1);
    }
    const [, second, third] = taken;
    expect(second!.positions['sluice.intake']).toBe(10);
    expect(await rig.rows('SELECT batch_no::int AS batch_no FROM engine.snapshots ORDER BY 1'))
      .toEqual([{ batch_no: second!.batchNo }, { batch_no: third!.batchNo }]);
    expect(await rig.rows('SELECT DISTINCT batch_no::int AS batch_no FROM engine.snapshot_rows ORDER BY 1'))
      .toEqual([{ batch_no: second!.batchNo }, { batch_no: third!.batchNo }]);
    expect(await rig.rows('SELECT min(batch_no)::int AS first FROM engine.journal')).toEqual([{ first: second!.batchNo + 1 }]);
    expect(await rig.rows(`SELECT position::int AS position FROM log.position WHERE grp LIKE '%snapshot%' AND topic = 'sluice.intake'
      AND partition = $1`, [partition]))
      .toEqual([{ position: 10 }]);
    expect(await snapshots.lastTakenAt(partition)).toBeGreaterThan(0);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 25));
}
