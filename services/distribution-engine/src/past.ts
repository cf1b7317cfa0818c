/**
 * Limits that come with a configuration version have used what their buckets hold of sales. What stood before the batch, whoever drives it
 * adds up: the tables say it, as they stand when all batches before are committed. What this batch has touched is in memory, and read
 * there. The counters that come of it are part of the batch's line in the journal: a replay takes them from it, as the tables have gone on.
 */
import { PastCount, type Limit, type State, type StateEntry } from '@sluice/distribution';
import type { CountedRow, StoredLead } from './changes.js';
import type { TenantMemory } from './memory.js';
import type { Run } from './run.js';

/** What is to be counted. */
export interface PastAsked {
  readonly tenantId: string;
  readonly version: number;
  /** Has heard of the leads that this batch touched. */
  readonly count: PastCount;
  readonly touched: readonly string[];
  readonly state: State;
}

/** Answers with the counters as they have to stand. */
export type PastSource = (asked: PastAsked) => readonly StateEntry[];

export function* countPast(
  run: Run, { tenantId, state }: TenantMemory, version: number, limits: readonly Limit[],
): Generator<PastAsked, void, readonly StateEntry[]> {
  const count = new PastCount(limits, run.now);
  const touched: string[] = [];
  for (const { lead, life } of run.changes.leads.values()) {
    if (lead.tenantId !== tenantId) continue;
    touched.push(lead.leadId);
    count.tellAll(life.picks);
  }
  const entries = yield { tenantId, version, count, touched, state };
  state.take(entries);
  run.changes.counted.push({ tenantId, version, entries });
}

/** What the journal has of it. */
export function pastOf(counted: readonly CountedRow[]): PastSource {
  return ({ tenantId, version }) => counted.find((row) => row.tenantId === tenantId && row.version === version)?.entries ?? [];
}

/** Counted from the leads themselves, as they stood before the batch. */
export function pastIn(leads: () => Iterable<StoredLead>): PastSource {
  return ({ tenantId, touched, count, state }) => {
    const told = new Set(touched);
    for (const { lead, life } of leads()) if (lead.tenantId === tenantId && !told.has(lead.leadId)) count.tellAll(life.picks);
    return count.entries(state);
  };
}
