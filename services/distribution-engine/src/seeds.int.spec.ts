import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '@sluice/db';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { engineMigrations } from './migrations/index.js';
import { SeedsStore } from './seeds.store.js';

let server: TestDatabase;
let database: Database;
beforeAll(async () => {
  server = await testDatabase({ migrations: engineMigrations });
  database = await Database.open({ url: server.url });
});
afterAll(async () => {
  await database?.close();
  await server?.drop();
});

const opened = async (given?: string): Promise<SeedsStore> => {
  const seeds = new SeedsStore(database);
  await seeds.open(given);
  return seeds;
};
const draws = (seeds: SeedsStore, tenantId: string) => Array.from({ length: 2000 }, (_, place) =>
  seeds.of(tenantId)(`lead|rule|1|c${place}`));

it('every member of an installation draws the same, and each tenant another', async () => {
  const [first, second] = await Promise.all([opened(), opened()]);
  expect(draws(first, 'a')).toEqual(draws(second, 'a'));
  expect(draws(first, 'a')).not.toEqual(draws(first, 'b'));
});

it('a given secret decides instead of the generated one', async () => {
  const [one, same, other] = [await opened('a secret of sixteen'), await opened('a secret of sixteen'), await opened('another of sixteen')];
  expect(draws(one, 'a')).toEqual(draws(same, 'a'));
  expect(draws(one, 'a')).not.toEqual(draws(other, 'a'));
});

it('what is drawn is spread evenly over [0, 1)', async () => {
  const drawn = draws(await opened(), 'a');
  expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
  // Ten bins of 200: five standard deviations are 67.
  const bins = Array.from({ length: 10 }, (_, bin) => drawn.filter((value) => Math.floor(value * 10) === bin).length);
  for (const count of bins) expect(Math.abs(count - 200)).toBeLessThan(67);
});
