import { same, type Comparison, type Evidence } from './compare.js';
import { BY_HAND } from './document.js';

interface Counts { readonly [name: string]: string }

/** That no lead that waited was lost: each is sold, or waits on with its timer; what was over went to the fallback, once. */
export async function compareWindows({ pool, tenantId, amounts, asked }: Evidence): Promise<Comparison[]> {
  const { rows: [found] } = await pool.query<Counts>(
    `WITH sold AS (SELECT DISTINCT lead_id FROM engine.outbound_leads WHERE tenant_id = $1 AND state IN ('accepted', 'returned')),
          patient AS (SELECT w.lead_id, w.state, s.lead_id IS NOT NULL AS is_sold FROM workflow.windows w LEFT JOIN sold s USING (lead_id)
                       WHERE w.tenant_id = $1 AND w.campaign_id = 'patient')
     SELECT (SELECT count(*) FROM patient) AS windows,
            (SELECT count(*) FROM patient WHERE is_sold) AS sold,
            (SELECT count(*) FROM patient WHERE state = 'fulfilled') AS fulfilled,
            (SELECT count(*) FROM patient WHERE state = 'open' AND NOT is_sold) AS waiting,
            (SELECT count(*) FROM patient JOIN workflow.window_timers t ON t.tenant_id = $1 AND t.lead_id = patient.lead_id AND t.kind = 'window'
              WHERE state = 'open') AS timers,
            (SELECT count(*) FROM workflow.windows WHERE tenant_id = $1 AND campaign_id = 'brief' AND state = 'expired') AS expired,
            (SELECT count(DISTINCT lead_id) FROM engine.attempts WHERE tenant_id = $1 AND workflow_id = 'leftovers' AND trigger = 'window') AS fell_back,
            (SELECT count(*) FROM (SELECT lead_id FROM engine.attempts WHERE tenant_id = $1 AND workflow_id = 'leftovers' AND trigger = 'window'
               GROUP BY lead_id HAVING count(*) > 1) t) AS twice`, [tenantId]);
  const of = (name: string) => Number(found![name]);
  return [
    same('leads that nobody could take have a window', amounts.patient, of('windows')),
    same('windows of leads that were sold are fulfilled', of('sold'), of('fulfilled')),
    same('the others wait on, none is lost', amounts.patient - of('sold'), of('waiting')),
    same('each that waits has a timer', of('waiting'), of('timers')),
    same('windows that were over have expired', amounts.brief, of('expired')),
    same('their leads went to the fallback', amounts.brief, of('fell_back')),
    same('leads that went there twice', 0, of('twice')),
    ...(await comparePeople({ pool, tenantId, asked })),
  ];
}

async function comparePeople({ pool, tenantId, asked }: Pick<Evidence, 'pool' | 'tenantId' | 'asked'>): Promise<Comparison[]> {
  const { rows: [found] } = await pool.query<Counts>(
    `SELECT (SELECT count(*) FROM engine.attempts WHERE tenant_id = $1 AND trigger = 'manual' AND lead_id = ANY ($2::text[])) AS decided,
            (SELECT count(*) FROM workflow.distribution_requests WHERE tenant_id = $1 AND outcome IS NULL) AS unanswered,
            (SELECT count(*) FROM engine.outbound_leads WHERE tenant_id = $1 AND contract_id = $3 AND lead_id <> ALL ($2::text[])) AS unasked,
            (SELECT count(*) FROM engine.outbound_leads WHERE tenant_id = $1 AND state = 'returned' AND outbound_lead_id = ANY ($4::text[])) AS returned`,
    [tenantId, asked.byHand, BY_HAND, asked.returned]);
  const of = (name: string) => Number(found![name]);
  return [
    same('requests of people were decided, each once', asked.byHand.length, of('decided')),
    same('requests without an outcome', 0, of('unanswered')),
    same(`given to "${BY_HAND}" without a request`, 0, of('unasked')),
    same('accepted leads that were given back', asked.returned.length, of('returned')),
  ];
}
