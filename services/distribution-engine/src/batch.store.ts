import { Injectable } from '@nestjs/common';
import { Database, plainArray, textArray, type Tx } from '@sluice/db';
import type { Lead, Life } from '@sluice/distribution';
import { JSON_SEPARATOR, jsonList } from './json-list.js';
import { keyOf, type Attempted, type Changes, type CountedRow, type LeadWindow, type StoredLead } from './changes.js';

/** A row of the journal: what a batch read, and when. */
export interface JournalRow {
  readonly partition: number;
  readonly batchNo: number;
  readonly topic: string;
  readonly first: number;
  readonly last: number;
  readonly parked: readonly number[];
  readonly now: number;
  /** What limits that came with it counted. */
  readonly counted?: readonly CountedRow[];
}

interface LeadRow {
  tenant_id: string; lead_id: string; lead: string; life: string; attempts: string; window_generation: number; lead_window: string | null;
  held_since: string | null;
}

/** Reads what a batch needs and writes what it changed: one statement each. */
@Injectable()
export class BatchStore {
  constructor(private readonly database: Database) {}

  /** Leads by `keyOf`, in one query; those that are not there are left out. */
  async leads(wanted: readonly { readonly tenantId: string; readonly leadId: string }[]): Promise<Map<string, StoredLead>> {
    if (wanted.length === 0) return new Map();
    const tenants = [...new Set(wanted.map(({ tenantId }) => tenantId))];
    const rows = await this.database.transaction({ service: 'engine', tenants }, (tx) => tx.query<LeadRow>(
      `SELECT l.tenant_id, l.lead_id, l.lead, l.life, l.attempts, l.window_generation, l.lead_window, l.held_since
         FROM unnest($1::text[], $2::text[]) AS w (tenant_id, lead_id)
         JOIN engine.leads l ON l.tenant_id = w.tenant_id AND l.lead_id = w.lead_id`,
      [textArray(wanted.map(({ tenantId }) => tenantId)), textArray(wanted.map(({ leadId }) => leadId))], 'engine.leads'));
    return new Map(rows.map((row) => [keyOf(row.tenant_id, row.lead_id), storedLead(row)]));
  }

  /** Writes a batch's rows and its line of the journal, set-based and in one round trip. */
  async write(tx: Tx, changes: Changes, journal: JournalRow): Promise<void> {
    await tx.query(WRITE_HOT, hotValues(changes, journal), 'engine.write');
    if (isRare(changes)) await this.writeRare(tx, changes, journal);
  }

  private async writeRare(tx: Tx, changes: Changes, { partition, batchNo, now }: JournalRow): Promise<void> {
    await tx.query(WRITE_RARE, rareValues(changes, partition, batchNo, now), 'engine.write-rare');
  }
}

export function storedLead(row: Omit<LeadRow, 'tenant_id' | 'lead_id'>): StoredLead {
  return {
    lead: JSON.parse(row.lead) as Lead,
    life: JSON.parse(row.life) as Life,
    attempts: JSON.parse(row.attempts) as Attempted[],
    windowGeneration: row.window_generation,
    window: row.lead_window ? JSON.parse(row.lead_window) as LeadWindow : undefined,
    heldSince: row.held_since ? Number(row.held_since) : undefined,
  };
}

const SPLIT = `E'\\x${JSON_SEPARATOR.charCodeAt(0).toString(16)}'`;
const json = (place: number) => `string_to_array($${place}, ${SPLIT})`;

/** What nearly every batch writes. An empty list costs microseconds; a statement more would cost a round trip. */
const WRITE_HOT = `
  WITH fresh AS (
    INSERT INTO engine.leads (tenant_id, lead_id, received_at, lead, life, attempts, window_generation, lead_window, held_since)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], ${json(4)}, ${json(5)}, ${json(6)}, $7::int[], $41::text[], $42::bigint[])
  ), moved AS (
    UPDATE engine.leads l SET life = m.life, attempts = m.attempts, window_generation = m.generation, lead_window = m.lead_window,
           held_since = m.held_since
      FROM unnest($8::text[], $9::text[], ${json(10)}, ${json(11)}, $12::int[], $43::text[], $44::bigint[])
        AS m (tenant_id, lead_id, life, attempts, generation, lead_window, held_since)
     WHERE l.tenant_id = m.tenant_id AND l.lead_id = m.lead_id
  ), attempted AS (
    INSERT INTO engine.attempts
      (tenant_id, attempt_id, lead_id, at, trigger, version, outcome, receipt, actor, campaign_id, workflow_id)
    SELECT a.tenant_id, a.attempt_id, a.lead_id, $33::bigint, a.trigger, a.version, a.outcome, a.receipt, a.actor, a.campaign_id,
           a.workflow_id
      FROM unnest($13::text[], $14::text[], $15::text[], $16::text[], $17::int[], $18::text[], ${json(19)}, $45::text[], $46::text[],
                  $47::text[])
        AS a (tenant_id, attempt_id, lead_id, trigger, version, outcome, receipt, actor, campaign_id, workflow_id)
  ), reserved AS (
    INSERT INTO engine.outbound_leads
      (tenant_id, outbound_lead_id, lead_id, attempt_id, contract_id, client_id, price_minor, currency, also, state, reserved_at)
    SELECT o.*, 'reserved', $33::bigint
      FROM unnest($20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::bigint[], $27::text[], $48::text[]) AS o
  ), settled AS (
    UPDATE engine.outbound_leads o SET state = s.state, settled_at = $33::bigint
      FROM unnest($28::text[], $29::text[], $30::text[]) AS s (tenant_id, outbound_lead_id, state)
     WHERE o.tenant_id = s.tenant_id AND o.outbound_lead_id = s.outbound_lead_id
  ), counted AS (
    INSERT INTO engine.state (tenant_id, key, value)
    SELECT * FROM unnest($34::text[], $35::text[], $36::text[])
    ON CONFLICT (tenant_id, key) DO UPDATE SET value = excluded.value
  )
  INSERT INTO engine.journal (partition, batch_no, topic, first_seq, last_seq, parked, now, counted)
  VALUES ($31, $32, $37, $38, $39, $40::bigint[], $33::bigint, $49)`;

function hotValues(changes: Changes, journal: JournalRow): unknown[] {
  const { attempts, outboundLeads: out, state } = changes;
  const leads = [...changes.leads];
  const fresh = leads.filter(([key]) => changes.fresh.has(key)).map(([, stored]) => stored);
  const moved = leads.filter(([key]) => !changes.fresh.has(key)).map(([, stored]) => stored);
  const settled = [...changes.settled.values()];
  return [
    textArray(fresh.map(({ lead }) => lead.tenantId)), textArray(fresh.map(({ lead }) => lead.leadId)),
    plainArray(fresh.map(({ lead }) => lead.receivedAt)), jsonList(fresh.map(({ lead }) => JSON.stringify(lead))),
    jsonList(fresh.map(({ life }) => JSON.stringify(life))), jsonList(fresh.map((stored) => JSON.stringify(stored.attempts))),
    plainArray(fresh.map((stored) => stored.windowGeneration)),
    textArray(moved.map(({ lead }) => lead.tenantId)), textArray(moved.map(({ lead }) => lead.leadId)),
    jsonList(moved.map(({ life }) => JSON.stringify(life))), jsonList(moved.map((stored) => JSON.stringify(stored.attempts))),
    plainArray(moved.map((stored) => stored.windowGeneration)),
    textArray(attempts.map((row) => row.tenantId)), textArray(attempts.map((row) => row.attemptId)),
    textArray(attempts.map((row) => row.leadId)),
    textArray(attempts.map((row) => row.trigger)), plainArray(attempts.map((row) => row.version)),
    textArray(attempts.map((row) => row.outcome)),
    jsonList(attempts.map((row) => row.receipt)),
    textArray(out.map((row) => row.tenantId)), textArray(out.map((row) => row.outboundLeadId)), textArray(out.map((row) => row.leadId)),
    textArray(out.map((row) => row.attemptId)), textArray(out.map((row) => row.contractId)), textArray(out.map((row) => row.clientId)),
    plainArray(out.map((row) => row.priceMinor)), textArray(out.map((row) => row.currency)),
    textArray(settled.map((row) => row.tenantId)), textArray(settled.map((row) => row.outboundLeadId)),
    textArray(settled.map((row) => row.state)),
    journal.partition, journal.batchNo, journal.now,
    textArray(state.map((row) => row.tenantId)), textArray(state.map((row) => row.key)), textArray(state.map((row) => String(row.value))),
    journal.topic, journal.first, journal.last, plainArray(journal.parked),
    windowsOf(fresh), plainArray(fresh.map(({ heldSince }) => heldSince)),
    windowsOf(moved), plainArray(moved.map(({ heldSince }) => heldSince)),
    textArray(attempts.map((row) => row.actor)), textArray(attempts.map((row) => row.campaignId)),
    textArray(attempts.map((row) => row.workflowId)), textArray(out.map((row) => row.also)),
    changes.counted.length > 0 ? JSON.stringify(changes.counted) : null,
  ];
}

function windowsOf(leads: readonly StoredLead[]): string {
  return textArray(leads.map(({ window }) => (window ? JSON.stringify(window) : undefined)));
}

function isRare(changes: Changes): boolean {
  const { tenants, items, parts, versions, waiting, taken, forgotten } = changes;
  return [tenants, items, parts, versions, waiting, taken, forgotten].some((list) => list.length > 0);
}

/** New tenants, configuration, records that begin or end to wait, counters that are forgotten. */
const WRITE_RARE = `
  WITH arrived AS (
    INSERT INTO engine.tenants (tenant_id, partition) SELECT t, $1 FROM unnest($2::text[]) AS t ON CONFLICT (tenant_id) DO NOTHING
  ), part AS (
    INSERT INTO engine.configuration_parts (tenant_id, version, part, parts, items)
    SELECT * FROM unnest($3::text[], $4::int[], $5::int[], $6::int[], ${json(7)})
    ON CONFLICT (tenant_id, version, part) DO UPDATE SET items = excluded.items
  ), whole AS (
    INSERT INTO engine.configuration_versions (tenant_id, version, taken_at)
    SELECT v.*, $10::bigint FROM unnest($8::text[], $9::int[]) AS v
  ), parts_done AS (
    DELETE FROM engine.configuration_parts p USING unnest($8::text[], $9::int[]) AS v (tenant_id, version)
     WHERE p.tenant_id = v.tenant_id AND p.version = v.version
  ), item AS (
    INSERT INTO engine.configuration_items (tenant_id, kind, id, version, entry, body)
    SELECT * FROM unnest($11::text[], $12::text[], $13::text[], $14::int[], $15::int[], $16::text[])
  ), waits AS (
    INSERT INTO engine.waiting (tenant_id, topic, partition, seq, kind, rests_on, event, batch_no)
    SELECT w.tenant_id, w.topic, $1, w.seq, w.kind, w.rests_on, w.event, $25::bigint
      FROM unnest($17::text[], $18::text[], $19::bigint[], $20::text[], $21::text[], ${json(22)})
        AS w (tenant_id, topic, seq, kind, rests_on, event)
    ON CONFLICT (topic, partition, seq) DO UPDATE SET kind = excluded.kind, rests_on = excluded.rests_on, batch_no = excluded.batch_no
  ), taken AS (
    DELETE FROM engine.waiting w USING unnest($23::text[], $24::bigint[]) AS t (topic, seq)
     WHERE w.topic = t.topic AND w.partition = $1 AND w.seq = t.seq
  )
  DELETE FROM engine.state s USING unnest($26::text[], $27::text[]) AS f (tenant_id, key)
   WHERE s.tenant_id = f.tenant_id AND s.key = f.key`;

function rareValues(changes: Changes, partition: number, batchNo: number, now: number): unknown[] {
  const { tenants, parts, versions, items, waiting, taken, forgotten } = changes;
  return [
    partition, textArray(tenants),
    textArray(parts.map((row) => row.tenantId)), plainArray(parts.map((row) => row.version)), plainArray(parts.map((row) => row.part)),
    plainArray(parts.map((row) => row.parts)), jsonList(parts.map((row) => row.items)),
    textArray(versions.map((row) => row.tenantId)), plainArray(versions.map((row) => row.version)), now,
    textArray(items.map((row) => row.tenantId)), textArray(items.map((row) => row.kind)), textArray(items.map((row) => row.id)),
    plainArray(items.map((row) => row.version)), plainArray(items.map((row) => row.entry)), textArray(items.map((row) => row.body)),
    textArray(waiting.map((row) => row.tenantId)), textArray(waiting.map((row) => row.topic)), plainArray(waiting.map((row) => row.seq)),
    textArray(waiting.map((row) => row.kind)), textArray(waiting.map((row) => row.restsOn)), jsonList(waiting.map((row) => row.event)),
    textArray(taken.map((row) => row.topic)), plainArray(taken.map((row) => row.seq)), batchNo,
    textArray(forgotten.map((row) => row.tenantId)), textArray(forgotten.map((row) => row.key)),
  ];
}
