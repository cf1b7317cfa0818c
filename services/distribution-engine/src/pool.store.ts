import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';
import type { Lead, Life } from '@sluice/distribution';
import type { PoolLead } from './pool.js';

/** Leads by what does not hang on the client. Instants are epoch ms, from ≤ received < to. */
export interface PoolFilter {
  readonly campaign?: string;
  readonly from?: number;
  readonly to?: number;
  readonly sold?: 'any' | 'none';
  /** By the name of a routing attribute; compared as criteria compare, without regard to case and surrounding space. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Where a page ended: newest first. */
export type PoolPlace = readonly [receivedAt: number, leadId: string];

export interface PoolStretch {
  readonly leads: readonly PoolLead[];
  /** Where to go on; undefined = there are no more. */
  readonly next?: PoolPlace;
}

interface LeadOfTable { lead_id: string; received_at: string; lead: string; life: string }

/** Leads in the order of their arrival, the newest first. */
@Injectable()
export class PoolStore {
  /** Up to `limit` leads that pass, of at most `lookedAtMax` that are looked at. */
  async leads(
    tx: Tx, tenantId: string, filter: PoolFilter, after: PoolPlace | undefined, limit: number, lookedAtMax: number,
  ): Promise<PoolStretch> {
    const { text, values } = poolStatement(tenantId, filter, after, limit, lookedAtMax);
    const rows = await tx.query<LeadOfTable>(text, values);
    const leads = rows.map(({ lead, life }) => ({ lead: JSON.parse(lead) as Lead, life: JSON.parse(life) as Life }));
    if (rows.length === limit) return { leads, next: [Number(rows[limit - 1]!.received_at), rows[limit - 1]!.lead_id] };
    const end = stretchQuery(tenantId, filter, after, lookedAtMax, 'received_at, lead_id');
    const [last] = await tx.query<{ received_at: string; lead_id: string }>(`${end.text} OFFSET ${lookedAtMax - 1}`, end.values);
    return last ? { leads, next: [Number(last.received_at), last.lead_id] } : { leads };
  }
}

/** The statement of a stretch, for whoever wants to see its plan. */
export function poolStatement(
  tenantId: string, filter: PoolFilter, after: PoolPlace | undefined, limit: number, lookedAtMax: number,
): { readonly text: string; readonly values: unknown[] } {
  const { text, values } = stretchQuery(tenantId, filter, after, lookedAtMax, '*');
  const conditions = [
    ...(filter.campaign === undefined ? [] : [`l.lead::json ->> 'campaignId' = $${values.push(filter.campaign)}`]),
    ...(filter.sold === undefined ? []
      : [`${filter.sold === 'any' ? '' : 'NOT '}l.life LIKE ANY (ARRAY['%"state":"reserved"%', '%"state":"accepted"%', '%"state":"cherryPicked"%'])`]),
    ...Object.entries(filter.attributes).map(([name, value]) =>
      `lower(btrim(l.lead::json #>> ARRAY['attributes', $${values.push(name)}])) = lower(btrim($${values.push(value)}))`),
  ];
  return { values, text: `SELECT l.lead_id, l.received_at, l.lead, l.life FROM (${text}) l
    ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY l.received_at DESC, l.lead_id DESC LIMIT ${limit}` };
}

function stretchQuery(tenantId: string, { from, to }: PoolFilter, after: PoolPlace | undefined, lookedAtMax: number, columns: string) {
  const values: unknown[] = [tenantId];
  const bounds = [
    from === undefined ? '' : ` AND received_at >= $${values.push(from)}::bigint`,
    to === undefined ? '' : ` AND received_at < $${values.push(to)}::bigint`,
    after === undefined ? '' : ` AND (received_at, lead_id) < ($${values.push(after[0])}::bigint, $${values.push(after[1])})`,
  ].join('');
  return { values, text: `SELECT ${columns} FROM engine.leads WHERE tenant_id = $1${bounds}
    ORDER BY received_at DESC, lead_id DESC LIMIT ${lookedAtMax}` };
}
