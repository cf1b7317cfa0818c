import { Injectable } from '@nestjs/common';
import { hexArray, plainArray, textArray, type Tx } from '@sluice/db';
import type { DuplicatePolicy } from './campaign.js';
import { EMAIL, PAYLOAD, PHONE, type Claim, type Holder } from './duplicates.js';
import { WRAPPED_KEY_BYTES, type Sealed } from './vault.service.js';

export interface KeyRow {
  readonly tenantId: string;
  readonly sourceId: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly leadId: string;
  /** What was answered, where it is more than the id. */
  readonly answer: string | null;
}

/** A lead that was never seen before, and what makes it once. */
export interface FreshRow {
  readonly lead: LeadRow;
  readonly key: string | undefined;
  readonly claims: readonly Claim[];
  readonly policy: DuplicatePolicy;
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
      const rows = await tx.query<{ fingerprint: string }>(`
        WITH g AS MATERIALIZED (
          SELECT * FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::uuid[], $5::double precision[], $6::double precision[]) AS g(k, t, f, l, s, u)),
        claimed AS (
          INSERT INTO intake.fingerprints (kind, tenant_id, fingerprint, lead_id, seen_at, until)
          SELECT k, t, f, l, to_timestamp(s / 1000), to_timestamp(u / 1000) FROM g ORDER BY k, f ON CONFLICT DO NOTHING RETURNING fingerprint)
        SELECT replace(f::text, '-', '') AS fingerprint FROM g WHERE f NOT IN (SELECT fingerprint FROM claimed)`, columnsOf(open), 'intake.claim_fingerprints');
      const taken = new Set(rows.map((row) => row.fingerprint));
      // Those that are ours by now need no lock beside the one they have.
      const contested = open.filter(({ claim }) => taken.has(claim.fingerprint));
      if (contested.length === 0) break;
      const there = await this.holders(tx, contested.map(({ claim }) => claim));
      for (const { claim, holder } of contested) {
        const found = there.get(claim.fingerprint);
        if (found && found.leadId !== holder.leadId) held.set(claim.fingerprint, found);
      }
      // What was in the way, and was given up before it could be locked, is free now.
      open = contested.filter(({ claim }) => !there.has(claim.fingerprint));
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
   * commit. Fails with a unique violation where a key, a fingerprint or a lead is there already. Each lead is read once, as one row, and
   * put into all its tables.
   */
  async addFresh(tx: Tx, tenants: readonly string[], rows: readonly FreshRow[]): Promise<Map<string, number>> {
    const versions = await tx.query<{ tenant_id: string; version: number }>(ADD_FRESH, [
      textArray(tenants), textArray(rows.map(({ key }) => key)),
      claimColumn(rows, PAYLOAD), claimColumn(rows, PHONE), claimColumn(rows, EMAIL),
      plainArray(rows.map(({ lead, policy }) => lead.receivedAt + policy.payloadWithinMs)),
      plainArray(rows.map(({ lead, policy }) => lead.receivedAt + policy.personWithinMs)),
      ...leadColumns(rows.map(({ lead }) => lead))], 'intake.add_fresh');
    return new Map(versions.map((row) => [row.tenant_id, row.version]));
  }

  /** Leads and their vault rows in one statement. */
  async addLeads(tx: Tx, rows: readonly LeadRow[]): Promise<void> {
    await tx.query(ADD_LEADS, leadColumns(rows), 'intake.add_leads');
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

  /** Which of these leads are stored, taken or turned away: after a commit whose end nobody saw. */
  async stored(tx: Tx, leadIds: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(`
      SELECT lead_id AS id FROM intake.leads WHERE lead_id = ANY ($1::uuid[])
      UNION ALL SELECT rejection_id FROM intake.rejections WHERE rejection_id = ANY ($1::uuid[])`, [plainArray(leadIds)]);
    return new Set(rows.map((row) => row.id));
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

/** The columns of a group of leads as parameters from `$from` on, and names for them. Bytes of the vault stand one after the other. */
function groupOf(from: number): { readonly arrays: string; readonly names: string; readonly keyId: string; readonly bytes: string } {
  const types = ['uuid', 'text', 'text', 'text', 'double precision', 'int', 'bytea', 'bytea', 'bytea', 'uuid', 'int', 'int'];
  const after = from + types.length;
  return {
    arrays: `${types.map((type, at) => `$${from + at}::${type}[]`).join(', ')}, string_to_array($${after}, E'\\x1e')`,
    names: 'lead, tenant, source, campaign, received, version, payload, phone, email, duplicate_of, at, size, attributes',
    keyId: `$${after + 1}::text`, bytes: `$${after + 2}::bytea`,
  };
}

function leadColumns(rows: readonly LeadRow[]): (string | Buffer | null)[] {
  const bytes: Buffer[] = [];
  let end = 1;
  const starts = rows.map(({ sealed }) => {
    if (!sealed) return undefined;
    const at = end;
    bytes.push(sealed.wrappedKey, sealed.sealed);
    end += sealed.wrappedKey.length + sealed.sealed.length;
    return at;
  });
  return [
    plainArray(rows.map((row) => row.leadId)), textArray(rows.map((row) => row.tenantId)), textArray(rows.map((row) => row.sourceId)),
    textArray(rows.map((row) => row.campaignId)), plainArray(rows.map((row) => row.receivedAt)), plainArray(rows.map((row) => row.version)),
    hexArray(rows.map((row) => row.payloadHash)), hexArray(rows.map((row) => row.phoneHash)), hexArray(rows.map((row) => row.emailHash)),
    plainArray(rows.map((row) => row.duplicateOf)), plainArray(starts), plainArray(rows.map((row) => row.sealed?.sealed.length)),
    rows.map((row) => row.attributes).join(SEPARATOR), rows.find((row) => row.sealed)?.sealed?.keyId ?? null, Buffer.concat(bytes),
  ];
}

/** Puts the group `g` into leads and vault; as hexadecimal text in arrays the sealed bytes would be twice as many. */
const leadsFrom = ({ keyId, bytes }: { readonly keyId: string; readonly bytes: string }) => `
  added AS (
    INSERT INTO intake.leads (lead_id, tenant_id, source_id, campaign_id, received_at, configuration_version, payload_hash, phone_hash, email_hash, duplicate_of, attributes)
    SELECT lead, tenant, source, campaign, to_timestamp(received / 1000), version, payload, phone, email, duplicate_of, attributes FROM g),
  vault AS (
    INSERT INTO intake.vault (lead_id, tenant_id, key_id, wrapped_key, sealed)
    SELECT lead, tenant, ${keyId}, substring(${bytes} FROM at FOR ${WRAPPED_KEY_BYTES}), substring(${bytes} FROM at + ${WRAPPED_KEY_BYTES} FOR size) FROM g WHERE at IS NOT NULL)`;

/** The server runs the parts of a WITH that nobody reads from the last to the first: keys before fingerprints, as on the careful way. */
const freshGroup = groupOf(8);
const ADD_FRESH = `
  WITH versions AS (
    SELECT tenant_id, version FROM intake.configuration_versions WHERE tenant_id = ANY ($1::text[]) ORDER BY tenant_id FOR SHARE),
  g AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::double precision[], $7::double precision[], ${freshGroup.arrays})
      AS g(key, of_payload, of_phone, of_email, payload_until, person_until, ${freshGroup.names})),
  claims AS (
    INSERT INTO intake.fingerprints (kind, tenant_id, fingerprint, lead_id, seen_at, until)
    SELECT c.kind, tenant, c.fingerprint, lead, to_timestamp(received / 1000), to_timestamp(c.until / 1000)
    FROM g CROSS JOIN LATERAL (VALUES
      (${PAYLOAD}::smallint, of_payload, payload_until), (${PHONE}, of_phone, person_until), (${EMAIL}, of_email, person_until)) AS c(kind, fingerprint, until)
    WHERE c.fingerprint IS NOT NULL ORDER BY c.kind, c.fingerprint),
  ${leadsFrom(freshGroup)},
  keys AS (
    INSERT INTO intake.idempotency (tenant_id, source_id, key, fingerprint, lead_id, created_at)
    SELECT tenant, source, key, payload, lead, to_timestamp(received / 1000) FROM g WHERE key IS NOT NULL ORDER BY tenant, source, key)
  SELECT tenant_id, version FROM versions`;

const group = groupOf(1);
const ADD_LEADS = `
  WITH g AS MATERIALIZED (SELECT * FROM unnest(${group.arrays}) AS g(${group.names})), ${leadsFrom(group)} SELECT 1 WHERE false`;

function claimColumn(rows: readonly FreshRow[], kind: number): string {
  return plainArray(rows.map(({ claims }) => claims.find((claim) => claim.kind === kind)?.fingerprint));
}
