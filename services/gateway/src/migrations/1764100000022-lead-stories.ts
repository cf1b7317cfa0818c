import { protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The read models tell of windows, held and returned leads, and what people asked for; the audit log of the commands of people. Rows that
 * are there stay right: they are of a time when there was none of this. Where another process said such events before this one was
 * deployed, they were passed over: `projection` has the read models built anew once, when the gateway starts.
 */
export class LeadStories1764100000022 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
    await protectTable(runner, 'gateway', 'held');
    await runner.query('GRANT TRUNCATE ON gateway.held TO sluice_gateway');
    await protectTable(runner, 'gateway', 'projection', null);
    // Who migrates may be bound by the tenants' policy as everybody is.
    await runner.query('ALTER TABLE gateway.leads NO FORCE ROW LEVEL SECURITY');
    await runner.query('INSERT INTO gateway.projection (version) SELECT CASE WHEN EXISTS (SELECT FROM gateway.leads) THEN 1 ELSE 2 END');
    await runner.query('ALTER TABLE gateway.leads FORCE ROW LEVEL SECURITY');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.projection, gateway.held');
    await runner.query('DROP INDEX gateway.audit_log_by_event');
    await runner.query('ALTER TABLE gateway.audit_log DROP COLUMN event_id, DROP COLUMN detail');
    await runner.query(`ALTER TABLE gateway.outbound_leads DROP COLUMN shown_status, DROP COLUMN cherry_picked, DROP COLUMN returned_at,
      DROP COLUMN return_reason, DROP COLUMN returned_by`);
    await runner.query('ALTER TABLE gateway.leads DROP COLUMN status');
    await runner.query(`ALTER TABLE gateway.leads DROP COLUMN returned, DROP COLUMN held, DROP COLUMN held_until, DROP COLUMN fulfilled_at,
      DROP COLUMN window_state, DROP COLUMN window_expires_at, DROP COLUMN window_every, DROP COLUMN window_rounds,
      DROP COLUMN window_tried_at, DROP COLUMN window_reason`);
    await runner.query(`ALTER TABLE gateway.leads ADD COLUMN status text GENERATED ALWAYS AS (
      CASE WHEN accepted > 0 THEN 'accepted' WHEN open > 0 THEN 'distributed' WHEN decided_at IS NOT NULL THEN 'unsold' ELSE 'received' END) STORED`);
  }
}

const STATEMENTS = [
  'ALTER TABLE gateway.leads DROP COLUMN status',
  // What is lost of a window's attempts that picked nobody is in the engine's history: here they are a count and the last one.
  `ALTER TABLE gateway.leads
     ADD COLUMN returned int NOT NULL DEFAULT 0, ADD COLUMN held boolean, ADD COLUMN held_until bigint,
     ADD COLUMN fulfilled_at bigint, ADD COLUMN window_state text, ADD COLUMN window_expires_at bigint, ADD COLUMN window_every text,
     ADD COLUMN window_rounds int NOT NULL DEFAULT 0, ADD COLUMN window_tried_at bigint, ADD COLUMN window_reason text`,
  `ALTER TABLE gateway.leads ADD COLUMN status text GENERATED ALWAYS AS (
     CASE WHEN accepted > 0 THEN 'accepted' WHEN open > 0 THEN 'distributed' WHEN held THEN 'held' WHEN returned > 0 THEN 'returned'
          WHEN decided_at IS NOT NULL THEN 'unsold' ELSE 'received' END) STORED`,
  // `status` is what delivery said last; a return is said by another, on another topic, and may be heard first.
  `ALTER TABLE gateway.outbound_leads
     ADD COLUMN cherry_picked boolean NOT NULL DEFAULT false, ADD COLUMN returned_at bigint, ADD COLUMN return_reason text,
     ADD COLUMN returned_by text`,
  `ALTER TABLE gateway.outbound_leads ADD COLUMN shown_status text GENERATED ALWAYS AS (
     CASE WHEN returned_at IS NOT NULL THEN 'returned' ELSE status END) STORED`,
  // Leads that are held now: few, and asked for at every attempt, so that the large table need not be.
  'CREATE TABLE gateway.held (tenant_id text NOT NULL, lead_id text NOT NULL, PRIMARY KEY (tenant_id, lead_id))',
  // What the read models are built by; below what the code has, they are built anew.
  'CREATE TABLE gateway.projection (version int NOT NULL)',
  // The log of what people did is no projection: it is kept when they are built anew, and an event that comes again is not noted twice.
  'ALTER TABLE gateway.audit_log ADD COLUMN event_id text, ADD COLUMN detail text',
  'CREATE UNIQUE INDEX audit_log_by_event ON gateway.audit_log (tenant_id, event_id) WHERE event_id IS NOT NULL',
];
