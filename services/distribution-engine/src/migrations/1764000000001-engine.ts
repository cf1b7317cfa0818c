import { createService, protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The engine's tables. Receipts, leads and lives are text: nothing asks the database what is inside, and text is written more than a
 * third faster than jsonb. Tables whose rows one transaction rewrites again and again leave room in their pages, so that the new version
 * of a row stays beside the old one and touches no index. Keys are ordered by their bytes, whatever the language of the database: it is
 * several times as fast, and the same everywhere.
 */
export class Engine1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'engine');
    for (const statement of TABLES) await runner.query(statement);
    for (const table of OF_THE_SERVICE) await protectTable(runner, 'engine', table, null);
    for (const table of OF_TENANTS) await protectTable(runner, 'engine', table);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP SCHEMA engine CASCADE');
  }
}

const OF_THE_SERVICE = ['chain', 'journal', 'tenants', 'settings', 'snapshots', 'snapshot_rows'];
const OF_TENANTS = [
  'configuration_parts', 'configuration_versions', 'configuration_items', 'state', 'leads', 'attempts', 'outbound_leads', 'waiting',
];

/** Of a key column. */
const id = 'text COLLATE "C"';

const TABLES = [
  // Who may write for a partition (epoch), and after which batch.
  `CREATE TABLE engine.chain (
     partition int PRIMARY KEY, epoch bigint NOT NULL, batch_no bigint NOT NULL, now bigint NOT NULL
   ) WITH (fillfactor = 20)`,
  // The order between topics and the clock of each batch stand in no log: with this a replay makes the same again.
  `CREATE TABLE engine.journal (
     partition int NOT NULL, batch_no bigint NOT NULL, topic ${id} NOT NULL, first_seq bigint NOT NULL, last_seq bigint NOT NULL,
     parked bigint[] NOT NULL, now bigint NOT NULL, PRIMARY KEY (partition, batch_no)
   )`,
  // Which tenants a partition has: read before anything of theirs may be.
  `CREATE TABLE engine.tenants (tenant_id ${id} PRIMARY KEY, partition int NOT NULL)`,
  `CREATE INDEX tenants_of_partition ON engine.tenants (partition)`,
  `CREATE TABLE engine.settings (key ${id} PRIMARY KEY, value text NOT NULL)`,
  // Parts of a version that is not whole yet.
  `CREATE TABLE engine.configuration_parts (
     tenant_id ${id} NOT NULL, version int NOT NULL, part int NOT NULL, parts int NOT NULL, items text NOT NULL,
     PRIMARY KEY (tenant_id, version, part)
   )`,
  `CREATE TABLE engine.configuration_versions (
     tenant_id ${id} NOT NULL, version int NOT NULL, taken_at bigint NOT NULL, PRIMARY KEY (tenant_id, version)
   )`,
  // Every form that an item ever had, so that a receipt can be explained on the terms it was decided on. No body = removed.
  `CREATE TABLE engine.configuration_items (
     tenant_id ${id} NOT NULL, kind ${id} NOT NULL, id ${id} NOT NULL, version int NOT NULL, entry int NOT NULL, body text,
     PRIMARY KEY (tenant_id, kind, id, version)
   )`,
  `CREATE TABLE engine.state (
     tenant_id ${id} NOT NULL, key ${id} NOT NULL, value text NOT NULL, PRIMARY KEY (tenant_id, key)
   ) WITH (fillfactor = 50)`,
  `CREATE TABLE engine.leads (
     tenant_id ${id} NOT NULL, lead_id ${id} NOT NULL, received_at bigint NOT NULL, lead text NOT NULL, life text NOT NULL,
     attempts text NOT NULL, window_generation int NOT NULL, PRIMARY KEY (tenant_id, lead_id)
   ) WITH (fillfactor = 75)`,
  `CREATE TABLE engine.attempts (
     tenant_id ${id} NOT NULL, attempt_id ${id} NOT NULL, lead_id ${id} NOT NULL, at bigint NOT NULL, trigger text NOT NULL,
     version int NOT NULL, outcome text NOT NULL, receipt text NOT NULL, PRIMARY KEY (tenant_id, attempt_id)
   )`,
  `CREATE TABLE engine.outbound_leads (
     tenant_id ${id} NOT NULL, outbound_lead_id ${id} NOT NULL, lead_id ${id} NOT NULL, attempt_id ${id} NOT NULL, contract_id text NOT NULL,
     client_id text NOT NULL, price_minor bigint NOT NULL, currency text NOT NULL, state text NOT NULL, reserved_at bigint NOT NULL,
     settled_at bigint, PRIMARY KEY (tenant_id, outbound_lead_id)
   ) WITH (fillfactor = 80)`,
  // Records that rest on something the engine has not: topics overtake each other.
  `CREATE TABLE engine.waiting (
     tenant_id ${id} NOT NULL, topic ${id} NOT NULL, partition int NOT NULL, seq bigint NOT NULL, kind ${id} NOT NULL, rests_on text NOT NULL,
     event text NOT NULL, batch_no bigint NOT NULL, PRIMARY KEY (topic, partition, seq)
   )`,
  `CREATE TABLE engine.snapshots (
     partition int NOT NULL, batch_no bigint NOT NULL, now bigint NOT NULL, taken_at bigint NOT NULL, positions text NOT NULL,
     PRIMARY KEY (partition, batch_no)
   )`,
  `CREATE TABLE engine.snapshot_rows (
     partition int NOT NULL, batch_no bigint NOT NULL, kind ${id} NOT NULL, tenant_id ${id} NOT NULL, place bigint NOT NULL, body text NOT NULL
   )`,
  `CREATE INDEX snapshot_rows_of ON engine.snapshot_rows (partition, batch_no, kind)`,
  // Long receipts are compressed by lz4 where the server has it: its own compression costs several times as much on the way in.
  `DO $$ BEGIN
     ALTER TABLE engine.attempts ALTER COLUMN receipt SET COMPRESSION lz4;
     ALTER TABLE engine.leads ALTER COLUMN lead SET COMPRESSION lz4, ALTER COLUMN life SET COMPRESSION lz4;
   EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN NULL;
   END $$`,
];
