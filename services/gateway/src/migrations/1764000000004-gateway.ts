import { createService, protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tenants, the keys of administrators, and the read models, which are projections: they can be thrown away and heard again. */
export class Gateway1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'gateway');
    for (const statement of TABLES) await runner.query(statement);
    for (const table of ['audit_log', ...PROJECTIONS]) await protectTable(runner, 'gateway', table);
    // A key tells the tenant, so that both are read before there is one.
    for (const table of ['tenants', 'api_keys']) await protectTable(runner, 'gateway', table, null);
    // Emptying them is how a projection is built anew; row-level security would let a DELETE without tenants pass over every row.
    for (const table of PROJECTIONS) await runner.query(`GRANT TRUNCATE ON gateway.${table} TO sluice_gateway`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP SCHEMA gateway CASCADE');
  }
}

const PROJECTIONS = ['leads', 'outbound_leads', 'unresolved', 'funnel'];

const TABLES = [
  `CREATE TABLE gateway.tenants (tenant_id text PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL)`,
  // Only the hash of a key: who reads this table cannot call anything.
  `CREATE TABLE gateway.api_keys (
    key_id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES gateway.tenants, name text NOT NULL, hash bytea NOT NULL,
    created_at timestamptz NOT NULL, created_by text NOT NULL, revoked_at timestamptz, revoked_by text)`,
  `CREATE INDEX api_keys_of_tenant ON gateway.api_keys (tenant_id, created_at, key_id)`,
  `CREATE TABLE gateway.audit_log (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id text NOT NULL, at timestamptz NOT NULL, actor text NOT NULL,
    action text NOT NULL, target text NOT NULL)`,
  `CREATE INDEX audit_log_of_tenant ON gateway.audit_log (tenant_id, entry_id)`,
  // A row a lead, and the key is its only index: ids of leads sort by time, so that it gives the newest first. No index holds a column
  // that a later event changes, and the pages have room, so that updates touch no index. The counts are sums, so that it does not matter
  // in which order topics are heard; the status follows from them. The history has the attempts, a line each.
  `CREATE TABLE gateway.leads (
    tenant_id text COLLATE "C" NOT NULL, lead_id text COLLATE "C" NOT NULL,
    campaign_id text, source_id text, received_at bigint, duplicate boolean NOT NULL DEFAULT false, trace_id text,
    decided_at bigint, attempts int NOT NULL DEFAULT 0, reason text,
    open int NOT NULL DEFAULT 0, accepted int NOT NULL DEFAULT 0,
    status text GENERATED ALWAYS AS (
      CASE WHEN accepted > 0 THEN 'accepted' WHEN open > 0 THEN 'distributed' WHEN decided_at IS NOT NULL THEN 'unsold' ELSE 'received' END) STORED,
    history text NOT NULL,
    PRIMARY KEY (tenant_id, lead_id)) WITH (fillfactor = 70)`,
  // The key begins with the contract, since every event names it: it is the list of what a contract was given, too. Ids sort by time
  // here as well. A lead finds its own by the picks of its attempts. The history has what the columns do not: releases, lost answers.
  `CREATE TABLE gateway.outbound_leads (
    tenant_id text COLLATE "C" NOT NULL, contract_id text COLLATE "C" NOT NULL, outbound_lead_id text COLLATE "C" NOT NULL,
    lead_id text NOT NULL, client_id text, attempt_id text, campaign_id text, delivery_method_id text, price_minor bigint, currency text, reserved_at bigint,
    status text NOT NULL, reason text, settled_at bigint, delivery_attempts int, client_reference text,
    history text NOT NULL,
    PRIMARY KEY (tenant_id, contract_id, outbound_lead_id)) WITH (fillfactor = 70)`,
  // Those that nobody answered: few, and asked for at every answer, so that the large table need not be.
  `CREATE TABLE gateway.unresolved (tenant_id text NOT NULL, outbound_lead_id text NOT NULL, PRIMARY KEY (tenant_id, outbound_lead_id))`,
  // Counts by minute, and in minute 0 of all time.
  `CREATE TABLE gateway.funnel (
    tenant_id text NOT NULL, minute bigint NOT NULL, stage text NOT NULL, reason text NOT NULL, count bigint NOT NULL,
    PRIMARY KEY (tenant_id, minute, stage, reason)) WITH (fillfactor = 50)`,
];
