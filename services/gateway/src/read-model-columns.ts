/** Columns of the read models: where their values come from, and how a later change is laid over what is there. */
import { plainArray, textArray } from '@sluice/db';
import type { LeadChange, OutboundChange } from './fold-batch.js';

interface Column<R> {
  readonly name: string;
  readonly type: 'text' | 'bigint' | 'int' | 'boolean';
  readonly of: keyof R;
  /** What a new row has instead of the value. */
  readonly fresh?: string;
  /** How a row that is there takes the value (`o` is the row, `e` the value); without it the value alone. Of keys: never. */
  readonly merge?: string;
}

interface Upsert<R> {
  readonly text: string;
  readonly values: (rows: readonly R[]) => string[];
}

/** Of rows that have the plain columns alone, and of those that have more. */
export interface Upserts<R> {
  readonly name: string;
  readonly plain: Upsert<R>;
  readonly rich: Upsert<R>;
}

const newest = (name: string) => `coalesce(e.${name}, o.${name})`;
const first = (name: string) => `coalesce(o.${name}, e.${name})`;
const sum = (name: string) => `o.${name} + e.${name}`;

function upsertOf<R>(table: string, keys: readonly string[], columns: readonly Column<R>[]): Upsert<R> {
  const names = columns.map(({ name }) => name);
  const arrays = columns.map(({ type }, place) => `$${place + 1}::${type}[]`);
  const merges = columns.filter(({ name, merge }) => merge !== undefined && !keys.includes(name))
    .map(({ name, merge }) => `${name} = ${merge!.replaceAll(/\be\./g, 'excluded.')}`);
  return {
    text: `INSERT INTO ${table} AS o (${names.join(', ')})
      SELECT ${columns.map(({ name, fresh }) => fresh ?? name).join(', ')} FROM unnest(${arrays.join(', ')}) AS x (${names.join(', ')})
      ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${merges.join(', ')}`,
    values: (rows) => columns.map(({ type, of }) => {
      const values = rows.map((row) => row[of]);
      return type === 'text' ? textArray(values as (string | undefined)[]) : plainArray(values as (string | number | boolean | undefined)[]);
    }),
  };
}

const leadColumns: readonly Column<LeadChange>[] = [
  { name: 'tenant_id', type: 'text', of: 'tenantId' }, { name: 'lead_id', type: 'text', of: 'leadId' },
  { name: 'campaign_id', type: 'text', of: 'campaignId', merge: newest('campaign_id') },
  { name: 'source_id', type: 'text', of: 'sourceId', merge: newest('source_id') },
  { name: 'received_at', type: 'bigint', of: 'receivedAt', merge: newest('received_at') },
  { name: 'duplicate', type: 'boolean', of: 'duplicate', fresh: 'coalesce(duplicate, false)', merge: 'e.duplicate OR o.duplicate' },
  { name: 'trace_id', type: 'text', of: 'traceId', merge: newest('trace_id') },
  { name: 'decided_at', type: 'bigint', of: 'decidedAt', merge: first('decided_at') },
  { name: 'attempts', type: 'int', of: 'attempts', merge: sum('attempts') },
  // Why the last attempt picked nobody; a batch without one leaves it as it is.
  { name: 'reason', type: 'text', of: 'reason', merge: 'CASE WHEN e.attempts > 0 THEN e.reason ELSE o.reason END' },
  { name: 'open', type: 'int', of: 'open', merge: sum('open') },
  { name: 'accepted', type: 'int', of: 'accepted', merge: sum('accepted') },
  { name: 'history', type: 'text', of: 'history', merge: 'o.history || e.history' },
];

const richLeadColumns: readonly Column<LeadChange>[] = [
  { name: 'returned', type: 'int', of: 'returned', merge: sum('returned') },
  { name: 'held', type: 'boolean', of: 'held', merge: newest('held') },
  // Said anew with every attempt that leaves the lead held, and gone with the one that does not.
  { name: 'held_until', type: 'bigint', of: 'heldUntil', merge: 'CASE WHEN e.held IS NULL THEN o.held_until ELSE e.held_until END' },
  { name: 'fulfilled_at', type: 'bigint', of: 'fulfilledAt', merge: newest('fulfilled_at') },
  { name: 'window_state', type: 'text', of: 'windowState', merge: newest('window_state') },
  { name: 'window_expires_at', type: 'bigint', of: 'windowExpiresAt', merge: newest('window_expires_at') },
  { name: 'window_every', type: 'text', of: 'windowEvery', merge: newest('window_every') },
  { name: 'window_rounds', type: 'int', of: 'windowRounds', merge: sum('window_rounds') },
  { name: 'window_tried_at', type: 'bigint', of: 'windowTriedAt', merge: newest('window_tried_at') },
  { name: 'window_reason', type: 'text', of: 'windowReason', merge: newest('window_reason') },
];

const outboundColumns: readonly Column<OutboundChange>[] = [
  { name: 'tenant_id', type: 'text', of: 'tenantId' }, { name: 'contract_id', type: 'text', of: 'contractId' },
  { name: 'outbound_lead_id', type: 'text', of: 'outboundLeadId' }, { name: 'lead_id', type: 'text', of: 'leadId' },
  { name: 'client_id', type: 'text', of: 'clientId', merge: newest('client_id') },
  { name: 'attempt_id', type: 'text', of: 'attemptId', merge: newest('attempt_id') },
  { name: 'campaign_id', type: 'text', of: 'campaignId', merge: newest('campaign_id') },
  { name: 'delivery_method_id', type: 'text', of: 'deliveryMethodId', merge: newest('delivery_method_id') },
  { name: 'price_minor', type: 'bigint', of: 'priceMinor', merge: newest('price_minor') },
  { name: 'currency', type: 'text', of: 'currency', merge: newest('currency') },
  { name: 'reserved_at', type: 'bigint', of: 'reservedAt', merge: newest('reserved_at') },
  // "reserved" never takes the place of what came after it.
  { name: 'status', type: 'text', of: 'status', merge: `CASE WHEN e.status = 'reserved' THEN o.status ELSE e.status END` },
  { name: 'reason', type: 'text', of: 'reason', merge: `CASE WHEN e.status = 'reserved' THEN o.reason ELSE e.reason END` },
  { name: 'settled_at', type: 'bigint', of: 'settledAt', merge: newest('settled_at') },
  { name: 'delivery_attempts', type: 'int', of: 'deliveryAttempts', merge: newest('delivery_attempts') },
  { name: 'client_reference', type: 'text', of: 'clientReference', merge: newest('client_reference') },
  { name: 'history', type: 'text', of: 'history', merge: 'o.history || e.history' },
];

const richOutboundColumns: readonly Column<OutboundChange>[] = [
  { name: 'cherry_picked', type: 'boolean', of: 'cherryPicked', merge: 'e.cherry_picked OR o.cherry_picked' },
  { name: 'returned_at', type: 'bigint', of: 'returnedAt', merge: first('returned_at') },
  { name: 'return_reason', type: 'text', of: 'returnReason', merge: first('return_reason') },
  { name: 'returned_by', type: 'text', of: 'returnedBy', merge: first('returned_by') },
];

const leadKeys = ['tenant_id', 'lead_id'];
const outboundKeys = ['tenant_id', 'contract_id', 'outbound_lead_id'];

export const LEADS: Upserts<LeadChange> = {
  name: 'gateway.leads',
  plain: upsertOf('gateway.leads', leadKeys, leadColumns),
  rich: upsertOf('gateway.leads', leadKeys, [...leadColumns, ...richLeadColumns]),
};

export const OUTBOUND_LEADS: Upserts<OutboundChange> = {
  name: 'gateway.outbound_leads',
  plain: upsertOf('gateway.outbound_leads', outboundKeys, outboundColumns),
  rich: upsertOf('gateway.outbound_leads', outboundKeys, [...outboundColumns, ...richOutboundColumns]),
};
