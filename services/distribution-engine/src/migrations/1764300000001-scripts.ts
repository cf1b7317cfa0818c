import { protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What scripts did, counted by version, and the newest leads that one in shadow would have sent elsewhere. */
export class EngineScripts1764300000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE engine.script_counts (
      tenant_id text COLLATE "C" NOT NULL, script_id text COLLATE "C" NOT NULL, version int NOT NULL, what text COLLATE "C" NOT NULL,
      contract_id text COLLATE "C" NOT NULL, count bigint NOT NULL,
      PRIMARY KEY (tenant_id, script_id, version, what, contract_id))`);
    await runner.query(`CREATE TABLE engine.script_examples (
      tenant_id text COLLATE "C" NOT NULL, script_id text COLLATE "C" NOT NULL, attempt_id text COLLATE "C" NOT NULL, version int NOT NULL,
      lead_id text COLLATE "C" NOT NULL, at bigint NOT NULL, lost text NOT NULL, won text NOT NULL,
      PRIMARY KEY (tenant_id, script_id, attempt_id))`);
    for (const table of ['script_counts', 'script_examples']) await protectTable(runner, 'engine', table);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE engine.script_counts, engine.script_examples');
  }
}
