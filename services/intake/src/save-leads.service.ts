import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import { LeadReceived, LeadRejected, type Said } from '@sluice/events';
import { recordSpan } from '@sluice/runtime';
import type { Candidate, Outcome } from './candidate.js';
import type { Entry } from './commit-leads.service.js';
import { IntakeStore, type LeadRow, type RejectionRow } from './intake.store.js';
import { Vault } from './vault.service.js';

type Accepted = Extract<Outcome, { kind: 'accepted' }>;
type Rejected = Extract<Outcome, { kind: 'rejected' }>;

/** An answer that is more than an id, as it is kept under an idempotency key. */
export interface KeptAnswer {
  readonly duplicateOf: string;
  readonly rejected: boolean;
}

/** What a group of leads that is decided leaves behind: rows, and events in the same transaction. */
@Injectable()
export class SaveLeads {
  constructor(private readonly bus: Bus, private readonly store: IntakeStore, private readonly vault: Vault) {}

  /** The rows of the leads that are accepted, their personal fields sealed. */
  rows(entries: readonly Entry[]): LeadRow[] {
    return entries.flatMap(({ candidate, outcome }) => (outcome?.kind === 'accepted' && !outcome.replayed ? [this.row(candidate, outcome)] : []));
  }

  /** Everything but the leads' own rows: rejections, who waits, answers worth keeping; and says what happened. */
  async rest(tx: Tx, entries: readonly Entry[], rows: readonly LeadRow[]): Promise<void> {
    const rejections: RejectionRow[] = [];
    const answers: { tenantId: string; sourceId: string; key: string; answer: string }[] = [];
    const waits: { leadId: string; tenantId: string; askedAt: number }[] = [];
    for (const { candidate, outcome } of entries) {
      const { tenantId, sourceId, idempotencyKey: key, receivedAt } = candidate;
      if ((outcome?.kind !== 'accepted' && outcome?.kind !== 'rejected') || outcome.replayed) continue;
      if (outcome.kind === 'rejected') rejections.push(rejectionRow(candidate, outcome));
      else if (candidate.waits) waits.push({ leadId: outcome.leadId, tenantId, askedAt: receivedAt });
      if (key === undefined || outcome.duplicateOf === undefined) continue;
      const answer: KeptAnswer = { duplicateOf: outcome.duplicateOf, rejected: outcome.kind === 'rejected' };
      answers.push({ tenantId, sourceId, key, answer: JSON.stringify(answer) });
    }
    if (rejections.length > 0) await this.store.addRejections(tx, rejections);
    if (answers.length > 0) await this.store.saveAnswers(tx, answers);
    if (waits.length > 0) await this.store.addWaits(tx, waits);
    const candidates = new Map(entries.map(({ candidate }) => [candidate.id, candidate]));
    this.bus.append(tx, [...rows.map((row) => receivedEvent(candidates.get(row.leadId)!, row)), ...rejections.map(rejectedEvent)]);
  }

  private row(candidate: Candidate, { duplicateOf }: Accepted): LeadRow {
    const { verdict, tenantId, sourceId, id: leadId, receivedAt, payloadHash } = candidate;
    if (verdict.kind !== 'valid') throw new Error('an invalid lead cannot be accepted');
    const { personal, attributes } = verdict.lead;
    return {
      leadId, tenantId, sourceId, campaignId: verdict.campaign.id, receivedAt, version: verdict.version, payloadHash,
      phoneHash: verdict.phoneHash, emailHash: verdict.emailHash, duplicateOf,
      attributes: JSON.stringify(attributes), sealed: personal && this.vault.seal(tenantId, leadId, personal),
    };
  }
}

function rejectionRow(candidate: Candidate, outcome: Rejected): RejectionRow {
  const { tenantId, sourceId, receivedAt } = candidate;
  return {
    rejectionId: outcome.rejectionId, tenantId, sourceId, campaignId: candidate.campaignId, receivedAt, reason: outcome.reason,
    pointers: outcome.faults.map((fault) => fault.pointer), codes: outcome.faults.map((fault) => fault.code),
    duplicateOf: outcome.duplicateOf,
  };
}

function receivedEvent(candidate: Candidate, row: LeadRow): Said {
  const { verdict, receivedAt } = candidate;
  if (verdict.kind !== 'valid') throw new Error('an invalid lead is not received');
  const { place, list, country, attributes } = verdict.lead;
  const traceparent = recordSpan('accept lead', candidate.traceparent, { start: receivedAt, end: receivedAt },
    { 'lead.id': row.leadId, 'campaign.id': row.campaignId });
  return LeadReceived.make({
    tenantId: row.tenantId, leadId: row.leadId, sourceId: row.sourceId, campaignId: row.campaignId,
    receivedAt: new Date(receivedAt).toISOString(),
    configurationVersion: row.version, attributes, lat: place?.lat, lon: place?.lon, phoneHash: row.phoneHash, emailHash: row.emailHash,
    duplicate: row.duplicateOf === undefined ? undefined : true, duplicateOf: row.duplicateOf, score: candidate.input?.score,
    channel: candidate.input?.channel ?? candidate.channel, country, list: candidate.input?.list ?? candidate.sourceList ?? list,
    consent: candidate.input?.consent && [...candidate.input.consent],
  }, { id: row.leadId, time: receivedAt, traceparent });
}

function rejectedEvent(row: RejectionRow): Said {
  return LeadRejected.make({
    tenantId: row.tenantId, rejectionId: row.rejectionId, sourceId: row.sourceId, campaignId: row.campaignId,
    receivedAt: new Date(row.receivedAt).toISOString(), reason: row.reason, pointers: [...row.pointers], duplicateOf: row.duplicateOf,
  }, { id: row.rejectionId, time: row.receivedAt });
}
