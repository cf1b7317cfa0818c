import type { Database } from '@sluice/db';
import type { Log } from '@sluice/runtime';
import type pg from 'pg';
import { reasonOf } from './failures.js';

/** Days that get their partition ahead of time: what the rest partition takes would keep its day from getting one of its own. */
const DAYS_AHEAD = 7;

/** Makes the partitions of the days to come, and drops whole days that every group has read. Several processes may do it at once. */
export class Retention {
  private timer: NodeJS.Timeout | undefined;

  /** `days`: how long an event is kept at least. */
  constructor(private readonly database: Database, private readonly days: number, private readonly log: Log | undefined) {}

  async start(): Promise<void> {
    await this.run();
    this.timer = setInterval(() => void this.run(), 3_600_000);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** One round now. Never throws: an append without its day goes to the rest partition. Answers the days that were dropped. */
  async run(): Promise<string[]> {
    const dropped: string[] = [];
    const client = await this.database.pool.connect();
    try {
      await client.query(`SET lock_timeout = '2s'; SELECT pg_advisory_lock(hashtext('sluice.log.retention'))`);
      await this.makeDays(client);
      for (const day of await this.oldDays(client)) {
        // From the oldest on, so that what is left has no hole.
        if (!(await this.isRead(client, day))) break;
        await client.query(`ALTER TABLE log.run DETACH PARTITION log.run_${day}`);
        await client.query(`DROP TABLE log.run_${day}`);
        dropped.push(day);
        this.log?.info({ day }, 'a day of the log is dropped: every group has read it');
      }
    } catch (error) {
      this.log?.warn({ error: reasonOf(error) }, 'retention of the log did not finish; it is tried again in an hour');
    } finally {
      await client.query(`RESET lock_timeout; SELECT pg_advisory_unlock(hashtext('sluice.log.retention'))`).catch(() => undefined);
      client.release();
    }
    return dropped;
  }

  private async makeDays(client: pg.PoolClient): Promise<void> {
    const missing = await client.query<{ day: string; from: string; to: string }>(
      `SELECT to_char(d, 'YYYYMMDD') AS day, d::date::text AS from, (d::date + 1)::text AS to
       FROM generate_series((now() AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date + ${DAYS_AHEAD - 1}, interval '1 day') d
       WHERE to_regclass('log.run_' || to_char(d, 'YYYYMMDD')) IS NULL`,
    );
    for (const { day, from, to } of missing.rows) {
      // Attached, since CREATE … PARTITION OF would lock out all who append and read.
      await client.query(`BEGIN; CREATE TABLE log.run_${day} (LIKE log.run INCLUDING STORAGE INCLUDING COMPRESSION);
        ALTER TABLE log.run ATTACH PARTITION log.run_${day} FOR VALUES FROM ('${from}') TO ('${to}'); COMMIT`)
        .catch(async (error: unknown) => {
          await client.query('ROLLBACK');
          this.log?.warn({ day, error: reasonOf(error) }, 'a day of the log has no partition of its own');
        });
    }
  }

  private async oldDays(client: pg.PoolClient): Promise<string[]> {
    const old = await client.query<{ day: string }>(
      `SELECT substr(c.relname, 5) AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'log.run'::regclass AND c.relname ~ '^run_[0-9]{8}$'
         AND to_date(substr(c.relname, 5), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - $1::int ORDER BY 1`, [this.days],
    );
    return old.rows.map((row) => row.day);
  }

  /** True where every group that hears a topic has passed all that the day holds of it. */
  private async isRead(client: pg.PoolClient, day: string): Promise<boolean> {
    const unread = await client.query(
      `SELECT 1 FROM (SELECT topic, partition, max(first_seq + count - 1) AS last FROM log.run_${day} GROUP BY topic, partition) d
       JOIN log.position p ON p.topic = d.topic AND p.partition = d.partition AND p.position < d.last LIMIT 1`,
    );
    return unread.rows.length === 0;
  }
}
