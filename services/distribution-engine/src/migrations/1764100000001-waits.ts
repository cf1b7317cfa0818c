import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a lead waits for: its window, and since when it is held because nobody could take it. Of most leads both are NULL, which takes no
 * room, and the index holds those alone that wait.
 */
export class EngineWaits1764100000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE engine.leads ADD COLUMN lead_window text, ADD COLUMN held_since bigint');
    await runner.query('CREATE INDEX leads_held ON engine.leads (tenant_id, held_since) WHERE held_since IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE engine.leads DROP COLUMN lead_window, DROP COLUMN held_since');
  }
}
