import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type pg from 'pg';
import { compareWindows } from './compare-windows.js';
import type { Amounts } from './document.js';
import type { Asked } from './people.js';
import type { Receiver } from './receiver.js';

/** One comparison: what was compared, what both sides say, and whether they agree. */
export interface Comparison {
  readonly what: string;
  readonly expected: string;
  readonly got: string;
  readonly holds: boolean;
}

export interface Evidence {
  readonly pool: pg.Pool;
  readonly tenantId: string;
  readonly receiver: Receiver;
  /** The result lines of each ingest, as the client got them. */
  readonly results: readonly string[];
  readonly amounts: Amounts;
  readonly asked: Asked;
  readonly caps: Readonly<Record<string, number>>;
}

export const same = (what: string, expected: number | string, got: number | string): Comparison =>
  ({ what, expected: String(expected), got: String(got), holds: expected === got });

/** Compares the logs that lie outside the platform (what the client was answered, what the receivers got) with its tables. */
export async function compare(evidence: Evidence): Promise<Comparison[]> {
  const answered = await Promise.all(evidence.results.map(readAnswers));
  const { leads, patient, brief } = evidence.amounts;
  return [
    same('lines answered, one result a line', leads + patient + brief, answered.reduce((sum, { lines }) => sum + lines, 0)),
    ...(await compareLeads(evidence, answered.flatMap(({ leadIds }) => leadIds))),
    ...(await compareWindows(evidence)),
    ...(await compareOutboundLeads(evidence)),
    ...(await compareCaps(evidence)),
  ];
}

async function readAnswers(file: string): Promise<{ lines: number; leadIds: string[] }> {
  let lines = 0;
  const leadIds: string[] = [];
  for await (const text of createInterface({ input: createReadStream(file) })) {
    const result = JSON.parse(text) as { line: number; leadId?: string };
    lines++;
    if (result.leadId) leadIds.push(result.leadId);
  }
  return { lines, leadIds };
}

async function compareLeads({ pool, tenantId }: Evidence, leadIds: readonly string[]): Promise<Comparison[]> {
  const { rows } = await pool.query<{ stored: string; arrivals: string; twice: string }>(
    `SELECT (SELECT count(*) FROM intake.leads WHERE tenant_id = $1 AND lead_id = ANY($2::uuid[])) AS stored,
            (SELECT count(DISTINCT lead_id) FROM engine.attempts WHERE tenant_id = $1 AND trigger = 'arrival' AND lead_id = ANY($2::uuid[]::text[])) AS arrivals,
            (SELECT count(*) FROM (SELECT lead_id FROM engine.attempts WHERE tenant_id = $1 AND trigger = 'arrival' GROUP BY lead_id HAVING count(*) > 1) t) AS twice`,
    [tenantId, leadIds]);
  const all = await pool.query<{ n: string }>('SELECT count(*) AS n FROM intake.leads WHERE tenant_id = $1', [tenantId]);
  const { stored, arrivals, twice } = rows[0]!;
  return [
    same('leads answered as taken are distinct', leadIds.length, new Set(leadIds).size),
    same('leads answered as taken are stored', leadIds.length, Number(stored)),
    same('no lead is stored that was not answered', leadIds.length, Number(all.rows[0]!.n)),
    same('leads that were decided at arrival', leadIds.length, Number(arrivals)),
    same('leads decided twice at arrival', 0, Number(twice)),
  ];
}

interface OutboundRow {
  readonly id: string;
  readonly contract_id: string;
  readonly state: string;
  readonly webhook_id: string | null;
  readonly delivery: string | null;
}

async function compareOutboundLeads({ pool, tenantId, receiver }: Evidence): Promise<Comparison[]> {
  const { rows } = await pool.query<OutboundRow>(
    `SELECT o.outbound_lead_id AS id, o.contract_id, o.state, d.webhook_id, d.state AS delivery
       FROM engine.outbound_leads o LEFT JOIN delivery.deliveries d ON d.tenant_id = o.tenant_id AND d.outbound_lead_id = o.outbound_lead_id
      WHERE o.tenant_id = $1`, [tenantId]);
  const duplicates = await pool.query<{ n: string }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM engine.outbound_leads WHERE tenant_id = $1 AND state IN ('reserved', 'unresolved', 'accepted')
      GROUP BY lead_id, client_id HAVING count(*) > 1) t`, [tenantId]);
  const shares = await pool.query<{ n: string }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM engine.outbound_leads WHERE tenant_id = $1 AND state IN ('reserved', 'unresolved', 'accepted')
      GROUP BY lead_id HAVING count(*) > 3) t`, [tenantId]);
  const found: Comparison[] = [
    same('leads sold twice to one client', 0, Number(duplicates.rows[0]!.n)),
    same('leads sold to more than three', 0, Number(shares.rows[0]!.n)),
    same('outbound leads without a delivery', 0, rows.filter((row) => row.delivery === null).length),
    same('left open (neither settled nor unresolved)', 0, rows.filter((row) => row.state === 'reserved').length),
  ];
  const known = new Set(rows.map((row) => row.webhook_id));
  const strangers = [...receiver.log.values()].flatMap((log) => [...log.keys()]).filter((id) => !known.has(id)).length;
  found.push(same('webhooks received that the platform does not know', 0, strangers));
  for (const [contract, log] of [...receiver.log].sort()) {
    const yes = new Set([...log].filter(([, verdict]) => verdict === 'accepted').map(([id]) => id));
    const sold = rows.filter((row) => row.contract_id === contract && (row.state === 'accepted' || row.state === 'returned'));
    const missing = sold.filter((row) => !yes.has(row.webhook_id ?? '')).length;
    // A lost answer, and a no after it that no rule calls final: nobody knows, so that its units stay held. It is told, not hidden.
    const unknown = rows.filter((row) => row.contract_id === contract && row.state === 'unresolved' && yes.has(row.webhook_id ?? '')).length;
    found.push(same(`accepted by "${contract}": its own log, the database${unknown ? ` (and ${unknown} unresolved)` : ''}`, yes.size, sold.length + unknown));
    found.push(same(`sold to "${contract}" but not in its log`, 0, missing));
  }
  return found;
}

async function compareCaps({ pool, tenantId, caps }: Evidence): Promise<Comparison[]> {
  const { rows } = await pool.query<{ contract_id: string; n: string }>(
    `SELECT contract_id, count(*) AS n FROM engine.outbound_leads WHERE tenant_id = $1 AND state IN ('reserved', 'unresolved', 'accepted') GROUP BY contract_id`, [tenantId]);
  const used = new Map(rows.map((row) => [row.contract_id, Number(row.n)]));
  return Object.entries(caps).map(([contract, cap]) => {
    const count = used.get(contract) ?? 0;
    return { what: `cap of "${contract}" met to the unit`, expected: String(cap), got: String(count), holds: count === cap };
  });
}
