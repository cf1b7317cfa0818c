import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Leads without a campaign come in where their source says so; those of all other sources are refused as before. */
export class WithoutCampaign1764100000023 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE intake.sources ADD COLUMN without_campaign boolean NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE intake.sources DROP COLUMN without_campaign');
  }
}
