import type { Database } from './database.js';

const LOOK_MS = 2_000;
/** Below so many rows any plan is good enough. */
const ROWS_MIN = 200;

/**
 * Has the server count tables that grew to more than double since it counted them last. Its own daemon looks once a minute, which is
 * long for a table that a new installation fills with thousands of rows a second: until then the planner takes a tenant for one row of
 * many, and reads all of a tenant's leads where it should look up one.
 */
export class Statistics {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> | undefined;

  /** `failed` hears why a look did not succeed; the next comes all the same. */
  constructor(private readonly database: Database, private readonly failed: (error: Error) => void) {}

  start(): void {
    // One at a time: where the server is slow, looks must not pile up, nor a stop wait for all of them.
    this.timer = setInterval(() => {
      this.running ??= this.look().catch(this.failed).finally(() => { this.running = undefined; });
    }, LOOK_MS);
    this.timer.unref();
  }

  /** Waits for the look that is under way. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Names of the tables that were counted. Tables of other owners are left alone. */
  async look(): Promise<string[]> {
    const { pool } = this.database;
    const { rows } = await pool.query<{ name: string }>(GROWN, [ROWS_MIN]);
    // Whoever counts a table already does it for all.
    for (const { name } of rows) await pool.query(`ANALYZE (SKIP_LOCKED) ${name}`);
    return rows.map(({ name }) => name);
  }
}

const GROWN = `
  SELECT format('%I.%I', s.schemaname, s.relname) AS name
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
   WHERE pg_has_role(c.relowner, 'USAGE') AND s.n_live_tup >= $1 + 2 * greatest(c.reltuples, 0)
   ORDER BY 1`;
