import type { Tx } from '@sluice/db';
import { derivedId } from '@sluice/kernel';

/**
 * The least id that an attempt at or after the instant can have. A tenant lives in one partition, whose batches have rising numbers, one
 * instant each, and spell the number out in the ids: so that the primary key is searched by halves, and no index by time is written.
 */
export async function firstSince(tx: Tx, tenantId: string, partition: number, since: number): Promise<string> {
  const [row] = await tx.query<{ batch: string | null }>(FIRST_BATCH_SINCE, [tenantId, partition, since]);
  return derivedId(partition, Number(row?.batch ?? 0), 0);
}

/** The first batch whose attempts, and all after them, are no older than the instant: some thirty looks at the primary key. */
const FIRST_BATCH_SINCE = `
  WITH RECURSIVE hunt (low, high) AS (
    SELECT 1::bigint, c.batch_no + 1 FROM engine.chain c WHERE c.partition = $2::int
    UNION ALL
    SELECT CASE WHEN f.at < $3::bigint THEN h.middle + 1 ELSE h.low END, CASE WHEN f.at < $3::bigint THEN h.high ELSE h.middle END
      FROM (SELECT low, high, (low + high) / 2 AS middle FROM hunt WHERE low < high) h
      CROSS JOIN LATERAL (SELECT lpad(to_hex(h.middle), 11, '0') AS hex) x
      LEFT JOIN LATERAL (
        SELECT a.at FROM engine.attempts a
         WHERE a.tenant_id = $1
           AND a.attempt_id >= lpad(to_hex($2::int), 4, '0') || substr(x.hex, 1, 4) || '-' || substr(x.hex, 5, 4) || '-8'
               || substr(x.hex, 9)
         ORDER BY a.attempt_id LIMIT 1
      ) f ON true
  )
  SELECT max(low) AS batch FROM hunt WHERE low >= high`;
