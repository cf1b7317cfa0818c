import { Injectable } from '@nestjs/common';
import { hexArray, plainArray, textArray, type Tx } from '@sluice/db';
import type { Claim, Holder } from './duplicates.js';
import type { Sealed } from './vault.service.js';

export interface KeyRow {
  readonly tenantId: string;
  readonly sourceId: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly leadId: string;
  /** What was answered, where it is more than the id. */
  readonly answer: string | null;
}

/** What a group of leads that were never seen before puts into the tables. */
export interface FreshRows {
  readonly tenants: readonly string[];
  readonly keys: readonly Omit<KeyRow, 'answer'>[];
  readonly claims: readonly { readonly claim: Claim; readonly holder: Holder }[];
  readonly leads: readonly LeadRow[];
}

export interface LeadRow {
  readonly leadId: string;
  readonly tenantId: string;
  readonly sourceId: string;
  readonly campaignId: string;
  readonly receivedAt: number;
  readonly version: number;
  readonly payloadHash: string;
  readonly phoneHash: string | undefined;
  readonly emailHash: string | undefined;
  readonly duplicateOf: string | undefined;
  readonly attributes: string;
  readonly sealed: Sealed | undefined;
}

export interface RejectionRow {
  readonly rejectionId: string;
  readonly tenantId: string;
  readonly sourceId: string;
  readonly campaignId: string | undefined;
  readonly receivedAt: number;
  readonly reason: string;
  readonly pointers: readonly string[];
  readonly codes: readonly string[];
  readonly duplicateOf: string | undefined;
}

/**
 * SQL of the way in. Every statement takes all rows of a group commit at once, as one array a column, and writes rows in the order of
 * their keys, so that two replicas that meet wait for each other instead of deadlocking.
 */
@Injectable()
export class IntakeStore {
  /** Answers how many of the keys were free. A key that another transaction is just claiming is waited for. */
  async claimKeys(tx: Tx, rows: readonly Omit<KeyRow, 'answer'>[], now: number): Promise<number> {
    const result = await tx.query<{ claimed: number }>(`
      WITH claimed AS (
        INSERT INTO intake.idempotency (tenant_id, source_id, key, fingerprint, lead_id, created_at)
        SELECT t, s, k, f, l, to_timestamp($6::double precision / 1000)
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[]) AS g(t, s, k, f, l) ORDER BY t, s, k
        ON CONFLICT DO NOTHING RETURNING 1)
      SELECT count(*)::int AS claimed FROM claimed`,
    [textArray(rows.map((row) => row.tenantId)), textArray(rows.map((row) => row.sourceId)), textArray(rows.map((row) => row.key)),
      hexArray(rows.map((row) => row.fingerprint)), plainArray(rows.map((row) => row.leadId)), now], 'intake.claim_keys');
    return result[0]?.claimed ?? 0;
  }

  readKeys(tx: Tx, keys: readonly { tenantId: string; sourceId: string; key: string }[]): Promise<KeyRow[]> {
    return tx.query<KeyRow>(`
      SELECT i.tenant_id AS "tenantId", i.source_id AS "sourceId", i.key, encode(i.fingerprint, 'hex') AS fingerprint, i.lead_id AS "leadId", i.answer
      FROM unnest($1::text[], $2::text[], $3::text[]) AS g(t, s, k)
      JOIN intake.idempotency i ON i.tenant_id = g.t AND i.source_id = g.s AND i.key = g.k`,
    [textArray(keys.map((row) => row.tenantId)), textArray(keys.map((row) => row.sourceId)), textArray(keys.map((row) => row.key))], 'intake.read_keys');
  }

  async saveAnswers(tx: Tx, rows: readonly { tenantId: string; sourceId: string; key: string; answer: string }[]): Promise<void> {
    await tx.query(`
      UPDATE intake.idempotency i SET answer = g.a FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS g(t, s, k, a)
      WHERE i.tenant_id = g.t AND i.source_id = g.s AND i.key = g.k`,
    [textArray(rows.map((row) => row.tenantId)), textArray(rows.map((row) => row.sourceId)), textArray(rows.map((row) => row.key)),
      textArray(rows.map((row) => row.answer))]);
  }

  /**
   * Claims fingerprints, each named once, for their first lead, and answers who held those that were not free. Theirs are locked until the
   * commit, as the new ones are: a race between replicas waits. (An update that changes nothing would do both in one statement, and costs
   * half as much again where all are free, which is nearly always: measured 42 against 19 µs a lead.)
   */
  async claimFingerprints(tx: Tx, claims: readonly { claim: Claim; holder: Holder }[]): Promise<Map<string, Holder>> {
    const held = new Map<string, Holder>();
    for (let open = claims; open.length > 0;) {
      const [result] = await tx.query<{ claimed: number }>(`
        WITH claimed AS (
          INSERT INTO intake.fingerprints (kind, tenant_id, fingerprint, lead_id, seen_at, until)
          SELECT k, t, f, l, to_timestamp(s / 1000), to_timestamp(u / 1000)
          FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::uuid[], $5::double precision[], $6::double precision[]) AS g(k, t, f, l, s, u)
          ORDER BY k, f ON CONFLICT DO NOTHING RETURNING 1)
        SELECT count(*)::int AS claimed FROM claimed`, columnsOf(open), 'intake.claim_fingerprints');
      if (result?.claimed === open.length) break;
      const there = await this.holders(tx, open.map(({ claim }) => claim));
      for (const { claim, holder } of open) {
        const found = there.get(claim.fingerprint);
        if (found && found.leadId !== holder.leadId) held.set(claim.fingerprint, found);
      }
      // What was in the way, and was given up before it could be locked, is free now.
      open = open.filter(({ claim }) => !there.has(claim.fingerprint));
    }
    return held;
  }

  private async holders(tx: Tx, claims: readonly Claim[]): Promise<Map<string, Holder>> {
    const rows = await tx.query<{ fingerprint: string; leadId: string; seenAt: number; until: number }>(`
      SELECT replace(fingerprint::text, '-', '') AS fingerprint, lead_id AS "leadId",
        (extract(epoch FROM seen_at) * 1000)::double precision AS "seenAt", (extract(epoch FROM until) * 1000)::double precision AS until
      FROM intake.fingerprints WHERE kind = ANY ('{0,1,2}') AND fingerprint = ANY ($1::uuid[]) ORDER BY kind, fingerprint FOR UPDATE`,
    [plainArray(claims.map(({ fingerprint }) => fingerprint))], 'intake.holders');
    return new Map(rows.map(({ fingerprint, leadId, seenAt, until }) => (
      [fingerprint, { leadId, seenAt: Math.round(seenAt), until: Math.round(until) }])));
  }

  /** Gives fingerprints to the leads that hold them in the end; those without a holder are free again. */
  async correctFingerprints(tx: Tx, changes: readonly { claim: Claim; holder: Holder | undefined }[]): Promise<void> {
    const held = changes.filter((change): change is { claim: Claim; holder: Holder } => change.holder !== undefined);
    const free = changes.filter((change) => change.holder === undefined).map(({ claim }) => claim);
    if (held.length > 0) {
      await tx.query(`
        UPDATE intake.fingerprints f SET lead_id = g.l, seen_at = to_timestamp(g.s / 1000), until = to_timestamp(g.u / 1000)
        FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::uuid[], $5::double precision[], $6::double precision[]) AS g(k, t, f, l, s, u)
        WHERE f.kind = g.k AND f.fingerprint = g.f`, columnsOf(held));
    }
    if (free.length > 0) {
      await tx.query(`
        DELETE FROM intake.fingerprints f USING unnest($1::smallint[], $2::uuid[]) AS g(k, f) WHERE f.kind = g.k AND f.fingerprint = g.f`,
      [plainArray(free.map((claim) => claim.kind)), plainArray(free.map((claim) => claim.fingerprint))]);
    }
  }

  /**
   * Everything of leads that were never seen before, in one statement; answers the configuration versions of the tenants, held until the
   * commit. Fails with a unique violation where a key, a fingerprint or a lead is there already.
   */
  async addFresh(tx: Tx, fresh: FreshRows): Promise<Map<string, number>> {
    const { tenants, keys, claims, leads } = fresh;
    const rows = await tx.query<{ tenant_id: string; version: number }>(`
      WITH versions AS (
        SELECT tenant_id, version FROM intake.configuration_versions WHERE tenant_id = ANY ($1::text[]) ORDER BY tenant_id FOR SHARE),
      keys AS (
        INSERT INTO intake.idempotency (tenant_id, source_id, key, fingerprint, lead_id, created_at)
        SELECT t, s, k, f, l, to_timestamp($7::double precision / 1000)
        FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[]) AS g(t, s, k, f, l) ORDER BY t, s, k),
      claims AS (
        INSERT INTO intake.fingerprints (kind, tenant_id, fingerprint, lead_id, seen_at, until)
        SELECT k, t, f, l, to_timestamp(s / 1000), to_timestamp(u / 1000)
        FROM unnest($8::smallint[], $9::text[], $10::uuid[], $11::uuid[], $12::double precision[], $13::double precision[]) AS g(k, t, f, l, s, u)
        ORDER BY k, f),
      ${leadsInserted(14)}, vault AS (${vaultInserted(25)})
      SELECT tenant_id, version FROM versions`,
    [textArray(tenants), textArray(keys.map((row) => row.tenantId)), textArray(keys.map((row) => row.sourceId)),
      textArray(keys.map((row) => row.key)), hexArray(keys.map((row) => row.fingerprint)), plainArray(keys.map((row) => row.leadId)),
      leads[0]?.receivedAt ?? 0,
      ...columnsOf(claims), ...leadColumns(leads), ...vaultColumns(leads)], 'intake.add_fresh');
    return new Map(rows.map((row) => [row.tenant_id, row.version]));
  }

  /** Leads and their vault rows in one statement. */
  async addLeads(tx: Tx, rows: readonly LeadRow[]): Promise<void> {
    await tx.query(`WITH ${leadsInserted(1)} ${vaultInserted(12)}`, [...leadColumns(rows), ...vaultColumns(rows)], 'intake.add_leads');
  }

  async addRejections(tx: Tx, rows: readonly RejectionRow[]): Promise<void> {
    // A list of lists has no array literal where the lists differ in length, so that pointers travel as JSON.
    await tx.query(`
      INSERT INTO intake.rejections (rejection_id, tenant_id, source_id, campaign_id, received_at, reason, pointers, codes, duplicate_of)
      SELECT i, t, s, c, to_timestamp(r / 1000), why, ARRAY(SELECT jsonb_array_elements_text(p::jsonb)), ARRAY(SELECT jsonb_array_elements_text(k::jsonb)), d
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::double precision[], $6::text[], $7::text[], $8::text[], $9::uuid[])
        AS g(i, t, s, c, r, why, p, k, d) ON CONFLICT DO NOTHING`,
    [plainArray(rows.map((row) => row.rejectionId)), textArray(rows.map((row) => row.tenantId)), textArray(rows.map((row) => row.sourceId)),
      textArray(rows.map((row) => row.campaignId)), plainArray(rows.map((row) => row.receivedAt)), textArray(rows.map((row) => row.reason)),
      textArray(rows.map((row) => JSON.stringify(row.pointers))), textArray(rows.map((row) => JSON.stringify(row.codes))),
      plainArray(rows.map((row) => row.duplicateOf))], 'intake.add_rejections');
  }

  async addWaits(tx: Tx, rows: readonly { leadId: string; tenantId: string; askedAt: number }[]): Promise<void> {
    await tx.query(`
      INSERT INTO intake.outcomes (lead_id, tenant_id, asked_at)
      SELECT l, t, to_timestamp(r / 1000) FROM unnest($1::uuid[], $2::text[], $3::double precision[]) AS g(l, t, r) ON CONFLICT DO NOTHING`,
    [plainArray(rows.map((row) => row.leadId)), textArray(rows.map((row) => row.tenantId)), plainArray(rows.map((row) => row.askedAt))], 'intake.add_waits');
  }

  /** Which of these leads are stored: after a commit whose end nobody saw. */
  async storedLeads(tx: Tx, leadIds: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ lead_id: string }>(`SELECT lead_id FROM intake.leads WHERE lead_id = ANY ($1::uuid[])`, [plainArray(leadIds)]);
    return new Set(rows.map((row) => row.lead_id));
  }
}

function columnsOf(rows: readonly { claim: Claim; holder: Holder }[]): string[] {
  return [
    plainArray(rows.map(({ claim }) => claim.kind)), textArray(rows.map(({ claim }) => claim.tenantId)),
    plainArray(rows.map(({ claim }) => claim.fingerprint)), plainArray(rows.map(({ holder }) => holder.leadId)),
    plainArray(rows.map(({ holder }) => holder.seenAt)), plainArray(rows.map(({ holder }) => holder.until)),
  ];
}

/** Between texts of JSON, in which no bare control character stands: joined so they need no escaping. */
const SEPARATOR = '\u001e';

/** `from`: the number of its first parameter. */
function leadsInserted(from: number): string {
  const types = ['uuid', 'text', 'text', 'text', 'double precision', 'int', 'bytea', 'bytea', 'bytea', 'uuid'];
  return `added AS (
    INSERT INTO intake.leads (lead_id, tenant_id, source_id, campaign_id, received_at, configuration_version, payload_hash, phone_hash, email_hash, duplicate_of, attributes)
    SELECT l, t, s, c, to_timestamp(r / 1000), v, p, ph, em, d, a
    FROM unnest(${types.map((type, at) => `$${from + at}::${type}[]`).join(', ')}, string_to_array($${from + types.length}, E'\\x1e'))
      AS g(l, t, s, c, r, v, p, ph, em, d, a))`;
}

function leadColumns(rows: readonly LeadRow[]): string[] {
  return [
    plainArray(rows.map((row) => row.leadId)), textArray(rows.map((row) => row.tenantId)), textArray(rows.map((row) => row.sourceId)),
    textArray(rows.map((row) => row.campaignId)), plainArray(rows.map((row) => row.receivedAt)), plainArray(rows.map((row) => row.version)),
    hexArray(rows.map((row) => row.payloadHash)), hexArray(rows.map((row) => row.phoneHash)), hexArray(rows.map((row) => row.emailHash)),
    plainArray(rows.map((row) => row.duplicateOf)), rows.map((row) => row.attributes).join(SEPARATOR),
  ];
}

/** Bytes travel as they are, one after the other, and are cut apart by the server: as hexadecimal text they would be twice as many. */
function vaultInserted(from: number): string {
  const [leads, tenants, keyId, keys, sealed, starts, sizes] = Array.from({ length: 7 }, (_, at) => `$${from + at}`);
  return `INSERT INTO intake.vault (lead_id, tenant_id, key_id, wrapped_key, sealed)
    SELECT l, t, ${keyId}::text, substring(${keys}::bytea FROM n::int * ${KEY_BYTES} - ${KEY_BYTES - 1} FOR ${KEY_BYTES}), substring(${sealed}::bytea FROM at FOR size)
    FROM unnest(${leads}::uuid[], ${tenants}::text[], ${starts}::int[], ${sizes}::int[]) WITH ORDINALITY AS g(l, t, at, size, n)`;
}

const KEY_BYTES = 32;

function vaultColumns(rows: readonly LeadRow[]): (string | Buffer | null)[] {
  const sealed = rows.filter((row): row is LeadRow & { sealed: Sealed } => row.sealed !== undefined);
  let end = 1;
  const starts = sealed.map((row) => (end += row.sealed.sealed.length) - row.sealed.sealed.length);
  return [
    plainArray(sealed.map((row) => row.leadId)), textArray(sealed.map((row) => row.tenantId)), sealed[0]?.sealed.keyId ?? null,
    Buffer.concat(sealed.map((row) => row.sealed.wrappedKey)), Buffer.concat(sealed.map((row) => row.sealed.sealed)),
    plainArray(starts), plainArray(sealed.map((row) => row.sealed.sealed.length)),
  ];
}
