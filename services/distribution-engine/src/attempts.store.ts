import { Injectable } from '@nestjs/common';
import { Database, textArray, type Tx } from '@sluice/db';
import { firstSince } from './first-since.store.js';

/** What of the history is asked for; all of it must hold. Instants are epoch ms, from ≤ at < to. */
export interface AttemptFilter {
  readonly from?: number;
  readonly to?: number;
  readonly trigger?: string;
  readonly by?: 'system' | 'user';
  readonly actor?: string;
  readonly outcome?: 'distributed' | 'unsold';
  readonly reason?: string;
  readonly campaign?: string;
  readonly workflow?: string;
  readonly lead?: string;
  /** Somebody who got the lead by it. */
  readonly contract?: string;
  readonly client?: string;
}

export interface HistoryAttemptRow {
  readonly attempt_id: string;
  readonly lead_id: string;
  readonly at: string;
  readonly trigger: string;
  readonly version: number;
  readonly outcome: string;
  /** Its head: all but the verdicts and what was considered. */
  readonly receipt: string;
  readonly actor: string | null;
  readonly campaign_id: string | null;
  readonly workflow_id: string | null;
}

export interface AttemptPage {
  readonly rows: HistoryAttemptRow[];
  /** The id that the next page begins behind; undefined = there is no more. */
  readonly next?: string;
}

export interface PageAsked {
  readonly limit: number;
  /** The id that the page before ended with. */
  readonly after?: string;
  readonly oldestFirst?: boolean;
}

/** The receipt up to its verdicts: they are nine tenths of it, and stand last. A quote inside a text stands behind a backslash. */
const HEAD = `CASE WHEN position(',"considered":' IN a.receipt) > 0
  THEN left(a.receipt, position(',"considered":' IN a.receipt) - 1) || '}' ELSE a.receipt END AS receipt`;
const COLUMNS = `a.attempt_id, a.lead_id, a.at, a.trigger, a.version, a.outcome, ${HEAD}, a.actor, a.campaign_id, a.workflow_id`;
/** Attempts that one page looks at before it says "nothing yet, go on from here": what no index knows must not read a table to its end. */
const LOOKED_AT_MAX = 20_000;

/** Parameters of a statement while it is put together. */
class Values {
  readonly all: unknown[] = [];

  /** `$n` of a new parameter. */
  add(value: unknown): string {
    this.all.push(value);
    return `$${this.all.length}`;
  }
}

export interface PageStatement {
  readonly text: string;
  readonly values: unknown[];
}

/** Every distribution attempt of a tenant, found by time, lead, person, or who got the lead; all else is tested on the way. */
@Injectable()
export class AttemptsStore {
  constructor(private readonly database: Database) {}

  /**
   * A page in order of time. Where few attempts pass the filters it may be short, or empty, and still have a next one: it looks at a
   * bounded number of attempts.
   */
  async page(tenantId: string, filter: AttemptFilter, asked: PageAsked, lookedAtMax = LOOKED_AT_MAX): Promise<AttemptPage> {
    return this.database.transaction({ service: 'engine', tenants: [tenantId] }, async (tx) => {
      const within = await this.candidates(tx, tenantId, filter, asked);
      if (!within) return { rows: [] };
      const most = lookedAt(within, asked, lookedAtMax);
      const { text, values } = pageStatement(filter, asked, within, most);
      const rows = await tx.query<HistoryAttemptRow>(text, values);
      if (rows.length > asked.limit) return { rows: rows.slice(0, asked.limit), next: rows[asked.limit - 1]!.attempt_id };
      const end = endStatement(filter, asked, within, most);
      const [last] = await tx.query<{ attempt_id: string }>(end.text, end.values);
      return { rows, ...(last ? { next: last.attempt_id } : {}) };
    });
  }

  /** The statement that a page runs, for whoever wants to see its plan. */
  async statement(tx: Tx, tenantId: string, filter: AttemptFilter, asked: PageAsked): Promise<PageStatement | undefined> {
    const within = await this.candidates(tx, tenantId, filter, asked);
    return within && pageStatement(filter, asked, within, lookedAt(within, asked, LOOKED_AT_MAX));
  }

  /** Undefined: nothing can be found. */
  private async candidates(tx: Tx, tenantId: string, filter: AttemptFilter, asked: PageAsked): Promise<Within | undefined> {
    const [home] = await tx.query<{ partition: number }>('SELECT partition FROM engine.tenants WHERE tenant_id = $1', [tenantId]);
    if (!home) return undefined;
    const low = filter.from === undefined ? undefined : await firstSince(tx, tenantId, home.partition, filter.from);
    const high = filter.to === undefined ? undefined : await firstSince(tx, tenantId, home.partition, filter.to);
    const within: Within = {
      tenantId, low: asked.oldestFirst && asked.after !== undefined ? undefined : low,
      high: !asked.oldestFirst && asked.after !== undefined ? undefined : high,
      ...(asked.after === undefined ? {} : asked.oldestFirst ? { above: asked.after } : { below: asked.after }),
    };
    const ids = filter.lead === undefined ? undefined : await this.ofLead(tx, tenantId, filter.lead);
    return { ...within, ids, contracts: await this.contractsOf(tx, tenantId, filter) };
  }

  private async ofLead(tx: Tx, tenantId: string, leadId: string): Promise<string[]> {
    const [row] = await tx.query<{ attempts: string }>('SELECT attempts FROM engine.leads WHERE tenant_id = $1 AND lead_id = $2',
      [tenantId, leadId]);
    return row ? (JSON.parse(row.attempts) as { id: string }[]).map(({ id }) => id) : [];
  }

  /** Contracts that a client ever had, of any version. */
  private async contractsOf(tx: Tx, tenantId: string, { contract, client }: AttemptFilter): Promise<string[] | undefined> {
    if (client === undefined) return contract === undefined ? undefined : [contract];
    const rows = await tx.query<{ id: string }>(
      `SELECT DISTINCT id FROM engine.configuration_items
        WHERE tenant_id = $1 AND kind = 'contract' AND body IS NOT NULL AND body::json ->> 'client' = $2`, [tenantId, client]);
    const ids = rows.map(({ id }) => id);
    return contract === undefined ? ids : ids.filter((id) => id === contract);
  }
}

/** Where to look: a stretch of ids, and the ids of a lead or what some contracts got. */
interface Within {
  readonly tenantId: string;
  /** First id, and the first no more. */
  readonly low?: string;
  readonly high?: string;
  /** Where the page before ended. */
  readonly above?: string;
  readonly below?: string;
  readonly ids?: readonly string[];
  readonly contracts?: readonly string[];
}

/** Of a client with many contracts fewer of each: the newest n of all are among the newest n of each. */
function lookedAt({ contracts, ids }: Within, { limit }: PageAsked, most: number): number {
  return contracts && !ids ? Math.max(limit + 1, Math.floor(most / Math.max(1, contracts.length))) : most;
}

function pageStatement(filter: AttemptFilter, { limit, oldestFirst }: PageAsked, within: Within, lookedAtMax: number): PageStatement {
  const values = new Values();
  const order = oldestFirst ? 'ASC' : 'DESC';
  const from = candidateQuery(within, filter, order, values, lookedAtMax, '*');
  const conditions = conditionsOf(filter, within, values);
  const text = `SELECT ${COLUMNS} FROM (${from}) a${conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''}
    ORDER BY a.attempt_id ${order} LIMIT ${limit + 1}`;
  return { text, values: values.all };
}

/** The last attempt that a page may look at; no row where it looks at all there are. */
function endStatement(filter: AttemptFilter, { oldestFirst }: PageAsked, within: Within, lookedAtMax: number): PageStatement {
  const values = new Values();
  const order = oldestFirst ? 'ASC' : 'DESC';
  const from = candidateQuery(within, filter, order, values, lookedAtMax, 'attempt_id');
  return { text: `SELECT attempt_id FROM (${from}) a ORDER BY attempt_id ${order} OFFSET ${lookedAtMax - 1} LIMIT 1`, values: values.all };
}

function candidateQuery(
  within: Within, filter: AttemptFilter, order: string, values: Values, lookedAtMax: number, columns: '*' | 'attempt_id',
): string {
  const tenant = values.add(within.tenantId);
  const bounds = [
    within.low !== undefined ? `x.attempt_id >= ${values.add(within.low)}` : '',
    within.high !== undefined ? `x.attempt_id < ${values.add(within.high)}` : '',
    within.above !== undefined ? `x.attempt_id > ${values.add(within.above)}` : '',
    within.below !== undefined ? `x.attempt_id < ${values.add(within.below)}` : '',
  ].filter((bound) => bound !== '').map((bound) => ` AND ${bound}`).join('');
  const end = `ORDER BY x.attempt_id ${order} LIMIT ${lookedAtMax}`;
  if (within.contracts && !within.ids) {
    const got = `SELECT DISTINCT x.attempt_id FROM unnest(${values.add(textArray(within.contracts))}::text[]) AS c (id), LATERAL (
        SELECT x.attempt_id FROM engine.outbound_leads x WHERE x.tenant_id = ${tenant} AND x.contract_id = c.id${bounds} ${end}
      ) x ${end}`;
    return columns === '*' ? `SELECT a.* FROM (${got}) g JOIN engine.attempts a ON a.tenant_id = ${tenant} AND a.attempt_id = g.attempt_id
      ORDER BY g.attempt_id ${order}` : got;
  }
  const more = within.ids ? ` AND x.attempt_id = ANY (${values.add(textArray(within.ids))}::text[])`
    : filter.actor !== undefined ? ` AND x.actor = ${values.add(filter.actor)}` : filter.by === 'user' ? ' AND x.actor IS NOT NULL' : '';
  return `SELECT ${columns === '*' ? 'x.*' : 'x.attempt_id'} FROM engine.attempts x WHERE x.tenant_id = ${tenant}${bounds}${more} ${end}`;
}

function conditionsOf(filter: AttemptFilter, within: Within, values: Values): string[] {
  const conditions: string[] = [];
  const equal = (column: string, value: string | undefined) => {
    if (value !== undefined) conditions.push(`a.${column} = ${values.add(value)}`);
  };
  equal('trigger', filter.trigger);
  equal('actor', filter.actor);
  equal('campaign_id', filter.campaign);
  equal('workflow_id', filter.workflow);
  equal('outcome', filter.reason);
  if (filter.by) conditions.push(`a.actor IS ${filter.by === 'user' ? 'NOT ' : ''}NULL`);
  if (filter.outcome) conditions.push(`a.outcome ${filter.outcome === 'distributed' ? '=' : '<>'} 'distributed'`);
  if (within.ids && within.contracts) {
    conditions.push(`EXISTS (SELECT FROM engine.outbound_leads o WHERE o.tenant_id = a.tenant_id
      AND o.contract_id = ANY (${values.add(textArray(within.contracts))}::text[]) AND o.attempt_id = a.attempt_id)`);
  }
  return conditions;
}
