import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '@sluice/db';
import { OutboundLeadAccepted } from '@sluice/events';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { busMigrations, PostgresBus } from './index.js';

let clone: TestDatabase;
let database: Database;
beforeAll(async () => {
  clone = await testDatabase({ migrations: busMigrations });
  database = await Database.open({ url: clone.url });
  await database.pool.query('CREATE ROLE sluice_suite').catch(()=>undefined);
  await database.pool.query('GRANT sluice_log TO sluice_suite').catch(()=>undefined);
});
afterAll(async () => { await database.close(); await clone.drop(); });

it('works', async () => {
  const bus = await PostgresBus.open(database);
  const got: string[] = [];
  await bus.subscribe({ group: 'g', service: 'suite', topics: ['sluice.delivery'], types: [OutboundLeadAccepted.type], handle: async (batch) => { got.push(...batch.events.map((e) => e.id)); } });
  await database.transaction({ service: 'suite', tenants: [] }, async (tx) => {
    bus.append(tx, ['a','b','c'].map((id) => OutboundLeadAccepted.make({ tenantId: 't1', leadId: id, outboundLeadId: 'o', contractId: 'c' } as never, { id, time: 1 })));
  });
  const t = performance.now();
  while (got.length < 3 && performance.now() - t < 5000) await new Promise((r) => setTimeout(r, 5));

  await bus.close();
  expect(got).toEqual(['a','b','c']);
});
