import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { testDatabase, type TestDatabase } from './index.js';

class Numbers1700000000000 implements MigrationInterface {
  static runs = 0;

  async up(runner: QueryRunner): Promise<void> {
    Numbers1700000000000.runs++;
    await runner.query('CREATE TABLE numbers (n integer PRIMARY KEY)');
    await runner.query('INSERT INTO numbers VALUES (1), (2)');
  }

  async down(): Promise<void> {}
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe('a test database', () => {
  let first: TestDatabase;
  let second: TestDatabase;

  beforeAll(async () => {
    const migrations = [Numbers1700000000000];
    [first, second] = await Promise.all([testDatabase({ migrations }), testDatabase({ migrations })]);
  });

  afterAll(async () => {
    await first.drop();
    await second.drop();
  });

  it('has what its migrations made', async () => {
    expect(await query(first.url, 'SELECT n FROM numbers ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('is not touched by what another spec writes into its own', async () => {
    await query(first.url, 'INSERT INTO numbers VALUES (3)');
    expect(await query(second.url, 'SELECT count(*)::int AS count FROM numbers')).toEqual([{ count: 2 }]);
  });

  it('is cloned from one template for the same migrations, and from another for others', async () => {
    const other = await testDatabase({ prepare: async (url) => { await query(url, 'CREATE TABLE words (w text)'); } });
    try {
      const tables = await query(other.url, `SELECT to_regclass('numbers') AS numbers, to_regclass('words')::text AS words`);
      expect(tables).toEqual([{ numbers: null, words: 'words' }]);
      expect(Numbers1700000000000.runs).toBe(1);
    } finally {
      await other.drop();
    }
  });

  it('is gone once it was dropped, even while somebody is connected', async () => {
    const short = await testDatabase({ migrations: [Numbers1700000000000] });
    const client = new pg.Client({ connectionString: short.url });
    client.on('error', () => undefined);
    await client.connect();
    await short.drop();
    await expect(query(short.url, 'SELECT 1')).rejects.toThrow('does not exist');
  });
});
