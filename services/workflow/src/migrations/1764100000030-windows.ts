import { protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Windows and their timers. Instants are whole epoch milliseconds, as the beat of a window is counted in them. The terms of a window and
 * what is known of its lead stand in one row; what a try moves stands in another that is narrow, since it is written a thousand times more.
 */
export class Windows1764100000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await this.windows(runner);
    await this.timers(runner);
    for (const table of ['windows', 'window_history', 'window_waits']) await protectTable(runner, 'workflow', table);
    // A timer process claims what is due of whatever tenant: ids and times are all that stands there.
    for (const table of ['window_timers', 'window_wakes']) await protectTable(runner, 'workflow', table, null);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['windows', 'window_history', 'window_waits', 'window_timers', 'window_wakes']) await runner.query(`DROP TABLE workflow.${table}`);
  }

  private async windows(runner: QueryRunner): Promise<void> {
    // `standing`: picks that were not released, as far as was heard. `is_full`: no further buyer fits.
    await runner.query(`
      CREATE TABLE workflow.windows (
        tenant_id text COLLATE "C" NOT NULL, lead_id text COLLATE "C" NOT NULL, campaign_id text COLLATE "C" NOT NULL,
        state text NOT NULL CHECK (state IN ('open', 'paused', 'fulfilled', 'stopped', 'expired')),
        generation int NOT NULL, opened_at bigint NOT NULL, opened_by text NOT NULL, expires_at bigint NOT NULL, every_ms bigint NOT NULL,
        paused_at bigint, pause_extends boolean NOT NULL, extended_ms bigint NOT NULL DEFAULT 0, ended_at bigint,
        waits_on text[] NOT NULL DEFAULT '{}', reasons text[] NOT NULL DEFAULT '{}', is_full boolean NOT NULL DEFAULT false,
        standing int NOT NULL DEFAULT 0, decided_at bigint,
        PRIMARY KEY (tenant_id, lead_id)
      ) WITH (fillfactor = 80)`);
    await runner.query('CREATE INDEX windows_of_campaign ON workflow.windows (tenant_id, campaign_id, state, lead_id)');
    await runner.query('CREATE INDEX windows_in_state ON workflow.windows (tenant_id, state, lead_id)');
    // Who did what to a window, and when; a change is a generation.
    await runner.query(`
      CREATE TABLE workflow.window_history (
        tenant_id text COLLATE "C" NOT NULL, lead_id text COLLATE "C" NOT NULL, generation int NOT NULL,
        what text NOT NULL, at bigint NOT NULL, actor text NOT NULL, expires_at bigint NOT NULL, every_ms bigint NOT NULL,
        PRIMARY KEY (tenant_id, lead_id, generation)
      )`);
    // Which leads a unit given back to a contract may help; contract "*": the lead waits for more contracts than are listed.
    await runner.query(`
      CREATE TABLE workflow.window_waits (
        tenant_id text COLLATE "C" NOT NULL, contract_id text COLLATE "C" NOT NULL, lead_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (tenant_id, contract_id, lead_id)
      )`);
    await runner.query('CREATE INDEX window_waits_of_lead ON workflow.window_waits (tenant_id, lead_id)');
  }

  private async timers(runner: QueryRunner): Promise<void> {
    // One row for each window that is open or paused, and for each lead that the engine holds. Whoever changes both locks this one first.
    // `since`: the opening, or when the lead began to be held; among what is due at one instant the oldest goes first.
    // `due_at` absent: it sleeps until something wakes it. Every write moves an indexed column, so that room in the page helps nobody.
    await runner.query(`
      CREATE TABLE workflow.window_timers (
        tenant_id text COLLATE "C" NOT NULL, lead_id text COLLATE "C" NOT NULL, kind text NOT NULL CHECK (kind IN ('window', 'hold')),
        campaign_id text COLLATE "C" NOT NULL, since bigint NOT NULL, generation int NOT NULL, every_ms bigint NOT NULL,
        next_at bigint, expires_at bigint, chance_at bigint, due_at bigint,
        rests text CHECK (rests IN ('paused', 'full')), traceparent text,
        PRIMARY KEY (tenant_id, lead_id, kind)
      ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0)`);
    await runner.query('CREATE INDEX window_timers_due ON workflow.window_timers (due_at, since) WHERE due_at IS NOT NULL');
    await runner.query('CREATE INDEX window_timers_of_campaign ON workflow.window_timers (tenant_id, campaign_id, since, lead_id)');
    // A change that may end waits is one row, however many windows it concerns: timer processes work it off in chunks from the cursor on.
    // `again`: the same came while the row was worked on, so that those before the cursor have their turn once more.
    await runner.query(`
      CREATE TABLE workflow.window_wakes (
        tenant_id text COLLATE "C" NOT NULL, scope text NOT NULL CHECK (scope IN ('campaign', 'contract')), scope_id text COLLATE "C" NOT NULL,
        at bigint NOT NULL, cursor_since bigint, cursor_lead text COLLATE "C", again boolean NOT NULL DEFAULT false,
        PRIMARY KEY (tenant_id, scope, scope_id)
      )`);
    await runner.query('CREATE INDEX window_wakes_due ON workflow.window_wakes (at)');
  }
}
