import { createService, protectTable } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Everything of intake as it begins: sources, leads, the vault, what makes a lead once, and the projected configuration. */
export class Intake1764000000002 implements MigrationInterface {
  name = 'Intake1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    await createService(runner, 'intake');
    for (const statement of TABLES) await runner.query(statement);
    for (const table of OF_TENANTS) await protectTable(runner, 'intake', table);
    // A key tells the tenant, so that it is looked up before there is one; and the master key belongs to the whole database.
    await protectTable(runner, 'intake', 'source_keys', null);
    await protectTable(runner, 'intake', 'master_keys', null);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP SCHEMA intake CASCADE');
  }
}

const OF_TENANTS = [
  'sources', 'leads', 'vault', 'openings', 'idempotency', 'fingerprints', 'rejections', 'outcomes',
  'configuration_versions', 'configuration_parts', 'configuration_items',
];

const TABLES = [
  `CREATE TABLE intake.sources (
    tenant_id text NOT NULL, source_id text NOT NULL, name text NOT NULL,
    campaign_id text, channel text, list_id text,
    status text NOT NULL CHECK (status IN ('active', 'paused')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, source_id))`,
  // Several keys of one source may be valid at once: that is how a key is changed without a gap.
  `CREATE TABLE intake.source_keys (
    key_id text PRIMARY KEY, tenant_id text NOT NULL, source_id text NOT NULL, hash bytea NOT NULL,
    created_at timestamptz NOT NULL, expires_at timestamptz, revoked_at timestamptz,
    FOREIGN KEY (tenant_id, source_id) REFERENCES intake.sources)`,
  `CREATE INDEX source_keys_of ON intake.source_keys (tenant_id, source_id)`,
  `CREATE TABLE intake.leads (
    lead_id uuid PRIMARY KEY, tenant_id text NOT NULL, source_id text NOT NULL, campaign_id text NOT NULL,
    received_at timestamptz NOT NULL, configuration_version integer NOT NULL,
    payload_hash bytea NOT NULL, phone_hash bytea, email_hash bytea, duplicate_of uuid,
    attributes text NOT NULL)`,
  // A row without its key is an erased one: the bytes are gone with it.
  `CREATE TABLE intake.vault (
    lead_id uuid PRIMARY KEY, tenant_id text NOT NULL, key_id text NOT NULL,
    wrapped_key bytea, sealed bytea, erased_at timestamptz,
    CHECK ((erased_at IS NULL) = (wrapped_key IS NOT NULL) AND (erased_at IS NULL) = (sealed IS NOT NULL)))`,
  `CREATE TABLE intake.openings (
    opening_id uuid PRIMARY KEY, tenant_id text NOT NULL, opened_at timestamptz NOT NULL, opened_by text NOT NULL,
    asked integer NOT NULL, opened integer NOT NULL, erased integer NOT NULL, unknown integer NOT NULL)`,
  `CREATE TABLE intake.idempotency (
    tenant_id text NOT NULL, source_id text NOT NULL, key text NOT NULL,
    fingerprint bytea NOT NULL, lead_id uuid NOT NULL, answer text, created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, source_id, key))`,
  `CREATE INDEX idempotency_age ON intake.idempotency USING brin (created_at)`,
  // One row for each payload (0), phone (1) and e-mail (2) of a campaign within its span. The primary key decides a race between replicas.
  // The hash is of tenant and campaign too, so that it alone is the key: text in the index costs more than all the rest of the row.
  `CREATE TABLE intake.fingerprints (
    fingerprint uuid NOT NULL, kind smallint NOT NULL, tenant_id text NOT NULL,
    lead_id uuid NOT NULL, seen_at timestamptz NOT NULL, until timestamptz NOT NULL,
    PRIMARY KEY (fingerprint, kind)) PARTITION BY LIST (kind)`,
  // Payloads are forgotten after a minute, persons after a month: apart, each is in the order of its time, and a small index finds the old.
  `CREATE TABLE intake.fingerprints_payload PARTITION OF intake.fingerprints FOR VALUES IN (0)`,
  `CREATE TABLE intake.fingerprints_person PARTITION OF intake.fingerprints FOR VALUES IN (1, 2)`,
  `CREATE INDEX fingerprints_age ON intake.fingerprints USING brin (until)`,
  `CREATE TABLE intake.rejections (
    rejection_id uuid PRIMARY KEY, tenant_id text NOT NULL, source_id text NOT NULL, campaign_id text,
    received_at timestamptz NOT NULL, reason text NOT NULL, pointers text[] NOT NULL, codes text[] NOT NULL, duplicate_of uuid)`,
  `CREATE INDEX rejections_of ON intake.rejections (tenant_id, rejection_id)`,
  // Only of leads that somebody waits for: the consumer updates what is there, and adds nothing.
  `CREATE TABLE intake.outcomes (
    lead_id uuid PRIMARY KEY, tenant_id text NOT NULL, asked_at timestamptz NOT NULL, outcome text)`,
  `CREATE TABLE intake.configuration_versions (tenant_id text PRIMARY KEY, version integer NOT NULL)`,
  `CREATE TABLE intake.configuration_parts (
    tenant_id text NOT NULL, version integer NOT NULL, part integer NOT NULL, parts integer NOT NULL, items text NOT NULL,
    PRIMARY KEY (tenant_id, version, part))`,
  `CREATE TABLE intake.configuration_items (
    tenant_id text NOT NULL, kind text NOT NULL, id text NOT NULL, version integer NOT NULL, body text NOT NULL,
    PRIMARY KEY (tenant_id, kind, id))`,
  `CREATE TABLE intake.master_keys (key_id text PRIMARY KEY, first_used_at timestamptz NOT NULL)`,
];
