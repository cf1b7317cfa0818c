/** A lead's story, told from its row and those of its outbound leads. */
import { attemptsOf, momentsOf, type Attempt } from './history.js';
import type { LeadRow, OutboundRow } from './leads.store.js';
import { momentsIn, type Moment } from './moments.js';

export interface TimelineEntry {
  /** The name of the event that said it: `LeadReceived`. */
  readonly type: string;
  readonly stage: Stage;
  readonly at: string;
  /** Who did it: `source:…`, `engine`, `delivery`, `client:…`, `user:…`, `admin:…` (a key), `workflow`. */
  readonly actor: string;
  readonly reason: string | null;
  readonly ids: Readonly<Record<string, unknown>>;
  readonly traceId: string | null;
}

export type Stage = 'received' | 'requested' | 'decided' | 'held' | 'reserved' | 'delivered' | 'released' | 'returned' | 'window' | 'fulfilled' | 'script';

/** Several services share one millisecond: then the way that a lead goes decides. */
const order: readonly Stage[] = [
  'received', 'requested', 'script', 'decided', 'held', 'reserved', 'delivered', 'released', 'returned', 'window', 'fulfilled',
];

type Told = Pick<TimelineEntry, 'type' | 'stage' | 'actor' | 'ids'> & {
  readonly at: number;
  readonly reason?: string | null | undefined;
  readonly traceId?: string | undefined;
};

const settledTypes: Readonly<Record<string, string>> = {
  accepted: 'OutboundLeadAccepted', rejected: 'OutboundLeadRejected', failed: 'OutboundLeadFailed',
};

/** Windows say what they did by their own names. */
const stages: Readonly<Record<string, Stage>> = {
  DistributionRequested: 'requested', LeadReturned: 'returned', LeadFulfilled: 'fulfilled', ScriptFailed: 'script',
};

/** received → decided → reserved → delivered → released, in order of time. */
export function timelineOf(lead: LeadRow, outbound: readonly OutboundRow[]): TimelineEntry[] {
  const attempts = attemptsOf(lead.history);
  const traceOf = new Map(attempts.map(({ attemptId, traceId }) => [attemptId, traceId]));
  const told: Told[] = [];
  if (lead.received_at !== null) {
    told.push({
      type: 'LeadReceived', stage: 'received', at: Number(lead.received_at), actor: lead.source_id ? `source:${lead.source_id}` : 'intake',
      ids: { leadId: lead.lead_id, sourceId: lead.source_id, campaignId: lead.campaign_id },
    });
  }
  for (const attempt of attempts) told.push(tellAttempt(lead, attempt));
  for (const moment of momentsIn(lead.history)) told.push(tellMoment(lead, moment));
  if (lead.window_tried_at !== null) {
    // A window tries for days; of the times when it found nobody the last one is told, and how many there were.
    told.push({
      type: 'LeadNotDistributed', stage: 'decided', at: Number(lead.window_tried_at), actor: 'engine', reason: lead.window_reason,
      ids: { leadId: lead.lead_id, trigger: 'window', times: lead.window_rounds },
    });
  }
  for (const row of outbound) for (const entry of tellOutbound(row)) told.push({ ...entry, traceId: traceOf.get(row.attempt_id ?? '') });
  return told
    .sort((a, b) => a.at - b.at || order.indexOf(a.stage) - order.indexOf(b.stage) || (keyOf(a) < keyOf(b) ? -1 : 1))
    .map(({ at, reason = null, traceId = lead.trace_id, ...entry }) => ({ ...entry, at: new Date(at).toISOString(), reason, traceId }));
}

function tellAttempt(lead: LeadRow, attempt: Attempt): Told {
  const { attemptId, trigger, round, at, reason, picks, traceId, actor, requestId, held } = attempt;
  const asked = { ...(actor ? { askedBy: actor } : {}), ...(requestId ? { requestId } : {}) };
  const ids = { leadId: lead.lead_id, attemptId, trigger, round, ...asked };
  const decided = { stage: held ? 'held' : 'decided', at, actor: 'engine', traceId } as const;
  return picks.length > 0
    ? { ...decided, type: 'LeadDistributed', ids: { ...ids, contractIds: picks.map(({ contractId }) => contractId) } }
    : { ...decided, type: 'LeadNotDistributed', ids, reason };
}

function tellMoment({ lead_id: leadId }: LeadRow, { type, at, actor, reason, ids }: Moment): Told {
  const stage = stages[type] ?? 'window';
  const system = stage === 'window' ? 'workflow' : 'engine';
  return { type, stage, at, actor: actor ? personOf(actor) : system, reason, ids: { leadId, ...ids } };
}

/** A key of an administrator says so itself. */
function personOf(actor: string): string {
  return actor.startsWith('admin:') ? actor : `user:${actor}`;
}

function tellOutbound(row: OutboundRow): Told[] {
  const ids = {
    leadId: row.lead_id, outboundLeadId: row.outbound_lead_id, contractId: row.contract_id,
    ...(row.client_id ? { clientId: row.client_id } : {}),
  };
  const told: Told[] = [];
  if (row.reserved_at !== null) {
    const given = { ...ids, attemptId: row.attempt_id };
    told.push({ type: 'OutboundLeadReserved', stage: 'reserved', at: Number(row.reserved_at), actor: 'engine', ids: given });
  }
  for (const { what, at, reason, attempts } of momentsOf(row.history)) {
    told.push(what === 'released'
      ? { type: 'OutboundLeadReleased', stage: 'released', at, actor: 'engine', reason, ids }
      : { type: 'OutboundLeadUnresolved', stage: 'delivered', at, actor: 'delivery', reason, ids: { ...ids, attempts } });
  }
  const type = settledTypes[row.status];
  if (type && row.settled_at !== null) {
    const actor = row.status !== 'failed' && row.client_id ? `client:${row.client_id}` : 'delivery';
    const attempts = row.delivery_attempts ?? 0;
    told.push({ type, stage: 'delivered', at: Number(row.settled_at), actor, reason: row.reason, ids: { ...ids, attempts } });
  }
  return told;
}

function keyOf({ ids }: Told): string {
  return String(ids['outboundLeadId'] ?? ids['attemptId'] ?? ids['requestId'] ?? ids['generation'] ?? '');
}
