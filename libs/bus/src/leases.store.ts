import type { Database } from '@sluice/db';
import { MEMBER_LOCK } from './wake.js';

/** A partition that a member owns, and since which change of hands. */
export interface Lease {
  readonly partition: number;
  readonly epoch: number;
}

/** What a member has after a round: its leases, and how many of them it owes to the others. */
export interface Share {
  readonly leases: readonly Lease[];
  readonly surplus: number;
}

/** All SQL of the leases. Times are the database's, since the clocks of members differ. */
export class LeaseStore {
  constructor(private readonly database: Database) {}

  /**
   * One round of a member: says that it lives, renews what it holds, and takes what is free up to its fair share. The rounds of a group
   * come one after another, so that two members cannot both believe to be the first.
   */
  async round(group: string, member: number, leaseMs: number, busy: readonly number[] = []): Promise<Share> {
    const client = await this.database.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      await client.query(`SELECT pg_advisory_xact_lock(hashtext('sluice.group'), hashtext($1))`, [group]);
      await client.query(
        `INSERT INTO log.member (grp, member, expires_at) VALUES ($1, $2, now() + $3 * interval '1 ms')
         ON CONFLICT (grp, member) DO UPDATE SET expires_at = excluded.expires_at`, [group, member, leaseMs],
      );
      // Dead: silent for the length of a lease, or its process has no connection any more.
      await client.query(
        `DELETE FROM log.member WHERE grp = $1 AND member <> $2 AND (expires_at < now() OR NOT EXISTS (
           SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = $3 AND l.objid = member::oid AND l.granted
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))`, [group, member, MEMBER_LOCK],
      );
      const members = (await client.query<{ member: number }>('SELECT member FROM log.member WHERE grp = $1 ORDER BY member', [group])).rows;
      const held = await client.query<Lease>(
        `UPDATE log.lease SET expires_at = now() + $3 * interval '1 ms' WHERE grp = $1 AND member = $2
         RETURNING partition, epoch::float8 AS epoch`, [group, member, leaseMs],
      );
      const total = (await client.query<{ n: number }>('SELECT count(*)::int AS n FROM log.lease WHERE grp = $1', [group])).rows[0]!.n;
      const share = fairShare(total, members.map((row) => row.member), member);
      const taken = share <= held.rows.length ? [] : (await client.query<Lease>(
        `UPDATE log.lease SET member = $2, epoch = epoch + 1, expires_at = now() + $3 * interval '1 ms'
         WHERE grp = $1 AND partition IN (
           SELECT partition FROM log.lease WHERE grp = $1 AND (member IS NULL OR member <> ALL ($4::int[]))
             AND partition <> ALL ($6::int[]) ORDER BY partition LIMIT $5)
         RETURNING partition, epoch::float8 AS epoch`, [group, member, leaseMs, members.map((row) => row.member), share - held.rows.length, busy],
      )).rows;
      await client.query('COMMIT');
      return { leases: [...held.rows, ...taken], surplus: Math.max(0, held.rows.length - share) };
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => { broken = failure; });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** Gives partitions back; only those that are still held under the epoch. */
  async release(group: string, member: number, leases: readonly Lease[]): Promise<void> {
    await this.database.pool.query(
      `UPDATE log.lease l SET member = NULL, expires_at = NULL FROM unnest($3::int[], $4::bigint[]) AS u (partition, epoch)
       WHERE l.grp = $1 AND l.member = $2 AND l.partition = u.partition AND l.epoch = u.epoch`,
      [group, member, leases.map((lease) => lease.partition), leases.map((lease) => lease.epoch)],
    );
  }

  async leave(group: string, member: number): Promise<void> {
    await this.database.pool.query('DELETE FROM log.member WHERE grp = $1 AND member = $2', [group, member]);
  }
}

/** How many of the partitions belong to a member: the rest of the division goes to the first ones. Pure. */
export function fairShare(partitions: number, members: readonly number[], member: number): number {
  const place = members.indexOf(member);
  if (place < 0) throw new Error(`member ${member} is not of the group`);
  return Math.floor(partitions / members.length) + (place < partitions % members.length ? 1 : 0);
}
