import { textArray, type Tx } from '@sluice/db';
import { State, type StateEntry } from '@sluice/distribution';

/** Counters by key, and those whose keys begin with a prefix that ends in `|`; what is not there is left out. */
export async function countersIn(
  tx: Tx, tenantId: string, keys: readonly string[], prefixes: readonly string[],
): Promise<{ readonly key: string; readonly value: number }[]> {
  if (keys.length === 0 && prefixes.length === 0) return [];
  // A range instead of starts_with: of a prefix that comes from a table the index knows no range, and would be read whole.
  const rows = await tx.query<{ key: string; value: string }>(
    `SELECT key, value FROM engine.state WHERE tenant_id = $1 AND key = ANY ($2::text[])
     UNION ALL
     SELECT s.key, s.value FROM unnest($3::text[], $4::text[]) AS p (first, beyond)
       JOIN engine.state s ON s.tenant_id = $1 AND s.key >= p.first AND s.key < p.beyond`,
    [tenantId, textArray(keys), textArray(prefixes), textArray(prefixes.map((prefix) => `${prefix.slice(0, -1)}}`))]);
  return rows.map(({ key, value }) => ({ key, value: Number(value) }));
}

/**
 * Answers `work` on the counters of a tenant as the transaction sees them, without reading them all: it is done again, with what it
 * asked for and did not have, until it misses nothing. Two or three rounds of some hundred keys, whether there are a thousand counters or
 * a million. What it answers must have been worked out to the end: verdicts are otherwise made when they are first read.
 */
export async function withCounters<T>(tx: Tx, tenantId: string, work: (state: State) => T): Promise<T> {
  const state = State.load(await countersIn(tx, tenantId, [], ['suspended|']) satisfies StateEntry[]);
  const known = new Set<string>();
  for (;;) {
    const keys: string[] = [];
    const prefixes: string[] = [];
    state.missing = (key) => {
      if (known.has(key)) return;
      known.add(key);
      (key.endsWith('|') ? prefixes : keys).push(key);
    };
    const answer = state.aside(() => work(state));
    if (keys.length === 0 && prefixes.length === 0) return answer;
    state.fill(await countersIn(tx, tenantId, keys, prefixes));
  }
}
