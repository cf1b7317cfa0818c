import { createService, protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Workflow1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'workflow');
    // One row a tenant: its lock numbers the versions, so that there is never a gap and never two of one number.
    await runner.query(`
      CREATE TABLE workflow.tenants (
        tenant_id text PRIMARY KEY,
        version int NOT NULL DEFAULT 0,
        next_entry int NOT NULL DEFAULT 1
      )`);
    await runner.query(`
      CREATE TABLE workflow.versions (
        tenant_id text NOT NULL,
        version int NOT NULL,
        applied_at timestamptz NOT NULL,
        actor text NOT NULL,
        added int NOT NULL,
        changed int NOT NULL,
        removed int NOT NULL,
        PRIMARY KEY (tenant_id, version)
      )`);
    // Bodies are json and not jsonb: an export then has its keys in the order in which they were written.
    await runner.query(`
      CREATE TABLE workflow.items (
        tenant_id text NOT NULL,
        kind text NOT NULL,
        id text NOT NULL,
        entry int NOT NULL,
        body json,
        version int NOT NULL,
        PRIMARY KEY (tenant_id, kind, id)
      )`);
    await runner.query('CREATE INDEX items_in_order ON workflow.items (tenant_id, kind, entry) WHERE body IS NOT NULL');
    // Every form that an item ever had; no body: removed in that version.
    await runner.query(`
      CREATE TABLE workflow.item_versions (
        tenant_id text NOT NULL,
        kind text NOT NULL,
        id text NOT NULL,
        version int NOT NULL,
        entry int NOT NULL,
        body json,
        PRIMARY KEY (tenant_id, kind, id, version)
      )`);
    // The newest version that each service has taken in; it takes them in order, so that all before it are taken too.
    await runner.query(`
      CREATE TABLE workflow.reports (
        tenant_id text NOT NULL,
        service text NOT NULL,
        version int NOT NULL,
        reported_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, service)
      )`);
    for (const table of ['tenants', 'versions', 'items', 'item_versions', 'reports']) await protectTable(runner, 'workflow', table);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP SCHEMA workflow CASCADE');
  }
}
