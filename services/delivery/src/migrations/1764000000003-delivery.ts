import { createService, protectTable, type QueryRunner } from '@sluice/db';
import type { MigrationInterface } from 'typeorm';

export class Delivery1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'delivery');
    await this.configuration(runner);
    await this.deliveries(runner);
    await this.work(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP SCHEMA delivery CASCADE');
  }

  private async configuration(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE delivery.configurations (tenant_id text PRIMARY KEY, version integer NOT NULL);
      CREATE TABLE delivery.configuration_parts (
        tenant_id text NOT NULL, version integer NOT NULL, part integer NOT NULL, parts integer NOT NULL, items jsonb NOT NULL,
        PRIMARY KEY (tenant_id, version, part));
      -- One row a delivery method. The document is the newest; secrets are sealed and known to nobody else.
      CREATE TABLE delivery.endpoints (
        endpoint_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id text NOT NULL,
        method_id text NOT NULL,
        version integer NOT NULL,
        body jsonb NOT NULL,
        removed boolean NOT NULL DEFAULT false,
        revision integer NOT NULL DEFAULT 1,
        secret bytea NOT NULL,
        previous_secret bytea,
        previous_until timestamptz,
        secret_shown_at timestamptz,
        disabled_at timestamptz,
        disabled_reason text,
        UNIQUE (tenant_id, method_id));
      -- The documents that leads were reserved under: the bytes of a delivery are made from the same template at every attempt.
      CREATE TABLE delivery.templates (
        endpoint_id bigint NOT NULL, version integer NOT NULL, tenant_id text NOT NULL, body jsonb NOT NULL, PRIMARY KEY (endpoint_id, version));
      -- Reservations that name a configuration version which has not come yet.
      CREATE TABLE delivery.waiting (
        outbound_lead_id text PRIMARY KEY, tenant_id text NOT NULL, version integer NOT NULL, traceparent text, reservation jsonb NOT NULL)`);
    for (const table of ['configurations', 'configuration_parts', 'endpoints', 'templates', 'waiting']) await protectTable(runner, 'delivery', table);
  }

  private async deliveries(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE delivery.deliveries (
        outbound_lead_id text PRIMARY KEY,
        no bigint GENERATED ALWAYS AS IDENTITY,
        tenant_id text NOT NULL,
        lead_id text NOT NULL,
        campaign_id text NOT NULL,
        contract_id text NOT NULL,
        client_id text NOT NULL,
        source_id text,
        method_id text NOT NULL,
        endpoint_id bigint,
        template_version integer,
        webhook_id text NOT NULL,
        price_minor bigint NOT NULL,
        currency text NOT NULL,
        attributes jsonb NOT NULL,
        received_at timestamptz,
        reserved_at timestamptz NOT NULL,
        traceparent text,
        state text NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected', 'failed', 'unresolved')),
        reason text,
        client_reference text,
        attempts integer NOT NULL DEFAULT 0,
        attempts_base integer NOT NULL DEFAULT 0,
        exposure text NOT NULL DEFAULT 'none' CHECK (exposure IN ('none', 'clear', 'vague', 'lost')),
        released text,
        settled_by text,
        created_at timestamptz NOT NULL,
        settled_at timestamptz
      ) WITH (fillfactor = 80);
      -- No index holds a column that a result changes: the updates of a hot table stay within their pages.
      CREATE INDEX deliveries_of_tenant ON delivery.deliveries (tenant_id, no);
      CREATE INDEX deliveries_of_lead ON delivery.deliveries (lead_id);
      CREATE TABLE delivery.attempts (
        outbound_lead_id text NOT NULL,
        n integer NOT NULL,
        tenant_id text NOT NULL,
        started_at timestamptz NOT NULL,
        outcome text NOT NULL,
        reason text,
        status integer,
        duration_ms integer,
        excerpt bytea,
        traceparent text,
        PRIMARY KEY (outbound_lead_id, n)
      ) WITH (fillfactor = 80);
      -- What ended without the client's word and is for people to look at.
      CREATE TABLE delivery.dead_letters (
        outbound_lead_id text PRIMARY KEY,
        no bigint GENERATED ALWAYS AS IDENTITY,
        tenant_id text NOT NULL,
        state text NOT NULL,
        reason text,
        at timestamptz NOT NULL);
      CREATE INDEX dead_letters_of_tenant ON delivery.dead_letters (tenant_id, no)`);
    for (const table of ['deliveries', 'attempts', 'dead_letters']) await protectTable(runner, 'delivery', table);
  }

  /** The job's own tables: ids and instants of all tenants, since it looks for what is due before it knows whose it is. */
  private async work(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE delivery.queue (
        outbound_lead_id text PRIMARY KEY,
        tenant_id text NOT NULL,
        endpoint_id bigint NOT NULL,
        -- When it may be claimed; of a claimed one: when its lease ends.
        due_at timestamptz NOT NULL,
        epoch integer NOT NULL DEFAULT 0,
        claimed boolean NOT NULL DEFAULT false
      ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
      CREATE INDEX queue_due ON delivery.queue (endpoint_id, due_at);
      CREATE TABLE delivery.breakers (
        endpoint_id bigint PRIMARY KEY,
        tenant_id text NOT NULL,
        method_id text NOT NULL,
        state text NOT NULL CHECK (state IN ('open', 'probing')),
        until timestamptz NOT NULL,
        opens integer NOT NULL,
        since timestamptz NOT NULL)`);
    for (const table of ['queue', 'breakers']) await protectTable(runner, 'delivery', table, null);
  }
}
