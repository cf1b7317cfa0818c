import type { Database } from '@sluice/db';

/** How far a partition was carried on in a round of the relay. */
export interface Carried {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

/** The group that the relay's positions stand under. */
export const RELAY = 'kafka-relay';

export class RelayStore {
  constructor(private readonly database: Database) {}

  /** Moves the positions of a whole round by one statement. Those that are not among the answer were not ours to move. */
  async move(round: readonly Carried[]): Promise<{ topic: string; partition: number }[]> {
    const result = await this.database.pool.query<{ topic: string; partition: number }>({
      name: 'relay_move',
      text: `UPDATE log.position p SET position = u.upto
        FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[]) AS u (topic, partition, epoch, since, upto)
        JOIN log.lease l ON l.grp = $1 AND l.partition = u.partition AND l.epoch = u.epoch
        WHERE p.grp = $1 AND p.topic = u.topic AND p.partition = u.partition AND p.position = u.since RETURNING p.topic, p.partition`,
      values: [
        RELAY, round.map((c) => c.topic), round.map((c) => c.partition), round.map((c) => c.epoch), round.map((c) => c.from),
        round.map((c) => c.to),
      ],
    });
    return result.rows;
  }

  /**
   * Where the relay begins: not below what the log retains (no group is there any more), and at its start where the broker has lost what it
   * was given.
   */
  async begin(retained: readonly { topic: string; partition: number; head: number }[], lost: ReadonlySet<string>): Promise<void> {
    await this.database.pool.query(
      `UPDATE log.position p SET position = u.first - 1 FROM unnest($2::text[], $3::int[], $4::bigint[], $5::boolean[]) AS u (topic, partition, first, lost)
       WHERE p.grp = $1 AND p.topic = u.topic AND p.partition = u.partition AND (u.lost OR p.position < u.first - 1)`,
      [
        RELAY, retained.map((each) => each.topic), retained.map((each) => each.partition), retained.map((each) => each.head),
        retained.map((each) => lost.has(`${each.topic}/${each.partition}`)),
      ],
    );
  }

  /** What the broker has: the heads that readers of Kafka can reach. */
  async heads(): Promise<{ topic: string; partition: number; head: number }[]> {
    const result = await this.database.pool.query<{ topic: string; partition: number; head: number }>({
      name: 'relay_heads', text: 'SELECT topic, partition, position::float8 AS head FROM log.position WHERE grp = $1', values: [RELAY],
    });
    return result.rows;
  }
}
