import { Injectable } from '@nestjs/common';
import { Database, plainArray, textArray, type Tx } from '@sluice/db';
import type { ScriptUses } from './script-uses.js';

export interface CountRow { readonly version: number; readonly what: string; readonly contractId: string; readonly count: number }
export interface ExampleRow {
  readonly leadId: string;
  readonly attemptId: string;
  readonly version: number;
  readonly at: number;
  readonly lost: string[];
  readonly won: string[];
}

interface ExampleOfTable { lead_id: string; attempt_id: string; version: number; at: string; lost: string; won: string }

function exampleOf({ lead_id: leadId, attempt_id: attemptId, version, at, lost, won }: ExampleOfTable): ExampleRow {
  return { leadId, attemptId, version, at: Number(at), lost: JSON.parse(lost) as string[], won: JSON.parse(won) as string[] };
}

/** Examples that are kept of a script. */
const KEPT = 20;

/** The counters behind the reports of scripts. Written with the batch that counted; few rows, as a batch has few scripts. */
@Injectable()
export class ScriptsStore {
  constructor(private readonly database: Database) {}

  /** One statement; only for a batch in which scripts had a say. */
  async write(tx: Tx, { counts, examples }: ScriptUses, now: number): Promise<void> {
    const rows = [...counts.values()];
    await tx.query(WRITE, [
      textArray(rows.map(({ tenantId }) => tenantId)), textArray(rows.map(({ scriptId }) => scriptId)),
      plainArray(rows.map(({ version }) => version)), textArray(rows.map(({ what }) => what)),
      textArray(rows.map(({ contractId }) => contractId)), plainArray(rows.map(({ count }) => count)),
      textArray(examples.map(({ tenantId }) => tenantId)), textArray(examples.map(({ scriptId }) => scriptId)),
      plainArray(examples.map(({ version }) => version)), textArray(examples.map(({ leadId }) => leadId)),
      textArray(examples.map(({ attemptId }) => attemptId)), textArray(examples.map(({ lost }) => JSON.stringify(lost))),
      textArray(examples.map(({ won }) => JSON.stringify(won))), now,
    ], 'engine.write-scripts');
  }

  /** What was counted of a script, by version. */
  async report(tenantId: string, scriptId: string): Promise<{ counts: CountRow[]; examples: ExampleRow[] }> {
    return this.database.transaction({ service: 'engine', tenants: [tenantId] }, async (tx) => {
      const counts = await tx.query<CountRow>(
        `SELECT version, what, contract_id AS "contractId", count::float8 AS count FROM engine.script_counts
          WHERE tenant_id = $1 AND script_id = $2 ORDER BY version, what, contract_id`, [tenantId, scriptId]);
      const examples = await tx.query<ExampleOfTable>(
        `SELECT lead_id, attempt_id, version, at, lost, won FROM engine.script_examples
          WHERE tenant_id = $1 AND script_id = $2 ORDER BY at DESC, attempt_id DESC LIMIT ${KEPT}`, [tenantId, scriptId]);
      return { counts, examples: examples.map(exampleOf) };
    });
  }
}

const WRITE = `
  WITH counted AS (
    INSERT INTO engine.script_counts (tenant_id, script_id, version, what, contract_id, count)
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[])
    ON CONFLICT (tenant_id, script_id, version, what, contract_id) DO UPDATE SET count = script_counts.count + excluded.count
  ), seen AS (
    SELECT * FROM unnest($7::text[], $8::text[], $9::int[], $10::text[], $11::text[], $12::text[], $13::text[])
      AS e (tenant_id, script_id, version, lead_id, attempt_id, lost, won)
  ), forgotten AS (
    DELETE FROM engine.script_examples old USING (SELECT DISTINCT tenant_id, script_id FROM seen) s
     WHERE old.tenant_id = s.tenant_id AND old.script_id = s.script_id AND old.attempt_id < (
       SELECT kept.attempt_id FROM engine.script_examples kept WHERE kept.tenant_id = s.tenant_id AND kept.script_id = s.script_id
        ORDER BY kept.attempt_id DESC OFFSET ${KEPT - 1} LIMIT 1)
  )
  INSERT INTO engine.script_examples (tenant_id, script_id, version, lead_id, attempt_id, at, lost, won)
  SELECT tenant_id, script_id, version, lead_id, attempt_id, $14::bigint, lost, won FROM seen`;
