import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createService, Database, LOG_ROLE, protectTable, Statistics, type Scope } from './index.js';

class Shop1764000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'shop');
    await createService(runner, 'rival');
    // A second run, as beside another database of the same server.
    await createService(runner, 'shop');
    await runner.query('CREATE TABLE shop.sale (id text PRIMARY KEY, tenant_id text NOT NULL)');
    await protectTable(runner, 'shop', 'sale');
  }

  async down(): Promise<void> {
    // Of a test database alone.
  }
}

let clone: TestDatabase;
let database: Database;
beforeAll(async () => {
  clone = await testDatabase({ migrations: [Shop1764000000008] });
  database = await Database.open({ url: clone.url, poolMax: 3 });
});
afterAll(async () => {
  await database?.close();
  await clone?.drop();
});

const shop = (...tenants: string[]): Scope => ({ service: 'shop', tenants });
const sell = (id: string, tenantId: string) => database.transaction(shop(tenantId), (tx) => tx.query('INSERT INTO shop.sale VALUES ($1, $2)', [id, tenantId]));
const sales = (...tenants: string[]) => database.transaction(shop(...tenants), async (tx) => (await tx.query<{ id: string }>('SELECT id FROM shop.sale ORDER BY id')).map((row) => row.id));
const idle = () => database.pool.idleCount === database.pool.totalCount;

describe('a transaction', () => {
  it('sees the rows of its tenants and no others, and none without a tenant', async () => {
    await sell('s1', 'a');
    await sell('s2', 'b');
    expect(await sales('a')).toEqual(['s1']);
    expect(await sales('b')).toEqual(['s2']);
    expect(await sales('a', 'b')).toEqual(['s1', 's2']);
    expect(await sales()).toEqual([]);
    expect(await sales('')).toEqual([]);
    expect(await sales(`a'; RESET ROLE; --`)).toEqual([]);
  });

  it('cannot write a row for a tenant that is not its own', async () => {
    await expect(database.transaction(shop('a'), (tx) => tx.query(`INSERT INTO shop.sale VALUES ('s3', 'b')`))).rejects.toThrow('row-level security');
    await expect(database.transaction(shop('a,b'), () => Promise.resolve())).rejects.toThrow('no comma');
  });

  it('has the rights of its service alone, and the connection has them no longer than it', async () => {
    await expect(database.transaction({ service: 'rival', tenants: ['a'] }, (tx) => tx.query('SELECT 1 FROM shop.sale'))).rejects.toThrow('permission denied');
    await expect(database.transaction({ service: 'shop; DROP', tenants: [] }, () => Promise.resolve())).rejects.toThrow('no service name');
    await sales('a');
    for (const row of (await database.pool.query(`SELECT current_user = session_user AS same, current_setting('sluice.tenants', true) AS tenants`)).rows)
      expect(row).toEqual({ same: true, tenants: expect.stringMatching(/^$/) });
    const member = await database.pool.query(`SELECT pg_has_role('sluice_shop', '${LOG_ROLE}', 'MEMBER') AS it`);
    expect(member.rows[0].it).toBe(true);
  });

  it('runs the last steps in order, then tells of its end once it is known', async () => {
    const steps: string[] = [];
    await database.transaction(shop('a'), async (tx) => {
      tx.afterCommit(() => { steps.push('after'); throw new Error('nobody\'s'); });
      tx.afterCommit(() => steps.push('after all the same'));
      tx.onRollback(() => steps.push('rolled back'));
      tx.beforeCommit(async () => {
        steps.push('last 1');
        tx.beforeCommit(() => Promise.resolve(void steps.push('last 3')));
      });
      tx.beforeCommit(async () => { await tx.query('SELECT 1'); steps.push('last 2'); });
      steps.push('work');
    });
    expect(steps).toEqual(['work', 'last 1', 'last 2', 'last 3', 'after', 'after all the same']);
  });

  it('leaves nothing, and says so, where its work or a last step throws', async () => {
    for (const fail of ['work', 'last'] as const) {
      const steps: string[] = [];
      const doomed = database.transaction(shop('a'), async (tx) => {
        tx.onRollback(() => { steps.push('undone'); throw new Error('hides the cause'); });
        tx.afterCommit(() => steps.push('after'));
        tx.beforeCommit(() => (fail === 'last' ? Promise.reject(new Error(fail)) : Promise.resolve()));
        await tx.query(`INSERT INTO shop.sale VALUES ('doomed', 'a')`);
        if (fail === 'work') throw new Error(fail);
      });
      await expect(doomed).rejects.toThrow(fail);
      expect(steps).toEqual(['undone']);
    }
    expect(await sales('a')).toEqual(['s1']);
    expect(idle()).toBe(true);
  });

  it('fails where the work swallowed a failed statement: the server would roll back and call it a commit', async () => {
    const steps: string[] = [];
    await expect(database.transaction(shop('a'), async (tx) => {
      tx.afterCommit(() => steps.push('after'));
      await tx.query(`INSERT INTO shop.sale VALUES ('swallowed', 'a')`);
      await tx.query('SELECT 1 / 0').catch(() => undefined);
    })).rejects.toThrow('nothing is committed');
    expect(steps).toEqual([]);
    expect(await sales('a')).toEqual(['s1']);
  });

  it('fails with the cause where its connection is cut, and the pool makes a new one', async () => {
    for (let i = 0; i < 5; i++) {
      const steps: string[] = [];
      await expect(database.transaction(shop('a'), async (tx) => {
        tx.onRollback(() => steps.push('undone'));
        const [{ pid }] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid') as [{ pid: number }];
        await database.pool.query('SELECT pg_terminate_backend($1)', [pid]);
        await tx.query(`INSERT INTO shop.sale VALUES ('cut', 'a')`);
      })).rejects.toThrow(/terminat|connection/i);
      expect(steps).toEqual(['undone']);
    }
    expect(await sales('a')).toEqual(['s1']);
    expect(idle()).toBe(true);
    expect(database.pool.totalCount).toBeLessThanOrEqual(3);
  });

  it('cut between two statements ends itself, not the process', async () => {
    await expect(database.transaction(shop('a'), async (tx) => {
      const [{ pid }] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid') as [{ pid: number }];
      await database.pool.query('SELECT pg_terminate_backend($1)', [pid]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    })).rejects.toThrow();
    expect(await sales('a')).toEqual(['s1']);
  });
});

describe('a transaction that sends its statements without waiting', () => {
  const pipelined = (service: string, ...tenants: string[]): Scope => ({ service, tenants, pipelined: true });
  const insert = (scope: Scope, id: string) => database.transaction(scope, (tx) => tx.query('INSERT INTO shop.sale VALUES ($1, $2)', [id, 'b']));

  it('runs nothing where it could not begin, and tells why', async () => {
    await expect(insert(pipelined('nobody', 'b'), 'p1')).rejects.toThrow('role "sluice_nobody" does not exist');
    await expect(insert(pipelined('shop', 'b\0'), 'p2')).rejects.toThrow('no NUL');
    expect((await database.pool.query(`SELECT id FROM shop.sale WHERE id LIKE 'p%'`)).rows).toEqual([]);
    expect(idle()).toBe(true);
  });

  it('has the rights and the rows of its scope from its first statement on, and leaves the connection as others expect it', async () => {
    await expect(insert(pipelined('shop', 'a'), 'p3')).rejects.toThrow('row-level security');
    const asked = await database.transaction(pipelined('shop', 'b'), (tx) => Promise.all([1, 2, 3].map(() =>
      tx.query<{ role: string; n: number }>('SELECT current_user AS role, (SELECT count(*)::int FROM shop.sale) AS n'))));
    expect(asked.flat()).toEqual(Array.from({ length: 3 }, () => ({ role: 'sluice_shop', n: 1 })));
    expect(await sales('a')).toEqual(['s1']);
  });

  it('tells the failure that came first, not that of what was refused for it', async () => {
    await expect(database.transaction(pipelined('shop', 'b'), async (tx) => {
      tx.query('SELECT 1 / 0').catch(() => undefined);
      await tx.query('SELECT 1');
    })).rejects.toThrow('division by zero');
  });

  it('leaves nothing where one of those that were sent together failed, whoever swallowed it', async () => {
    await expect(database.transaction(pipelined('shop', 'b'), (tx) => Promise.allSettled([
      tx.query(`INSERT INTO shop.sale VALUES ('p4', 'b')`), tx.query('SELECT 1 / 0'), tx.query(`INSERT INTO shop.sale VALUES ('p5', 'b')`),
    ]))).rejects.toThrow('nothing is committed');
    expect(await sales('b')).toEqual(['s2']);
  });
});

describe('migrations', () => {
  it('run once, when several processes start at the same time', async () => {
    const empty = await testDatabase();
    const open = () => Database.open({ url: empty.url, migrations: [Shop1764000000008] });
    const processes = await Promise.all(Array.from({ length: 3 }, open));
    await Promise.all(processes.map((each) => each.migrate()));
    const done = await processes[0]!.pool.query('SELECT name FROM sluice_migrations');
    expect(done.rows).toEqual([{ name: 'Shop1764000000008' }]);
    for (const each of processes) await each.close();
    await empty.drop();
  });
});

describe('the planner', () => {
  const counted = async () => Number((await database.pool.query(`SELECT reltuples FROM pg_class WHERE oid = 'shop.sale'::regclass`)).rows[0].reltuples);
  const fill = (name: string, rows: number) => database.transaction(shop('a'), (tx) => tx.query(
    `INSERT INTO shop.sale SELECT $1 || n, 'a' FROM generate_series(1, $2::int) n`, [name, rows]));
  /** A backend tells what it wrote within a second. */
  const looked = async (statistics: Statistics) => {
    for (let tries = 0; tries < 100; tries++) {
      const names = await statistics.look();
      if (names.length > 0) return names;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return [];
  };

  it('hears of a table that has more than doubled, and of none twice', async () => {
    const statistics = new Statistics(database, (error) => { throw error; });
    await fill('first', 1000);
    expect(await looked(statistics)).toContain('shop.sale');
    const before = await counted();
    expect(before).toBeGreaterThanOrEqual(1000);
    expect(await statistics.look()).toEqual([]);
    await fill('second', 2000);
    expect(await looked(statistics)).toEqual(['shop.sale']);
    expect(await counted()).toBeGreaterThanOrEqual(before + 2000);
  });
});
