import { busMigrations, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { LeadNotDistributed, type Heard } from '@sluice/events';
import { PinoLog, SystemClock } from '@sluice/runtime';
import pg from 'pg';
import { Workflow1764000000002 } from './migrations/1764000000002-workflow.js';
import { Windows1764100000030 } from './migrations/1764100000030-windows.js';
import { WindowOutcomes, WindowStores } from './window-outcomes.service.js';
import { WindowSignal } from './window-signal.service.js';
import { WindowTerms } from './window-terms.service.js';
import { WindowTimerJob } from './window-timer.job.js';
import { CLAIM, WindowTimersStore } from './window-timers.store.js';
import { WindowTries, type Looked } from './window-tries.service.js';
import { WindowsStore } from './windows.store.js';

export interface WindowsBenchOptions {
  /** An empty database on the server that is measured; its user may make roles. */
  readonly url: string;
  readonly windows?: number;
  /** Due a second while lateness is measured, and for how many seconds. */
  readonly rate?: number;
  readonly seconds?: number;
}

/** One line of the table of benchmarks. */
export interface BenchRow {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly against?: string;
  readonly ratio?: number;
  readonly goal: string;
  readonly met: boolean;
}

const TENANTS = 40;
const FEW = 10_000;
const CLAIM_MAX = 500;
const LOOKS = 400;
const CLAIMS = 19;
const DAY_MS = 86_400_000;
const FLOOD = 40_000;
const BATCHES = 20;

/** Keeps how late each try was committed, by the clock that the windows go by. */
class MeasuredTries extends WindowTries {
  readonly lateMs: number[] = [];

  override async claim(limit?: number): Promise<Looked> {
    const started = performance.now();
    const looked = await super.claim(limit);
    const took = performance.now() - started;
    for (const late of looked.lateMs) this.lateMs.push(late + took);
    return looked;
  }
}

/** What a million open windows cost while they wait, and how punctually they are tried. */
export async function benchWindows(options: WindowsBenchOptions): Promise<BenchRow[]> {
  const { url, windows = 1_000_000, rate = 2_000, seconds = 10 } = options;
  const database = await Database.open({
    url, poolMax: 8, migrations: [...busMigrations, Workflow1764000000002, Windows1764100000030] as never,
  });
  let bus: PostgresBus | undefined;
  try {
    await database.migrate();
    bus = await PostgresBus.open(database);
    await configure(database);
    const rig = new Rig(database, bus);
    await rig.open(0, FEW);
    const few = await rig.looks();
    await rig.open(FEW, windows);
    const many = await rig.looks();
    const number = windows.toLocaleString('en');
    return [
      flat(`due check with ${number} windows open, nothing due`, many.idle, few.idle),
      flat(`claim of ${CLAIM_MAX} due windows and their requests, ${number} open`, many.claim, few.claim),
      planned(many.plan, few.plan, number),
      await rig.lateness(rate, seconds, number),
      await rig.flood(url, number),
      await rig.opening(url, number),
    ];
  } finally {
    await bus?.close();
    await database.close();
  }
}

function flat(what: string, many: number, few: number): BenchRow {
  const ratio = round(many / few);
  const against = `${FEW.toLocaleString('en')} open: ${round(few)} ms`;
  return { what, measured: round(many), unit: 'ms (best tenth)', against, ratio, goal: '≤ 1.5×', met: ratio <= 1.5 };
}

interface Plan {
  readonly byIndex: boolean;
  readonly pages: number;
}

function planned(many: Plan, few: Plan, number: string): BenchRow {
  const ratio = round(many.pages / few.pages);
  return {
    what: `pages that finding ${CLAIM_MAX} due windows touches, ${number} open`, measured: many.pages, unit: 'pages',
    against: `${FEW.toLocaleString('en')} open: ${few.pages}; ${many.byIndex ? 'index scan of what is due' : 'no index scan'}`, ratio,
    goal: 'an index scan, ≤ 1.5×', met: many.byIndex && ratio <= 1.5,
  };
}

class Rig {
  private readonly clock = new SystemClock();
  private readonly stores: WindowStores;
  private readonly tries: WindowTries;

  constructor(private readonly database: Database, private readonly bus: PostgresBus) {
    const windows = new WindowsStore();
    this.stores = new WindowStores(windows, new WindowTimersStore(), new WindowTerms(windows));
    this.tries = new WindowTries(database, bus, this.clock, this.stores);
  }

  /** Windows from one number to another, open for a month, none due today. */
  async open(from: number, to: number): Promise<void> {
    const now = this.clock.now();
    for (let start = from; start < to; start += 100_000) {
      const range = [now, start, Math.min(start + 100_000, to) - 1, DAY_MS, TENANTS];
      await this.database.pool.query(`
        INSERT INTO workflow.windows (tenant_id, lead_id, campaign_id, state, generation, opened_at, opened_by, expires_at, every_ms, pause_extends, reasons)
        SELECT 'tenant-' || n % $5::int, 'lead-' || n, 'solar', 'open', 1, $1::bigint, '', $1::bigint + 30 * $4::bigint, 900000, false, '{cap_day,criteria}'
          FROM generate_series($2::bigint, $3::bigint) AS n`, range);
      await this.database.pool.query(`
        INSERT INTO workflow.window_timers (tenant_id, lead_id, kind, campaign_id, since, generation, every_ms, next_at, expires_at, due_at)
        SELECT 'tenant-' || n % $5::int, 'lead-' || n, 'window', 'solar', $1::bigint, 1, 900000, $1::bigint + $4::bigint + n * 7, $1::bigint + 30 * $4::bigint, $1::bigint + $4::bigint + n * 7
          FROM generate_series($2::bigint, $3::bigint) AS n`, range);
    }
    await this.database.pool.query('VACUUM ANALYZE workflow.window_timers');
    await this.database.pool.query('VACUUM ANALYZE workflow.windows');
  }

  /** How long a look takes that finds nothing, and one that finds a whole claim, while nothing else disturbs it. */
  async looks(): Promise<{ idle: number; claim: number; plan: Plan }> {
    const idle = await undisturbed(LOOKS, () => this.tries.claim());
    await this.makeDue(CLAIMS * CLAIM_MAX, 0);
    const claim = await undisturbed(CLAIMS, () => this.tries.claim(CLAIM_MAX));
    return { idle, claim, plan: await this.plan() };
  }

  /** How the database finds what is due, and how many pages it touches for a claim. */
  private async plan(): Promise<Plan> {
    await this.makeDue(CLAIM_MAX, 0);
    const client = await this.database.pool.connect();
    try {
      await client.query('BEGIN; SET LOCAL ROLE sluice_workflow');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, BUFFERS) ${CLAIM}`, [this.clock.now(), CLAIM_MAX]);
      const text = rows.map((row) => row['QUERY PLAN']).join('\n');
      const [, hit = '0', read = '0'] = /Buffers: shared hit=(\d+)(?: read=(\d+))?/.exec(text) ?? [];
      return { byIndex: /Index Scan using window_timers_due/.test(text) && !/Seq Scan/.test(text), pages: Number(hit) + Number(read) };
    } finally {
      await client.query('ROLLBACK');
      client.release();
      while ((await this.tries.claim()).tried > 0);
    }
  }

  /** The job of one process, as it runs in the service, while so many come due a second, evenly. */
  async lateness(rate: number, seconds: number, number: string): Promise<BenchRow> {
    const count = rate * seconds;
    // Long enough that the rows are written and tidied up before the first is due.
    await this.makeDue(count, 1000 / rate, 10_000);
    const tries = new MeasuredTries(this.database, this.bus, this.clock, this.stores);
    const job = new WindowTimerJob(tries, new WindowSignal(), this.clock, new PinoLog('bench', 'error'));
    job.onApplicationBootstrap();
    const until = performance.now() + (seconds + 60) * 1000;
    while (tries.lateMs.length < count && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    await job.beforeApplicationShutdown();
    const late = tries.lateMs.sort((a, b) => a - b);
    const p99 = late[Math.floor(late.length * 0.99)] ?? Infinity;
    return {
      what: `how late a window is tried, ${rate.toLocaleString('en')} due a second, ${number} open`, measured: round(p99), unit: 'ms (p99)',
      against: `median ${round(late[Math.floor(late.length / 2)] ?? NaN)} ms, ${late.length.toLocaleString('en')} tried`, goal: '≤ 1,000 ms',
      met: p99 <= 1_000 && late.length === count,
    };
  }

  /** Claims with their requests against a bare claim of the same rows. */
  async flood(url: string, number: string): Promise<BenchRow> {
    const rates = { bare: [] as number[], claim: [] as number[] };
    for (let turn = 0; turn < 3; turn++) {
      await this.makeDue(FLOOD, 0);
      rates.bare.push(await bareClaims(url, this.clock.now()));
      await this.makeDue(FLOOD, 0);
      const started = performance.now();
      let tried = 0;
      for (let last = 1; last > 0; tried += last) last = (await this.tries.claim(CLAIM_MAX)).tried;
      rates.claim.push(tried / ((performance.now() - started) / 1000));
    }
    const [claim, bare] = [middleOf(rates.claim), middleOf(rates.bare)];
    return {
      what: `windows that one process tries, ${number} open`, measured: Math.round(claim), unit: 'windows/s',
      against: `bare UPDATE … SKIP LOCKED … RETURNING: ${Math.round(bare)}/s`, ratio: round(claim / bare), goal: '≥ 0.25; ≥ 4,000/s', met: claim / bare >= 0.25 && claim >= 4_000,
    };
  }

  /** Windows opened from outcomes, a batch a transaction with its events, against a bare insert of the same rows. */
  async opening(url: string, number: string): Promise<BenchRow> {
    const outcomes = new WindowOutcomes(this.stores, this.bus, this.clock, new WindowSignal());
    const rates = { bare: [] as number[], open: [] as number[] };
    for (let turn = 0; turn < 3; turn++) {
      rates.bare.push(await bareInserts(url, turn));
      const started = performance.now();
      for (let batch = 0; batch < BATCHES; batch++) {
        const events = arrivals(turn * BATCHES + batch, this.clock.now());
        await this.database.transaction({ service: 'workflow', tenants: ['tenant-0'] }, (tx) => outcomes.take(
          { group: 'workflow', topic: 'sluice.distribution', partition: 0, first: 1, last: events.length, events, parked: [] }, tx));
      }
      rates.open.push((BATCHES * CLAIM_MAX) / ((performance.now() - started) / 1000));
    }
    const [rate, bare] = [middleOf(rates.open), middleOf(rates.bare)];
    return {
      what: `windows that outcomes open, ${number} open`, measured: Math.round(rate), unit: 'windows/s',
      against: `bare INSERT of window and timer: ${Math.round(bare)}/s`, ratio: round(rate / bare), goal: '≥ 0.2; ≥ 3,000/s',
      met: rate / bare >= 0.2 && rate >= 3_000,
    };
  }

  /** The next so many come due, one after the other at a distance, beginning so many ms from now. */
  private async makeDue(count: number, distanceMs: number, delayMs = 0): Promise<void> {
    const from = this.clock.now() + delayMs;
    await this.database.pool.query(`
      WITH d AS (SELECT tenant_id, lead_id, row_number() OVER () AS n FROM (SELECT tenant_id, lead_id FROM workflow.window_timers ORDER BY lead_id DESC LIMIT $1) AS l)
      UPDATE workflow.window_timers t SET due_at = $2::bigint + (d.n * $3::float8)::bigint, next_at = $2::bigint + (d.n * $3::float8)::bigint FROM d
       WHERE t.tenant_id = d.tenant_id AND t.lead_id = d.lead_id`, [count, from, distanceMs]);
    await this.database.pool.query('VACUUM workflow.window_timers');
  }
}

/** Outcomes of arrivals as they are heard; each waits for two contracts. */
function arrivals(batch: number, now: number): Heard[] {
  return Array.from({ length: CLAIM_MAX }, (_, place) => {
    const leadId = `new-${batch}-${place}`;
    const data = {
      tenantId: 'tenant-0', leadId, attemptId: leadId, campaignId: 'solar', trigger: 'arrival', configurationVersion: 1, reason: 'cap_day',
      reasons: ['cap_day', 'criteria'], decidedAt: new Date(now).toISOString(), waitsOn: ['contract-1', `contract-${place}`],
    };
    return { seq: place + 1, id: leadId, type: LeadNotDistributed.type, subject: leadId, tenantId: 'tenant-0', time: now, traceparent: undefined, data };
  });
}

async function bareInserts(url: string, round: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const started = performance.now();
  for (let turn = 0; turn < BATCHES; turn++) {
    await client.query({ name: 'bare', text: `
      WITH w AS (
        INSERT INTO workflow.windows (tenant_id, lead_id, campaign_id, state, generation, opened_at, opened_by, expires_at, every_ms, pause_extends)
        SELECT 'tenant-1', 'bare-' || $1 || '-' || n, 'solar', 'open', 1, 0, '', 0, 900000, false FROM generate_series(1, $2::int) AS n RETURNING *)
      INSERT INTO workflow.window_timers (tenant_id, lead_id, kind, campaign_id, since, generation, every_ms, next_at, expires_at, due_at)
      SELECT tenant_id, lead_id, 'window', campaign_id, 0, 1, every_ms, $3::bigint, $3::bigint, $3::bigint FROM w`, values: [`${round}-${turn}`, CLAIM_MAX, 1e14] });
  }
  const rate = (BATCHES * CLAIM_MAX) / ((performance.now() - started) / 1000);
  await client.end();
  return rate;
}

/** What a claim costs at the least: one statement that locks and moves as many rows as a claim does, and answers them. */
async function bareClaims(url: string, now: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const started = performance.now();
  let moved = 0;
  for (let last = 1; last > 0; moved += last) {
    const { rowCount } = await client.query({ name: 'bare', text: `
      UPDATE workflow.window_timers SET due_at = due_at + every_ms, next_at = next_at + every_ms
       WHERE ctid = ANY (ARRAY(SELECT ctid FROM workflow.window_timers WHERE due_at <= $1 ORDER BY due_at, since LIMIT $2 FOR UPDATE SKIP LOCKED))
      RETURNING tenant_id, lead_id, kind, generation, traceparent`, values: [now, CLAIM_MAX] });
    last = rowCount ?? 0;
  }
  const rate = moved / ((performance.now() - started) / 1000);
  await client.end();
  return rate;
}

async function configure(database: Database): Promise<void> {
  await database.pool.query(`INSERT INTO workflow.tenants (tenant_id, version) SELECT 'tenant-' || n, 1 FROM generate_series(0, $1::int - 1) AS n`, [TENANTS]);
  await database.pool.query(`
    INSERT INTO workflow.items (tenant_id, kind, id, entry, body, version)
    SELECT 'tenant-' || n, i->>'kind', i->>'id', 1, i->'body', 1 FROM generate_series(0, $1::int - 1) AS n, json_array_elements($2::json) AS i`, [TENANTS, JSON.stringify([
    { kind: 'campaign', id: 'solar', body: { id: 'solar', workflow: 'patient' } },
    { kind: 'workflow', id: 'patient', body: { id: 'patient', mode: 'window', window: { length: 'P30D', every: 'PT15M' } } },
  ])]);
}

/** The best tenth of so many times, in ms: neighbours of the machine only ever make it longer. */
async function undisturbed(times: number, work: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const started = performance.now();
    await work();
    taken.push(performance.now() - started);
  }
  return taken.sort((a, b) => a - b)[Math.floor(times / 10)]!;
}

const middleOf = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const round = (value: number) => Math.round(value * 100) / 100;
