import { protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people and portals ask for: distributions by hand, cherry-picks, returns. Who asked, and what for, is kept for ever. */
export class Distributions1764100000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Ids sort by time, so that the key gives the newest first. `actor` is who is said to have asked, `caller` whose key it was.
    await runner.query(`
      CREATE TABLE workflow.distribution_requests (
        tenant_id text COLLATE "C" NOT NULL, request_id text COLLATE "C" NOT NULL,
        lead_id text COLLATE "C" NOT NULL, kind text NOT NULL, actor text NOT NULL, caller text NOT NULL, reason text,
        workflow_id text, contracts text[] NOT NULL, overrides text[] NOT NULL, requested_at bigint NOT NULL,
        idempotency_key text COLLATE "C", body_hash text NOT NULL,
        outcome text, attempt_id text, answered_at bigint, result text,
        PRIMARY KEY (tenant_id, request_id)
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX distribution_requests_by_key ON workflow.distribution_requests (tenant_id, idempotency_key)
       WHERE idempotency_key IS NOT NULL`);
    await runner.query('CREATE INDEX distribution_requests_of_lead ON workflow.distribution_requests (tenant_id, lead_id, request_id)');
    await runner.query('CREATE INDEX distribution_requests_of_actor ON workflow.distribution_requests (tenant_id, actor, request_id)');
    // The key is the outbound lead: it is returned once, however often that is asked for.
    await runner.query(`
      CREATE TABLE workflow.returns (
        tenant_id text COLLATE "C" NOT NULL, outbound_lead_id text COLLATE "C" NOT NULL, return_id text COLLATE "C" NOT NULL,
        lead_id text COLLATE "C" NOT NULL, contract_id text NOT NULL, client_id text NOT NULL, reason text NOT NULL,
        actor text NOT NULL, caller text NOT NULL, returned_at bigint NOT NULL,
        PRIMARY KEY (tenant_id, outbound_lead_id)
      )`);
    await runner.query('CREATE INDEX returns_in_order ON workflow.returns (tenant_id, return_id)');
    await runner.query('CREATE INDEX returns_of_lead ON workflow.returns (tenant_id, lead_id, return_id)');
    for (const table of ['distribution_requests', 'returns']) await protectTable(runner, 'workflow', table);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE workflow.returns, workflow.distribution_requests');
  }
}
