import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '@sluice/db';
import { OutboundLeadAccepted } from '@sluice/events';
import { partitionOf } from '@sluice/kernel';
import { Log } from '@sluice/runtime';
import { accepted, eventually, groupName, TOPIC } from './bus.suite.js';
import { databaseHarness, type DatabaseHarness } from './database-harness.suite.js';
import { BelowRetained, LogGap, PostgresBus, StaleReader, type Batch, type Bus, type LogBusOptions, type PartitionOwner } from './index.js';
import { fairShare } from './leases.store.js';

let harness: DatabaseHarness;
const open: Bus[] = [];
const start = async (options: LogBusOptions = {}): Promise<PostgresBus> => {
  const bus = await PostgresBus.open(harness.database, options);
  open.push(bus);
  return bus;
};
beforeAll(async () => { harness = await databaseHarness((database: Database) => PostgresBus.open(database)); });
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
});
afterAll(() => harness?.close());

const sql = (text: string, values: unknown[] = []) => harness.database.pool.query(text, values);
const say = (bus: Bus, ids: readonly string[], tenantId = 't') => harness.transaction(async (tx) => bus.append(tx, ids.map((id) => accepted(id, { tenantId }))));
const consumer = (group: string) => ({
  group, service: 'suite', topics: [TOPIC], types: [OutboundLeadAccepted.type],
  handle: (batch: Batch, tx: Parameters<DatabaseHarness['record']>[0]) => harness.record(tx, group, batch, batch.events),
});
const ofTenant = async (group: string, tenantId: string) =>
  (await harness.effects(group)).filter((effect) => effect.tenantId === tenantId).map((effect) => effect.id);

/** Tells when the connection that wakes is lost. */
class Lost extends Log {
  private tell!: () => void;
  readonly seen = new Promise<void>((resolve) => { this.tell = resolve; });

  override info(): void {}
  override error(): void {}
  override warn(_fields: object, message: string): void {
    if (message.includes('wakes the readers of the log is lost')) this.tell();
  }
}

describe('the table of the log', () => {
  it('numbers what one transaction says in runs, dense over everybody\'s commits', async () => {
    const bus = await start();
    await Promise.all(Array.from({ length: 20 }, (_, i) => say(bus, [`n${i}a`, `n${i}b`, `n${i}c`], 'dense')));
    await say(bus, Array.from({ length: 2_500 }, (_, i) => `big${i}`), 'dense');
    const runs = await sql('SELECT first_seq::int AS first, count FROM log.run WHERE topic = $1 AND partition = $2 ORDER BY first_seq', [TOPIC, partitionOf('dense', 12)]);
    let next = 1;
    for (const { first, count } of runs.rows) {
      expect(first).toBe(next);
      next += count;
    }
    expect(next).toBe(20 * 3 + 2_500 + 1);
    expect(runs.rows.slice(-3).map((run) => run.count)).toEqual([1_000, 1_000, 500]);
  });

  it('is appended to under the role of any service, and by nobody else', async () => {
    const bus = await start();
    await say(bus, ['as-service'], 'role');
    await sql('CREATE ROLE sluice_stranger').catch(() => undefined);
    await expect(harness.database.transaction({ service: 'stranger', tenants: [] }, async (tx) => bus.append(tx, [accepted('x')]))).rejects.toThrow('permission denied');
  });

  it('wakes a reader in another process long before the poll would', async () => {
    const [writer, reader] = [await start(), await start({ pollMs: 60_000 })];
    const group = groupName();
    await reader.subscribe(consumer(group));
    await say(writer, ['before'], 'wake');
    await eventually(() => ofTenant(group, 'wake'), (ids) => expect(ids).toEqual(['before']));
    const at = performance.now();
    await say(writer, ['woken'], 'wake');
    await eventually(() => ofTenant(group, 'wake'), (ids) => expect(ids).toEqual(['before', 'woken']));
    expect(performance.now() - at).toBeLessThan(2_000);
  });

  it('is read by the poll alone where the connection that wakes is cut', async () => {
    const [writer, reader] = [await start(), await start({ pollMs: 100 })];
    const group = groupName();
    await reader.subscribe(consumer(group));
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice-wake' AND datname = current_database()`);
    await say(writer, ['polled'], 'cut');
    await eventually(() => ofTenant(group, 'cut'), (ids) => expect(ids).toEqual(['polled']));
  });

  it('is what a reader hears of who spoke while that connection was away: the next server may not have it', async () => {
    const lost = new Lost();
    const bus = await start({ log: lost });
    const group = groupName();
    await harness.transaction(async (tx) => {
      bus.append(tx, [accepted('said-away', { tenantId: 'away' })]);
      await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice-wake' AND datname = current_database()`);
      await lost.seen;
    });
    await sql(`UPDATE log.run SET heads = replace(heads, '"said-away"', '"of-the-table"')`);
    await bus.subscribe(consumer(group));
    await eventually(() => ofTenant(group, 'away'), (ids) => expect(ids).toEqual(['of-the-table']));
  });

  it('says how far a group is behind, and since when', async () => {
    const bus = await start();
    const group = groupName();
    await bus.register(group, [TOPIC]);
    await say(bus, ['lag'], 'lagging');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const lag = (await bus.lag(group)).find((each) => each.partition === partitionOf('lagging', 12))!;
    expect(lag).toMatchObject({ topic: TOPIC, position: 0 });
    expect(lag.head).toBeGreaterThan(0);
    expect(lag.ageMs).toBeGreaterThanOrEqual(50);
  });

  it('asks the database little while nothing happens', async () => {
    const bus = await start();
    for (let i = 0; i < 5; i++) await bus.subscribe(consumer(groupName()));
    await eventually(async () => (await sql('SELECT count(*)::int AS n FROM log.lease WHERE member IS NOT NULL')).rows[0].n, (n) => expect(n).toBeGreaterThanOrEqual(60));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const real = harness.database.pool.query.bind(harness.database.pool);
    let asked = 0;
    harness.database.pool.query = ((...args: Parameters<typeof real>) => { asked++; return real(...args); }) as typeof real;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    harness.database.pool.query = real;
    expect(asked).toBeLessThanOrEqual(6);
  });
});

describe('a reader', () => {
  it('stops loudly where a sequence is missing', async () => {
    const fatal: Error[] = [];
    const bus = await start({ onFatal: (error) => fatal.push(error) });
    const group = groupName();
    // What this process said itself it need not read.
    const another = await start();
    for (const id of ['g1', 'g2', 'g3']) await say(another, [id], 'gap');
    const seqs = await sql('SELECT max(first_seq)::int AS seq FROM log.run WHERE partition = $1', [partitionOf('gap', 12)]);
    await sql('UPDATE log.run SET first_seq = first_seq + 1000000 WHERE partition = $1 AND first_seq = $2', [partitionOf('gap', 12), seqs.rows[0].seq - 1]);
    await bus.subscribe(consumer(group));
    await eventually(() => fatal.length, (n) => expect(n).toBe(1));
    expect(fatal[0]).toBeInstanceOf(LogGap);
    expect(await ofTenant(group, 'gap')).toEqual(['g1']);
    await sql('UPDATE log.run SET first_seq = first_seq - 1000000 WHERE first_seq > 1000000');
  });

  it('whom another member has overtaken changes nothing, however late its commit comes', async () => {
    const group = groupName();
    const bus = await start();
    let go!: () => void;
    const paused = new Promise<void>((resolve) => { go = resolve; });
    const failures: unknown[] = [];
    const taken: Batch[] = [];
    const ends = new Map<number, Promise<unknown>>();
    const isOurs = (batch: Batch) => batch.events.some((event) => event.tenantId === 'stale');
    const owner: PartitionOwner = {
      group, service: 'suite', topics: [TOPIC], types: [OutboundLeadAccepted.type],
      assigned: () => Promise.resolve(), revoked: () => Promise.resolve(),
      take: async (batch) => {
        if (isOurs(batch)) taken.push(batch);
        const before = isOurs(batch) ? paused : ends.get(batch.partition) ?? Promise.resolve();
        const committed = before.then(() => harness.transaction(async (tx) => {
          await harness.record(tx, group, batch, batch.events);
          await bus.settle(tx, batch);
        }));
        ends.set(batch.partition, committed.catch((error: unknown) => { if (isOurs(batch)) failures.push(error); }));
        return { committed };
      },
    };
    await bus.register(group, [TOPIC]);
    await say(bus, ['s1', 's2'], 'stale');
    await bus.own(owner);
    await eventually(() => taken.length, (n) => expect(n).toBe(1));
    // What a member does that took the partition in the meantime.
    const [batch] = taken;
    await harness.transaction(async (tx) => {
      await harness.record(tx, group, batch!, batch!.events);
      await tx.query('UPDATE log.position SET position = $1 WHERE grp = $2 AND topic = $3 AND partition = $4', [batch!.last, group, TOPIC, batch!.partition]);
    });
    go();
    await eventually(() => failures.length, (n) => expect(n).toBe(1));
    expect(failures[0]).toBeInstanceOf(StaleReader);
    await say(bus, ['s3'], 'stale');
    await eventually(() => ofTenant(group, 'stale'), (ids) => expect(ids).toEqual(['s1', 's2', 's3']));
    expect(await bus.parked(group)).toEqual([]);
  });

  it('that does not move though there is something to read is reported, to end the process', async () => {
    const fatal: Error[] = [];
    const bus = await start({ stalledMs: 400, onFatal: (error) => fatal.push(error) });
    const group = groupName();
    let go!: () => void;
    const paused = new Promise<void>((resolve) => { go = resolve; });
    await bus.subscribe({ ...consumer(group), handle: () => paused });
    await say(bus, ['stuck'], 'stuck');
    await eventually(() => fatal.length, (n) => expect(n).toBeGreaterThan(0));
    expect(fatal[0]!.message).toContain(`${group} has not moved on ${TOPIC}`);
    go();
  });

  it('outlives the loss of all its connections', async () => {
    const bus = await start({ pollMs: 100 });
    const group = groupName();
    await bus.subscribe(consumer(group));
    for (let i = 0; i < 10; i++) {
      await say(bus, [`l${i}`], 'lost').catch(() => say(bus, [`l${i}`], 'lost'));
      if (i % 3 === 0) await sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()').catch(() => undefined);
    }
    await eventually(() => ofTenant(group, 'lost'), (ids) => expect(new Set(ids)).toEqual(new Set(Array.from({ length: 10 }, (_, i) => `l${i}`))));
    expect(await bus.parked(group)).toEqual([]);
  });

  it('takes its share of the partitions, the first ones what is left of the division', () => {
    expect([3, 5, 9, 11, 20].map((member) => fairShare(12, [3, 5, 9, 11, 20], member))).toEqual([3, 3, 2, 2, 2]);
    expect(() => fairShare(12, [3], 4)).toThrow('is not of the group');
  });
});

describe('retention', () => {
  it('drops whole days that every group has read, oldest first, and refuses to start a group below them', async () => {
    const own = await databaseHarness((database: Database) => PostgresBus.open(database));
    const bus = await PostgresBus.open(own.database, { retentionDays: 14 });
    const day = async (back: number) => {
      const name = (await own.database.pool.query(`SELECT to_char(current_date - $1::int, 'YYYYMMDD') AS name, (current_date - $1::int)::text AS since, (current_date - $1::int + 1)::text AS upto`, [back])).rows[0];
      await own.database.pool.query(`CREATE TABLE log.run_${name.name} PARTITION OF log.run FOR VALUES FROM ('${name.since}') TO ('${name.upto}')`);
      await own.transaction(async (tx) => bus.append(tx, [accepted(`d${back}`)]));
      await own.database.pool.query(`UPDATE log.run SET day = current_date - $1::int WHERE day >= current_date - 1`, [back]);
      return name.name as string;
    };
    await bus.register('slow', [TOPIC]);
    const days = [await day(30), await day(20), await day(3)];
    await own.transaction(async (tx) => bus.append(tx, [accepted('today')]));
    expect(await bus.retain()).toEqual([]);
    await own.database.pool.query(`UPDATE log.position SET position = 1 WHERE grp = 'slow' AND partition = $1`, [partitionOf('tenant-a', 12)]);
    expect(await bus.retain()).toEqual([days[0]]);
    // A snapshot holds the log as a group does.
    await own.transaction((tx) => bus.hold(tx, 'snapshot', [{ topic: TOPIC, partition: partitionOf('tenant-a', 12), position: 1 }]));
    await own.database.pool.query(`UPDATE log.position SET position = 4 WHERE grp = 'slow' AND partition = $1`, [partitionOf('tenant-a', 12)]);
    expect(await bus.retain()).toEqual([]);
    await own.transaction((tx) => bus.hold(tx, 'snapshot', [{ topic: TOPIC, partition: partitionOf('tenant-a', 12), position: 3 }]));
    expect(await bus.retain()).toEqual([days[1]]);
    await expect(bus.register('late', [TOPIC])).rejects.toBeInstanceOf(BelowRetained);
    await bus.register('late', [TOPIC], { atRetained: true });
    expect((await bus.lag('late')).find((lag) => lag.head > 0)).toMatchObject({ position: 2, head: 4 });
    await expect(bus.reset('slow', () => Promise.resolve())).rejects.toBeInstanceOf(BelowRetained);
    await bus.close();
    await own.close();
  });
});
