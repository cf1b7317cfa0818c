import { createService, Database } from '@sluice/db';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Bus } from './bus.js';
import type { BusHarness, Effect } from './bus.suite.js';
import { busMigrations } from './migrations/index.js';

/**
 * What the suite's groups write: one row an event that had its effect. A second one of the same event fails nothing, so that it is seen.
 */
export class Suite1764000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'suite');
    await runner.query(`CREATE TABLE suite.effect (
      place bigserial PRIMARY KEY, grp text NOT NULL, topic text NOT NULL, partition int NOT NULL, seq bigint NOT NULL,
      id text NOT NULL, tenant_id text NOT NULL, subject text NOT NULL)`);
    await runner.query('GRANT ALL ON suite.effect TO sluice_suite; GRANT ALL ON SEQUENCE suite.effect_place_seq TO sluice_suite');
  }

  async down(): Promise<void> {
    // Of a test database alone.
  }
}

export const suiteMigrations = [...busMigrations, Suite1764000000009];

/** A harness on a clone of the test database. `open` gets one data source each, as a process would have. */
export async function databaseHarness(
  open: (database: Database) => Promise<Bus>, onClose: () => Promise<void> = () => Promise.resolve(),
): Promise<DatabaseHarness> {
  const clone = await testDatabase({ migrations: suiteMigrations });
  return new DatabaseHarness(clone, await Database.open({ url: clone.url }), open, onClose);
}

export class DatabaseHarness implements BusHarness {
  private readonly others: Database[] = [];

  constructor(
    readonly clone: TestDatabase,
    readonly database: Database,
    private readonly opening: (database: Database) => Promise<Bus>,
    private readonly onClose: () => Promise<void>,
  ) {}

  async open(): Promise<Bus> {
    const database = await Database.open({ url: this.clone.url, poolMax: 12 });
    this.others.push(database);
    return this.opening(database);
  }

  transaction: BusHarness['transaction'] = (work) => this.database.transaction({ service: 'suite', tenants: [] }, work);

  record: BusHarness['record'] = async (tx, group, batch, events) => {
    await tx.query(
      `INSERT INTO suite.effect (grp, topic, partition, seq, id, tenant_id, subject)
       SELECT $1, $2, $3, u.* FROM unnest($4::bigint[], $5::text[], $6::text[], $7::text[]) u`,
      [
        group, batch.topic, batch.partition,
        events.map((e) => e.seq), events.map((e) => e.id), events.map((e) => e.tenantId), events.map((e) => e.subject),
      ],
    );
  };

  truncate: BusHarness['truncate'] = async (tx, group) => {
    await tx.query('DELETE FROM suite.effect WHERE grp = $1', [group]);
  };

  async effects(group: string): Promise<Effect[]> {
    const result = await this.database.pool.query<Effect>(
      'SELECT topic, partition, seq::float8 AS seq, id, tenant_id AS "tenantId", subject FROM suite.effect WHERE grp = $1 ORDER BY place', [group],
    );
    return result.rows;
  }

  async close(): Promise<void> {
    await this.onClose();
    for (const database of this.others) await database.close();
    await this.database.close();
    await this.clone.drop();
  }
}
