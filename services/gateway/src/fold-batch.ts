/**
 * Events of one batch → what they change in the read models: one row a lead and one an outbound lead, however many events the batch has of
 * them, and the counts of the funnel. Rows are sums and latest values, so that it does not matter which topic is heard first.
 */
import {
  LeadDistributed, LeadFulfilled, LeadNotDistributed, LeadReceived, LeadRejected, LeadReturned, OutboundLeadAccepted, OutboundLeadFailed,
  OutboundLeadRejected, OutboundLeadReleased, OutboundLeadReserved, OutboundLeadUnresolved, WindowOpened, type Heard,
} from '@sluice/events';
import { auditNoteOf, type AuditNote } from './audit-entries.js';
import { HeldMoves, type Left } from './held-moves.js';
import { attemptLine, outboundLine } from './history.js';
import { momentLine, momentOf, windowStates, type WindowEvent, type WindowState } from './moments.js';

export interface LeadChange {
  readonly tenantId: string;
  readonly leadId: string;
  campaignId?: string;
  sourceId?: string;
  receivedAt?: number;
  duplicate?: boolean;
  traceId?: string;
  decidedAt?: number;
  /** Attempts to add; where there is one, `reason` is the last one's. */
  attempts: number;
  reason?: string;
  /** Outbound leads that are reserved or unresolved: to add, or to take away. */
  open: number;
  accepted: number;
  returned: number;
  /** Where an attempt said so: whether nobody was there for it, and until when that is waited for. */
  held?: boolean;
  heldUntil?: number;
  fulfilledAt?: number;
  windowState?: WindowState;
  windowExpiresAt?: number;
  windowEvery?: string;
  /** Attempts of the window that picked nobody: counted, and only the last one told. */
  windowRounds: number;
  windowTriedAt?: number;
  windowReason?: string;
  history: string;
}

export type OutboundStatus = 'reserved' | 'accepted' | 'rejected' | 'failed' | 'unresolved' | 'withdrawn';

export interface OutboundChange {
  readonly tenantId: string;
  readonly outboundLeadId: string;
  readonly leadId: string;
  readonly contractId: string;
  clientId?: string;
  attemptId?: string;
  campaignId?: string;
  deliveryMethodId?: string;
  priceMinor?: string;
  currency?: string;
  reservedAt?: number;
  /** reserved never takes the place of what came after it. */
  status: OutboundStatus;
  reason?: string;
  settledAt?: number;
  deliveryAttempts?: number;
  clientReference?: string;
  cherryPicked: boolean;
  returnedAt?: number;
  returnReason?: string;
  returnedBy?: string;
  history: string;
}

export interface Count {
  readonly tenantId: string;
  readonly minute: number;
  readonly stage: string;
  readonly reason: string;
  count: number;
}

const MINUTE_MS = 60_000;
/** Attempts that a lead's arrival caused; later ones must not count it again. */
const ARRIVALS = new Set(['arrival', 'push']);

export class FoldedBatch {
  private readonly leads = new Map<string, LeadChange>();
  private readonly outbound = new Map<string, OutboundChange>();
  private readonly counts = new Map<string, Count>();
  /** Outbound leads whose first event here settles them: an unresolved one among them is no longer unresolved. */
  readonly settled: { readonly tenantId: string; readonly outboundLeadId: string; readonly at: number }[] = [];

  /** Outbound leads that a client turned down here. Of one that was accepted before the batch, which only the table knows, more changes. */
  readonly turnedDown: Named[] = [];
  readonly notes: AuditNote[] = [];
  readonly heldMoves = new HeldMoves((...given) => this.add(...given));

  constructor(events: readonly Heard[]) {
    for (const event of events) this.fold(event);
  }

  /** In one order for every batch, so that two transactions never wait for each other. */
  leadChanges(): LeadChange[] {
    return inOrder(this.leads);
  }

  outboundChanges(): OutboundChange[] {
    return inOrder(this.outbound);
  }

  countChanges(): Count[] {
    return inOrder(this.counts).filter((row) => row.count !== 0);
  }

  /** Counts at the minute of `at`, and in minute 0 of all time. */
  add(tenantId: string, at: number, stage: string, reason = '', amount = 1): void {
    for (const minute of [0, Math.floor(at / MINUTE_MS)]) {
      const key = `${tenantId}\n${minute}\n${stage}\n${reason}`;
      const row = this.counts.get(key);
      if (row) row.count += amount;
      else this.counts.set(key, { tenantId, minute, stage, reason, count: amount });
    }
  }

  private fold(event: Heard): void {
    const moment = momentOf(event);
    if (moment) this.lead(event.tenantId, event.subject).history += momentLine(moment);
    const note = moment?.actor ? auditNoteOf(event) : undefined;
    if (note) this.notes.push(note);
    if (windowStates.has(event.type)) return this.window(event as Heard<WindowEvent>);
    switch (event.type) {
      case LeadReceived.type: return this.received(event as Heard<LeadReceived>);
      case LeadRejected.type: return this.refused(event as Heard<LeadRejected>);
      case LeadDistributed.type: return this.distributed(event as Heard<LeadDistributed>);
      case LeadNotDistributed.type: return this.notDistributed(event as Heard<LeadNotDistributed>);
      case OutboundLeadReserved.type: return this.reserved(event as Heard<OutboundLeadReserved>);
      case OutboundLeadReleased.type: return this.released(event as Heard<OutboundLeadReleased>);
      case OutboundLeadAccepted.type: return this.settle(event as Heard<OutboundLeadAccepted>, 'accepted');
      case OutboundLeadRejected.type: return this.settle(event as Heard<OutboundLeadRejected>, 'rejected');
      case OutboundLeadFailed.type: return this.settle(event as Heard<OutboundLeadFailed>, 'failed');
      case OutboundLeadUnresolved.type: return this.settle(event as Heard<OutboundLeadUnresolved>, 'unresolved');
      case LeadReturned.type: return this.returned(event as Heard<LeadReturned>);
      case LeadFulfilled.type: return this.fulfilled(event as Heard<LeadFulfilled>);
      default:
    }
  }

  private received(event: Heard<LeadReceived>): void {
    const { data } = event;
    const lead = this.lead(data.tenantId, data.leadId);
    if (data.campaignId) lead.campaignId = data.campaignId;
    lead.receivedAt = Date.parse(data.receivedAt);
    lead.duplicate = data.duplicate ?? false;
    if (data.sourceId) lead.sourceId = data.sourceId;
    const traceId = traceIdOf(event);
    if (traceId) lead.traceId = traceId;
    this.add(data.tenantId, lead.receivedAt, 'received');
  }

  private refused({ data, time }: Heard<LeadRejected>): void {
    this.add(data.tenantId, data.receivedAt ? Date.parse(data.receivedAt) : time, 'refused', data.reason);
  }

  private distributed(event: Heard<LeadDistributed>): void {
    const { trigger, picks } = event.data;
    this.decided(event, undefined, picks);
    // What a client takes from the pool is no distribution: a lead that is held for another stays so.
    if (trigger !== 'cherryPick') return this.moveHeld(event, { stage: 'distributed', reason: '' });
    for (const { contractId = '', outboundLeadId = '' } of picks) this.outboundLead({ ...event.data, contractId, outboundLeadId }, 'reserved').cherryPicked = true;
  }

  private notDistributed(event: Heard<LeadNotDistributed>): void {
    const { trigger, reason, held } = event.data;
    this.decided(event, reason, []);
    // A person's attempt that picks nobody ends no wait.
    if (trigger === 'cherryPick' || trigger === 'manual') return;
    this.moveHeld(event, held ? undefined : { stage: 'unsold', reason });
  }

  private moveHeld(event: Heard<LeadDistributed | LeadNotDistributed>, left: Left | undefined): void {
    const { tenantId, leadId, trigger, round = 0, decidedAt } = event.data;
    const at = decidedAt ? Date.parse(decidedAt) : event.time;
    const lead = this.lead(tenantId, leadId);
    lead.held = left === undefined;
    const { heldUntil } = event.data as { heldUntil?: string };
    if (lead.held && heldUntil) lead.heldUntil = Date.parse(heldUntil);
    else delete lead.heldUntil;
    if (ARRIVALS.has(trigger) && round <= 1) this.heldMoves.first(tenantId, leadId, at, left);
    else this.heldMoves.move(tenantId, leadId, at, left);
  }

  private window({ type, data }: Heard<WindowEvent>): void {
    const lead = this.lead(data.tenantId, data.leadId);
    const state = windowStates.get(type);
    if (state) lead.windowState = state;
    const step = type === WindowOpened.type ? 1 : state === 'stopped' || state === 'fulfilled' || state === 'expired' ? -1 : 0;
    if (step !== 0) this.add(data.tenantId, Date.parse(data.at), 'waiting', '', step);
    lead.windowExpiresAt = Date.parse(data.expiresAt);
    if (data.every) lead.windowEvery = data.every;
  }

  private returned({ data }: Heard<LeadReturned>): void {
    const at = Date.parse(data.at);
    const row = this.outboundLead(data, 'reserved');
    row.returnedAt = at;
    if (data.reason) row.returnReason = data.reason;
    if (data.actor) row.returnedBy = data.actor;
    const lead = this.lead(data.tenantId, data.leadId);
    lead.accepted -= 1;
    lead.returned += 1;
    this.add(data.tenantId, at, 'returned');
  }

  private fulfilled({ data }: Heard<LeadFulfilled>): void {
    this.lead(data.tenantId, data.leadId).fulfilledAt = Date.parse(data.at);
  }

  private decided(event: Heard<LeadDistributed | LeadNotDistributed>, reason: string | undefined, picks: LeadDistributed['picks']): void {
    const { tenantId, leadId, attemptId, trigger, round, decidedAt, actor, requestId } = event.data;
    const at = decidedAt ? Date.parse(decidedAt) : event.time;
    const lead = this.lead(tenantId, leadId);
    lead.decidedAt ??= at;
    lead.attempts += 1;
    if (reason === undefined) delete lead.reason;
    else lead.reason = reason;
    if (ARRIVALS.has(trigger) && (round ?? 0) <= 1) this.add(tenantId, at, 'decided');
    if (trigger === 'window' && picks.length === 0) {
      // A window tries every few minutes for days: a line each would make its row grow without an end. The engine keeps them all.
      lead.windowRounds += 1;
      lead.windowTriedAt = at;
      if (reason) lead.windowReason = reason;
      return;
    }
    // An arrival is decided in the trace that the lead came in with; what comes hours later has its own.
    const traceId = ARRIVALS.has(trigger) ? undefined : traceIdOf(event);
    const { held = false } = event.data as { held?: boolean };
    lead.history += attemptLine({ attemptId, trigger, round: round ?? 0, at, reason, picks, traceId, actor, requestId, held });
  }

  private reserved(event: Heard<OutboundLeadReserved>): void {
    const { data } = event;
    const row = this.outboundLead(data, 'reserved');
    row.clientId = data.clientId;
    row.reservedAt = Date.parse(data.reservedAt);
    row.priceMinor = data.priceMinor;
    row.currency = data.currency;
    if (data.attemptId) row.attemptId = data.attemptId;
    if (data.campaignId) row.campaignId = data.campaignId;
    if (data.deliveryMethodId) row.deliveryMethodId = data.deliveryMethodId;
    this.lead(data.tenantId, data.leadId).open += 1;
    this.add(data.tenantId, row.reservedAt, 'reserved');
  }

  private released(event: Heard<OutboundLeadReleased>): void {
    const { data, time } = event;
    const row = this.outboundLead(data, 'reserved');
    row.history += outboundLine({ what: 'released', at: time, reason: data.reason, attempts: 0 });
    // What was rejected or failed says so itself, by delivery's own event.
    if (data.reason !== 'withdrawn') return;
    row.status = 'withdrawn';
    row.settledAt = time;
    this.lead(data.tenantId, data.leadId).open -= 1;
    this.add(data.tenantId, time, 'withdrawn');
  }

  private settle(event: Heard<Settled>, status: Exclude<OutboundStatus, 'reserved' | 'withdrawn'>): void {
    const { data, time } = event;
    const at = data.at ? Date.parse(data.at) : time;
    const seen = this.outbound.get(outboundKeyOf(data));
    const before = seen?.status;
    const row = this.outboundLead(data, status);
    row.status = status;
    row.settledAt = at;
    row.deliveryAttempts = data.attempts ?? 0;
    if (data.clientId) row.clientId = data.clientId;
    if ('reason' in data && data.reason) row.reason = data.reason;
    else delete row.reason;
    if ('clientReference' in data && data.clientReference) row.clientReference = data.clientReference;
    if (status === 'unresolved') row.history += outboundLine({ what: 'unresolved', at, reason: row.reason ?? '', attempts: row.deliveryAttempts });
    this.add(data.tenantId, at, status);
    if (before === 'unresolved') this.add(data.tenantId, at, 'unresolved', '', -1);
    else this.settled.push({ tenantId: data.tenantId, outboundLeadId: data.outboundLeadId, at });
    if (status === 'unresolved') return;
    const lead = this.lead(data.tenantId, data.leadId);
    lead.open -= 1;
    if (status === 'accepted') lead.accepted += 1;
    if (status !== 'rejected') return;
    if (before === 'accepted') this.bounced(data);
    else this.turnedDown.push(data);
  }

  /** A client had the lead and turned it down after the fact, as a mail that bounces: it was not open any more. */
  bounced({ tenantId, leadId }: Pick<Named, 'tenantId' | 'leadId'>): void {
    const lead = this.lead(tenantId, leadId);
    lead.accepted -= 1;
    lead.open += 1;
  }

  private lead(tenantId: string, leadId: string): LeadChange {
    const key = keyOf(tenantId, leadId);
    let row = this.leads.get(key);
    if (!row) this.leads.set(key, (row = { tenantId, leadId, attempts: 0, open: 0, accepted: 0, returned: 0, windowRounds: 0, history: '' }));
    return row;
  }

  private outboundLead(data: Named, status: OutboundStatus): OutboundChange {
    const key = outboundKeyOf(data);
    let row = this.outbound.get(key);
    if (!row) {
      const { tenantId, outboundLeadId, leadId, contractId } = data;
      this.outbound.set(key, (row = { tenantId, outboundLeadId, leadId, contractId, status, cherryPicked: false, history: '' }));
    }
    return row;
  }
}

type Settled = OutboundLeadAccepted | OutboundLeadRejected | OutboundLeadFailed | OutboundLeadUnresolved;
export type Named = { readonly tenantId: string; readonly outboundLeadId: string; readonly leadId: string; readonly contractId: string };

function keyOf(tenantId: string, id: string): string {
  return `${tenantId}\n${id}`;
}

function outboundKeyOf({ tenantId, contractId, outboundLeadId }: Named): string {
  return `${tenantId}\n${contractId}\n${outboundLeadId}`;
}

function inOrder<R>(rows: ReadonlyMap<string, R>): R[] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function traceIdOf({ traceparent }: { readonly traceparent?: string | undefined }): string | undefined {
  return traceparent?.split('-')[1];
}
