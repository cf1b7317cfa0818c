import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whose caps count an outbound lead besides its contract's and its client's, one a line; nothing where it counts in no cap. And what limits
 * that came with a batch counted, which a replay cannot look up: the tables have gone on since.
 */
export class EngineCaps1764400000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE engine.outbound_leads ADD COLUMN also text');
    await runner.query('ALTER TABLE engine.journal ADD COLUMN counted text');
    // Who migrates may be bound by the tenants' policy as everybody is. Of groups and branches nobody wrote down what counted.
    for (const table of ['attempts', 'outbound_leads']) await runner.query(`ALTER TABLE engine.${table} NO FORCE ROW LEVEL SECURITY`);
    await runner.query(`UPDATE engine.outbound_leads o
         SET also = CASE WHEN a.trigger = 'push' OR a.workflow_id = o.client_id
           THEN 'recipient|' || o.client_id || '/' || o.contract_id || E'\\nrecipient|' || o.client_id
           ELSE coalesce('campaign|' || a.campaign_id, '') END
        FROM engine.attempts a WHERE a.tenant_id = o.tenant_id AND a.attempt_id = o.attempt_id AND a.trigger <> 'cherryPick'`);
    for (const table of ['attempts', 'outbound_leads']) await runner.query(`ALTER TABLE engine.${table} FORCE ROW LEVEL SECURITY`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE engine.outbound_leads DROP COLUMN also');
    await runner.query('ALTER TABLE engine.journal DROP COLUMN counted');
  }
}
