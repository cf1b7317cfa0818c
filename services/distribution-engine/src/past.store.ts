import { Injectable } from '@nestjs/common';
import { Database, plainArray, textArray, type Tx } from '@sluice/db';
import type { CountAsked, CountedSales } from '@sluice/distribution';
import { firstSince } from './first-since.store.js';
import type { PastAsked } from './past.js';

interface SumRow { place: number; at: string; count: number; amount: string }

interface Placed extends CountAsked { readonly place: number; readonly id: string }

/** What was sold, added up for limits that are new: of the leads that the batch in hand has not touched. */
@Injectable()
export class PastStore {
  constructor(private readonly database: Database) {}

  /** To be asked when all batches before are committed, and this one is not. */
  async sums(partition: number, { tenantId, touched, count }: PastAsked): Promise<CountedSales[]> {
    const asked = count.asked.map((one, place): Placed => ({ ...one, place, id: one.scope.slice(one.scope.indexOf('|') + 1) }));
    const kinds = {
      contract: asked.filter(({ scope }) => scope.startsWith('contract|')), client: asked.filter(({ scope }) => scope.startsWith('client|')),
    };
    const others = asked.filter((one) => !kinds.contract.includes(one) && !kinds.client.includes(one));
    return this.database.transaction({ service: 'engine', tenants: [tenantId] }, async (tx) => {
      const lows = new Map<number, string>();
      for (const { since } of asked) if (!lows.has(since)) lows.set(since, await lowOf(tx, tenantId, partition, since));
      const ask = async (text: string, some: readonly Placed[], by: 'id' | 'scope') => (some.length === 0 ? [] : tx.query<SumRow>(text, [
        tenantId, plainArray(some.map(({ place }) => place)), textArray(some.map((one) => one[by])),
        plainArray(some.map(({ since }) => Math.max(0, since))), textArray(some.map(({ since }) => lows.get(since)!)),
        plainArray(some.map(({ byInstant }) => byInstant)), textArray(touched),
      ]));
      const rows = [...await ask(OF_CONTRACTS, kinds.contract, 'id'), ...await ask(OF_CLIENTS, kinds.client, 'id'),
        ...await ask(OF_OTHERS, others, 'scope')];
      return rows.map(({ place, at, count: leads, amount }) => ({ place, at: Number(at), count: leads, amount: Number(amount) }));
    });
  }
}

/** Ids rise with time: no sale since then has a lower one. */
async function lowOf(tx: Tx, tenantId: string, partition: number, since: number): Promise<string> {
  return since <= 0 ? '' : firstSince(tx, tenantId, partition, since);
}

const ASKED = `unnest($2::int[], $3::text[], $4::bigint[], $5::text[], $6::boolean[]) AS a (place, id, since, low, by_instant)`;
const SUMS = `SELECT a.place, CASE WHEN a.by_instant THEN o.reserved_at ELSE 0 END AS at, count(*)::int AS count,
         sum(o.price_minor) AS amount`;
/** Turned down or returned has given its units back; taken from the pool counts in no cap, and says so by saying nothing. */
const STANDS = `o.reserved_at >= a.since AND o.state IN ('reserved', 'accepted', 'unresolved') AND o.lead_id <> ALL ($7::text[])
     AND o.also IS NOT NULL`;

/** By the index of contracts. What was pushed names a person there. */
const OF_CONTRACTS = `${SUMS}
    FROM ${ASKED}
    JOIN engine.outbound_leads o ON o.tenant_id = $1 AND o.contract_id = a.id AND o.attempt_id >= a.low
   WHERE ${STANDS} AND o.also NOT LIKE 'recipient|%' GROUP BY 1, 2`;

/** By the contracts that it has or ever had. */
const OF_CLIENTS = `WITH owned AS MATERIALIZED (
    SELECT DISTINCT id, body::json ->> 'client' AS client FROM engine.configuration_items
     WHERE tenant_id = $1 AND kind = 'contract' AND body IS NOT NULL
  )
  ${SUMS}
    FROM ${ASKED}
    JOIN owned c ON c.client = a.id
    JOIN engine.outbound_leads o ON o.tenant_id = $1 AND o.contract_id = c.id AND o.attempt_id >= a.low
   WHERE ${STANDS} AND o.client_id = a.id AND o.also NOT LIKE 'recipient|%' GROUP BY 1, 2`;

/** Campaigns, groups, recipients: all that was sold since is looked at once. */
const OF_OTHERS = `${SUMS}
    FROM engine.outbound_leads o
   CROSS JOIN LATERAL unnest(string_to_array(o.also, E'\\n')) AS s (scope)
    JOIN ${ASKED} ON a.id = s.scope
   WHERE o.tenant_id = $1 AND o.outbound_lead_id >= (SELECT min(low) FROM unnest($5::text[]) AS low) AND ${STANDS} GROUP BY 1, 2`;
