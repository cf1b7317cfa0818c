import { Injectable } from '@nestjs/common';
import { Database, textArray, type Tx } from '@sluice/db';
import type { HistoryAttempt, HistoryLine, HistoryPick, Lead, Life, Trigger } from '@sluice/distribution';
import type { Attempted } from './changes.js';

/** Leads that were received from ≤ and < to, epoch ms. */
export interface HistoryFilter {
  readonly from?: number;
  readonly to?: number;
  readonly campaign?: string;
}

interface LeadOfTable { lead_id: string; received_at: string; lead: string; life: string; attempts: string }
interface AttemptOfTable { attempt_id: string; at: string; trigger: string; actor: string | null; outcome: string }
interface OutboundOfTable { outbound_lead_id: string; state: string; settled_at: string | null }

/** Leads of one query: memory holds no more than these, however many there are. */
const PAGE = 500;

/** What happened, lead by lead, for replays. */
@Injectable()
export class HistoryStore {
  constructor(private readonly database: Database) {}

  /** Pages of lines in order of arrival, then of lead; each read when the one before it was taken. */
  async *pages(tenantId: string, { from = 0, to = Number.MAX_SAFE_INTEGER, campaign }: HistoryFilter): AsyncGenerator<HistoryLine[]> {
    let [since, after] = [from, ''];
    for (;;) {
      const page = await this.database.transaction({ service: 'engine', tenants: [tenantId] }, async (tx) => {
        const leads = await tx.query<LeadOfTable>(
          `SELECT lead_id, received_at, lead, life, attempts FROM engine.leads
            WHERE tenant_id = $1 AND (received_at, lead_id) > ($2::bigint, $3) AND received_at < $4::bigint
            ORDER BY received_at, lead_id LIMIT ${PAGE}`, [tenantId, since, after, to]);
        return { lines: await linesOf(tx, tenantId, leads), last: leads.length === PAGE ? leads.at(-1) : undefined };
      });
      const lines = campaign === undefined ? page.lines : page.lines.filter(({ lead }) => lead.campaignId === campaign);
      if (lines.length > 0) yield lines;
      if (!page.last) return;
      [since, after] = [Number(page.last.received_at), page.last.lead_id];
    }
  }
}

async function linesOf(tx: Tx, tenantId: string, leads: readonly LeadOfTable[]): Promise<HistoryLine[]> {
  const told = leads.map((row) => ({
    lead: JSON.parse(row.lead) as Lead, life: JSON.parse(row.life) as Life, attempted: JSON.parse(row.attempts) as Attempted[],
  }));
  const attempts = new Map((await tx.query<AttemptOfTable>(
    'SELECT attempt_id, at, trigger, actor, outcome FROM engine.attempts WHERE tenant_id = $1 AND attempt_id = ANY ($2::text[])',
    [tenantId, textArray(told.flatMap(({ attempted }) => attempted.map(({ id }) => id)))])).map((row) => [row.attempt_id, attemptOf(row)]));
  const outbound = new Map((await tx.query<OutboundOfTable>(
    'SELECT outbound_lead_id, state, settled_at FROM engine.outbound_leads WHERE tenant_id = $1 AND outbound_lead_id = ANY ($2::text[])',
    [tenantId, textArray(told.flatMap(({ life }) => life.picks.map(({ outboundLeadId }) => outboundLeadId)))]))
    .map((row) => [row.outbound_lead_id, row]));
  return told.map(({ lead, life, attempted }) => {
    const ofLead = attempted.map(({ id }) => attempts.get(id));
    return {
      lead,
      attempts: ofLead.filter((attempt) => attempt !== undefined),
      picks: life.picks.map((pick): HistoryPick => {
        const row = outbound.get(pick.outboundLeadId);
        return {
          contractId: pick.contractId, clientId: pick.clientId, priceMinor: pick.price, rule: pick.rule,
          state: row?.state === 'unresolved' ? 'unresolved' : pick.state,
          at: ofLead[pick.round - 1]?.at ?? lead.receivedAt,
          ...(row?.settled_at ? { settledAt: Number(row.settled_at) } : {}),
        };
      }),
    };
  });
}

function attemptOf({ at, trigger, actor, outcome }: AttemptOfTable): HistoryAttempt {
  return { at: Number(at), trigger: trigger as Trigger, ...(actor === null ? {} : { actor }), outcome };
}
