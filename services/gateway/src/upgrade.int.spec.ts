import 'reflect-metadata';
import { afterAll, expect, it } from '@jest/globals';
import { busMigrations } from '@sluice/bus';
import { Database } from '@sluice/db';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { gatewayService } from './gateway.module.js';
import { Gateway1764000000004 } from './migrations/1764000000004-gateway.js';

const servers: TestDatabase[] = [];

afterAll(async () => {
  for (const server of servers) await server.drop();
});

async function upgraded(rows: string): Promise<Database> {
  const server = await testDatabase({ migrations: [...busMigrations, Gateway1764000000004] });
  servers.push(server);
  const migrations = [...busMigrations, ...gatewayService.migrations] as never;
  const database = await Database.open({ url: server.url, migrations });
  if (rows) await database.pool.query(rows);
  await database.migrate();
  return database;
}

it('keeps the leads of an older version as they were, and has them heard again', async () => {
  const database = await upgraded(`
    INSERT INTO gateway.leads (tenant_id, lead_id, received_at, decided_at, attempts, reason, open, accepted, history)
    VALUES ('a', 'L1', 1, 2, 1, NULL, 0, 1, 'a1|arrival|1|1||;'), ('b', 'L2', 1, 2, 1, 'cap_day', 0, 0, ''), ('b', 'L3', 1, NULL, 0, NULL, 0, 0, '')`);
  try {
    expect((await database.pool.query('SELECT lead_id, status, history, returned FROM gateway.leads ORDER BY lead_id')).rows).toEqual([
      { lead_id: 'L1', status: 'accepted', history: 'a1|arrival|1|1||;', returned: 0 }, { lead_id: 'L2', status: 'unsold', history: '', returned: 0 },
      { lead_id: 'L3', status: 'received', history: '', returned: 0 },
    ]);
    expect((await database.pool.query('SELECT version FROM gateway.projection')).rows).toEqual([{ version: 1 }]);
  } finally {
    await database.close();
  }
});

it('has nothing to hear again where there was nothing', async () => {
  const database = await upgraded('');
  expect((await database.pool.query('SELECT version FROM gateway.projection')).rows).toEqual([{ version: 2 }]);
  await database.close();
});
