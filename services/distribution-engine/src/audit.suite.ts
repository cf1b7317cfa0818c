/** An independent bookkeeper: reads what was said and what stands, and recomputes what must be true of it. */
import type { Life } from '@sluice/distribution';
import type { LeadDistributed, LeadNotDistributed, OutboundLeadReleased, OutboundLeadReserved } from '@sluice/events';
import type { Rig } from './rig.suite.js';

interface OutboundRow {
  tenant_id: string; outbound_lead_id: string; lead_id: string; contract_id: string; client_id: string; state: string;
}

export interface Audit {
  readonly leads: number;
  readonly attempts: number;
  readonly outbound: Readonly<Record<string, number>>;
  /** By tenant and contract: outbound leads that hold or used a unit. */
  readonly standing: ReadonlyMap<string, number>;
}

/**
 * `caps`: the daily cap by contract (the same for every tenant). Throws on the first thing that cannot be; run it when all is quiet.
 * All of the run must lie within one day.
 */
export async function audit(rig: Rig, expected: { readonly leads: number; readonly caps: Readonly<Record<string,
  number>>; readonly buyers: number }): Promise<Audit> {
  const out = await rig.rows<OutboundRow>(
    'SELECT tenant_id, outbound_lead_id, lead_id, contract_id, client_id, state FROM engine.outbound_leads');
  const attempts = await rig.rows<{ tenant_id: string; attempt_id: string; lead_id: string; trigger: string; outcome: string }>(
    'SELECT tenant_id, attempt_id, lead_id, trigger, outcome FROM engine.attempts');
  const standing = out.filter(({ state }) => ['reserved', 'accepted', 'unresolved'].includes(state));

  // Nothing lost, nothing twice.
  const arrivals = countBy(attempts.filter(({ trigger }) => trigger === 'arrival'), (row) => `${row.tenant_id}/${row.lead_id}`);
  const pushed = new Set(attempts.filter(({ trigger }) => trigger === 'push').map((row) => `${row.tenant_id}/${row.lead_id}`));
  mustEqual(arrivals.size + pushed.size, expected.leads, 'leads that were decided on arrival');
  for (const [lead, times] of arrivals) mustEqual(times, 1, `arrivals of ${lead}`);
  const [leads] = await rig.rows<{ n: number }>('SELECT count(*)::int AS n FROM engine.leads');
  mustEqual(leads!.n, expected.leads, 'stored leads');

  // The story of each lead says of its outbound leads what their own rows say.
  const lives = await rig.rows<{ tenant_id: string; life: string }>('SELECT tenant_id, life FROM engine.leads');
  const told = lives.flatMap(({ tenant_id, life }) => (JSON.parse(life) as Life).picks.map((pick) =>
    `${tenant_id}/${pick.outboundLeadId}/${pick.state}`));
  const rows = out.map((row) => `${row.tenant_id}/${row.outbound_lead_id}/${row.state === 'unresolved' ? 'reserved' : row.state}`);
  mustEqual(told.sort().join(), rows.sort().join(), 'states of outbound leads in the stories of their leads');

  // No more buyers than the workflow lets have it, no client twice.
  for (const [lead, buyers] of countBy(standing, (row) => `${row.tenant_id}/${row.lead_id}`)) mustBeAtMost(buyers, expected.buyers,
    `buyers of ${lead}`);
  for (const [sale, times] of countBy(standing, (row) => `${row.tenant_id}/${row.lead_id}/${row.client_id}`)) mustEqual(times, 1,
    `sales of ${sale}`);
  for (const [sale, times] of countBy(out, (row) => `${row.tenant_id}/${row.lead_id}/${row.contract_id}`)) mustEqual(times, 1,
    `offers of ${sale}`);

  // Counters say exactly what stands, and no cap is passed.
  const units = countBy(standing, (row) => `${row.tenant_id}/${row.contract_id}`);
  const counters = await rig.rows<{ tenant_id: string; key: string; value: string }>(
    `SELECT tenant_id, key, value FROM engine.state WHERE key LIKE 'cap|contract|%|day|count|%' AND value <> '0'`);
  const counted = new Map<string, number>();
  for (const { tenant_id, key, value } of counters) add(counted, `${tenant_id}/${key.split('|')[2]}`, Number(value));
  for (const [contract, used] of units) {
    const cap = expected.caps[contract.split('/')[1]!];
    if (cap === undefined) continue;
    mustBeAtMost(used, cap, `units of ${contract}`);
    mustEqual(counted.get(contract) ?? 0, used, `counter of ${contract}`);
  }
  for (const contract of counted.keys()) mustEqual(units.has(contract), true, `units behind the counter of ${contract}`);
  await auditEvents(rig, attempts, out);
  return { leads: leads!.n, attempts: attempts.length, outbound: Object.fromEntries(countBy(out, ({ state }) => state)), standing: units };
}

/** Every attempt ends in exactly one event; every outbound lead is announced once, and released once if it was given back. */
async function auditEvents(rig: Rig, attempts: readonly { attempt_id: string; outcome: string }[],
  out: readonly OutboundRow[]): Promise<void> {
  const said = await rig.said();
  mustEqual(new Set(said.map(({ id }) => id)).size, said.length, 'distinct ids of events');
  const of = <T>(name: string) => said.filter(({ type }) => type.endsWith(`.${name}`)).map(({ data }) => data as T);
  const ended = [...of<LeadDistributed>('LeadDistributed'), ...of<LeadNotDistributed>('LeadNotDistributed')].map(({ attemptId }) =>
    attemptId);
  mustEqual([...ended].sort().join(), attempts.map((row) => row.attempt_id).sort().join(), 'attempts that were said');
  const reserved = of<OutboundLeadReserved>('OutboundLeadReserved').map(({ outboundLeadId }) => outboundLeadId);
  mustEqual([...reserved].sort().join(), out.map((row) => row.outbound_lead_id).sort().join(), 'outbound leads that were said');
  const released = of<OutboundLeadReleased>('OutboundLeadReleased').map(({ outboundLeadId }) => outboundLeadId);
  const givenBack = out.filter(({ state }) => state === 'rejected' || state === 'failed').map((row) => row.outbound_lead_id);
  mustEqual([...released].sort().join(), givenBack.sort().join(), 'releases that were said');
}

function countBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) add(counts, keyOf(row), 1);
  return counts;
}

function add(counts: Map<string, number>, key: string, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}

function mustEqual(got: unknown, expected: unknown, what: string): void {
  if (got !== expected) throw new Error(`${what}: expected ${String(expected).slice(0, 300)}, got ${String(got).slice(0, 300)}`);
}

function mustBeAtMost(got: number, most: number, what: string): void {
  if (got > most) throw new Error(`${what}: at most ${most}, got ${got}`);
}
