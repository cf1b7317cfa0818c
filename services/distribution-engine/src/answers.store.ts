import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';
import { Market, type Lead, type Life } from '@sluice/distribution';
import { linearRegex } from '@sluice/scripts';
import type { Attempted } from './changes.js';
import { countersIn } from './counters.store.js';
import { LoadStore } from './load.store.js';

export interface StoredAttempt {
  readonly attemptId: string;
  readonly leadId: string;
  readonly at: number;
  readonly trigger: string;
  readonly version: number;
  readonly outcome: string;
  readonly receipt: string;
}

export interface AttemptWithLead {
  readonly attempt: StoredAttempt;
  readonly lead: Lead;
  /** The lead's story as it stands now. */
  readonly life: Life;
}

interface AttemptOfTable {
  attempt_id: string; lead_id: string; at: string; trigger: string; version: number; outcome: string; receipt: string;
}

/** Compiled markets that are kept: support asks about one lead after the other. */
const MARKETS_KEPT = 8;

/** Questions about what was decided, answered from the tables: any replica can, whoever owns the partition. */
@Injectable()
export class AnswersStore {
  private readonly markets = new Map<string, Promise<Market>>();
  private readonly loads: LoadStore;

  constructor(private readonly database: Database) {
    this.loads = new LoadStore(database);
  }

  /** The ids of a lead's attempts in order; undefined where the tenant has no such lead. */
  async attemptIds(tenantId: string, leadId: string): Promise<string[] | undefined> {
    const [row] = await this.read(tenantId, (tx) => tx.query<{ attempts: string }>(
      'SELECT attempts FROM engine.leads WHERE tenant_id = $1 AND lead_id = $2', [tenantId, leadId]));
    return row && (JSON.parse(row.attempts) as Attempted[]).map(({ id }) => id);
  }

  async attempt(tenantId: string, attemptId: string): Promise<AttemptWithLead | undefined> {
    return this.read(tenantId, async (tx) => {
      const [row] = await tx.query<AttemptOfTable & { lead: string; life: string }>(
        `SELECT a.attempt_id, a.lead_id, a.at, a.trigger, a.version, a.outcome, a.receipt, l.lead, l.life
           FROM engine.attempts a JOIN engine.leads l ON l.tenant_id = a.tenant_id AND l.lead_id = a.lead_id
          WHERE a.tenant_id = $1 AND a.attempt_id = $2`, [tenantId, attemptId]);
      return row && { attempt: attemptOf(row), lead: JSON.parse(row.lead) as Lead, life: JSON.parse(row.life) as Life };
    });
  }

  /** The configuration as it stood at a version, compiled; without one, the last that was taken. */
  async market(tenantId: string, version?: number): Promise<Market> {
    const wanted = version ?? await this.lastVersion(tenantId);
    const key = `${tenantId}\n${wanted}`;
    const kept = this.markets.get(key);
    if (kept) return kept;
    const items = this.read(tenantId, (tx) => this.loads.itemsAt(tx, tenantId, wanted));
    const market = items.then((all) => Market.compile(all, { regex: linearRegex }));
    this.markets.set(key, market);
    market.catch(() => this.markets.delete(key));
    if (this.markets.size > MARKETS_KEPT) this.markets.delete(this.markets.keys().next().value!);
    return market;
  }

  /** Counters by key, and those of rolling limits by what their keys begin with. */
  async counters(
    tenantId: string, keys: readonly string[], prefixes: readonly string[],
  ): Promise<{ readonly key: string; readonly value: number }[]> {
    return this.read(tenantId, (tx) => countersIn(tx, tenantId, keys, prefixes));
  }

  /**
   * Runs `work` on one state of the tables: the configuration that was taken last, compiled, and a transaction that sees the counters and
   * leads that belong to it.
   */
  async now<T>(tenantId: string, work: (tx: Tx, market: Market, version: number) => Promise<T>): Promise<T> {
    for (;;) {
      // Compiled before the transaction begins: it must not wait for a second connection while it holds one.
      const version = await this.lastVersion(tenantId);
      const market = await this.market(tenantId, version);
      const done = await this.read(tenantId, async (tx) => {
        // Before any query: all that follows sees one state.
        await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
        return (await versionIn(tx, tenantId)) === version ? { answer: await work(tx, market, version) } : undefined;
      });
      if (done) return done.answer;
    }
  }

  private async lastVersion(tenantId: string): Promise<number> {
    return this.read(tenantId, (tx) => versionIn(tx, tenantId));
  }

  private read<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'engine', tenants: [tenantId] }, work);
  }
}

async function versionIn(tx: Tx, tenantId: string): Promise<number> {
  const [row] = await tx.query<{ version: number }>(
    'SELECT version FROM engine.configuration_versions WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1', [tenantId]);
  return row?.version ?? 0;
}

function attemptOf(row: AttemptOfTable): StoredAttempt {
  return {
    attemptId: row.attempt_id, leadId: row.lead_id, at: Number(row.at), trigger: row.trigger, version: row.version, outcome: row.outcome,
    receipt: row.receipt,
  };
}
