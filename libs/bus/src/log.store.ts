import type { Database, Tx } from '@sluice/db';
import { PARTITIONS, type Lag, type ParkedEvent } from './bus.js';
import { headOf, RUN_MAX, recordFrom, type LogRecord, type RecordKey, type Run } from './log-record.js';

export interface Head {
  readonly topic: string;
  readonly partition: number;
  readonly head: number;
}

/** A row of the log; without content where it holds nothing for the reader. */
export interface StoredRun {
  readonly first_seq: number;
  readonly count: number;
  readonly types: readonly string[];
  readonly heads: string | null;
  readonly bodies: string | null;
}

export interface Position {
  readonly topic: string;
  readonly position: number;
  readonly brokerOffset: string | null;
}

/** A record on its way to the parked ones. */
export interface Parking {
  readonly record: LogRecord;
  readonly reason: string;
  readonly waits: boolean;
}

const SEPARATOR = '\u001e';

/** All SQL of the log but leases and retention. */
export class LogStore {
  constructor(readonly database: Database) {}

  /** Numbers and writes the runs; the counters stay locked until the commit. Answers the new heads. */
  append(tx: Tx, runs: readonly Run[]): Promise<Head[]> {
    const columns = [
      runs.map((run) => run.topic), runs.map((run) => run.partition), runs.map((run) => run.count), runs.map((run) => run.types.join(',')),
    ];
    const heads = runs.map((run) => run.heads);
    const bodies = runs.map((run) => run.bodies);
    // JSON holds no bare control character: joined by one the texts need no escaping, which for large ones costs more than sending them.
    if (bodies.every((body) => body !== '' && !body.includes(SEPARATOR))) {
      return tx.query<Head>(
        `SELECT topic, partition, head FROM log.append($1::text[], $2::int[], $3::int[], $4::text[], string_to_array($5, E'\\x1e'), string_to_array($6, E'\\x1e'))`,
        [...columns, heads.join(SEPARATOR), bodies.join(SEPARATOR)], 'log_append_joined');
    }
    return tx.query<Head>(
      'SELECT topic, partition, head FROM log.append($1::text[], $2::int[], $3::int[], $4::text[], $5::text[], $6::text[])', [...columns, heads, bodies],
      'log_append');
  }

  /** The counters of topics, made where they are missing. */
  async ensureTopics(topics: readonly string[]): Promise<void> {
    await this.database.pool.query(
      `INSERT INTO log.head (topic, partition) SELECT t, p FROM unnest($1::text[]) t, generate_series(0, $2 - 1) p ORDER BY t, p ON CONFLICT DO NOTHING`,
      [topics, PARTITIONS],
    );
  }

  async heads(): Promise<Head[]> {
    return this.rows<Head>('SELECT topic, partition, head::float8 AS head FROM log.head', [], 'log_heads');
  }

  /** The runs that hold sequences after … after + max. Of a run whose types are all in `skip` only its place comes. */
  read(topic: string, partition: number, after: number, max: number, skip: readonly string[]): Promise<StoredRun[]> {
    return this.rows<StoredRun>(
      `SELECT first_seq::float8 AS first_seq, count, types,
              CASE WHEN types <@ $5::text[] THEN NULL ELSE heads END AS heads, CASE WHEN types <@ $5::text[] THEN NULL ELSE bodies END AS bodies
       FROM log.run WHERE topic = $1 AND partition = $2 AND first_seq > $3::bigint - ${RUN_MAX} AND first_seq <= $3::bigint + $4::bigint
         AND first_seq + count > $3::bigint + 1 ORDER BY first_seq`,
      [topic, partition, after, max, skip], 'log_read',
    );
  }

  /** One group more: at the start of the log, and with a lease for each partition. What is there already stays. */
  async register(
    group: string, topics: readonly string[], as: { readonly service?: string; readonly owned?: boolean } = {},
  ): Promise<void> {
    await this.ensureTopics(topics);
    await this.database.pool.query(
      `WITH registered AS (
         INSERT INTO log.registration AS r (grp, topics, service, owned) VALUES ($1, $2::text[], $4, $5)
         ON CONFLICT (grp) DO UPDATE SET service = coalesce(excluded.service, r.service), owned = excluded.owned OR r.owned,
           topics = (SELECT array_agg(DISTINCT t) FROM unnest(r.topics || excluded.topics) t)),
       leases AS (INSERT INTO log.lease (grp, partition) SELECT $1, p FROM generate_series(0, $3 - 1) p ON CONFLICT DO NOTHING)
       INSERT INTO log.position (grp, topic, partition) SELECT $1, t, p FROM unnest($2::text[]) t, generate_series(0, $3 - 1) p ON CONFLICT DO NOTHING`,
      [group, topics, PARTITIONS, as.service ?? null, as.owned ?? false],
    );
  }

  async registration(group: string): Promise<{ topics: string[]; service: string | null; owned: boolean } | undefined> {
    const [row] = await this.rows<{ topics: string[]; service: string | null; owned: boolean }>('SELECT topics, service, owned FROM log.registration WHERE grp = $1', [group]);
    return row;
  }

  /** Sets a group back to the start of what the log retains; what it had set aside will come again. */
  async rewind(tx: Tx, group: string): Promise<void> {
    await tx.query(
      `UPDATE log.position p SET broker_offset = NULL, position = coalesce((
         SELECT r.first_seq - 1 FROM log.run r WHERE r.topic = p.topic AND r.partition = p.partition ORDER BY r.first_seq LIMIT 1),
         (SELECT h.head FROM log.head h WHERE h.topic = p.topic AND h.partition = p.partition), 0) WHERE p.grp = $1`, [group],
    );
    await tx.query('DELETE FROM log.parked WHERE grp = $1', [group]);
  }

  /** Where positions lie below what is retained: to its start. */
  async jump(group: string, topic: string, partition: number, position: number): Promise<void> {
    await this.database.pool.query(
      'UPDATE log.position SET position = $4 WHERE grp = $1 AND topic = $2 AND partition = $3 AND position < $4', [group, topic, partition, position],
    );
  }

  /** For retention alone: a name that holds the log from these positions on, as a group would. */
  async hold(tx: Tx, name: string, positions: readonly { topic: string; partition: number; position: number }[]): Promise<void> {
    const topics = [...new Set(positions.map((position) => position.topic))];
    await tx.query('INSERT INTO log.registration (grp, topics) VALUES ($1, $2::text[]) ON CONFLICT (grp) DO UPDATE SET topics = excluded.topics', [name, topics]);
    await tx.query(
      `INSERT INTO log.position (grp, topic, partition, position) SELECT $1, u.* FROM unnest($2::text[], $3::int[], $4::bigint[]) u
       ON CONFLICT (grp, topic, partition) DO UPDATE SET position = excluded.position`,
      [name, positions.map((each) => each.topic), positions.map((each) => each.partition), positions.map((each) => each.position)],
    );
  }

  positions(group: string, partition: number): Promise<Position[]> {
    return this.rows<Position>(
      'SELECT topic, position::float8 AS position, broker_offset AS "brokerOffset" FROM log.position WHERE grp = $1 AND partition = $2',
      [group, partition], 'log_positions',
    );
  }

  /** Moves a position from where it was read. False: it is not there any more. */
  async move(
    tx: Tx, group: string, topic: string, partition: number, from: number, to: number, brokerOffset: string | undefined,
  ): Promise<boolean> {
    const moved = await tx.query(
      `UPDATE log.position SET position = $5, broker_offset = coalesce($6, broker_offset)
       WHERE grp = $1 AND topic = $2 AND partition = $3 AND position = $4 RETURNING 1`,
      [group, topic, partition, from, to, brokerOffset ?? null], 'log_move',
    );
    return moved.length === 1;
  }

  /** What is set aside in a partition, in the order in which it has to be handled again. */
  waiting(group: string, partition: number): Promise<(RecordKey & { subject: string })[]> {
    return this.rows<RecordKey & { subject: string }>(
      'SELECT subject, topic, seq::float8 AS seq FROM log.parked WHERE grp = $1 AND partition = $2 ORDER BY place', [group, partition], 'log_waiting',
    );
  }

  async parkedRecord(group: string, topic: string, partition: number, seq: number): Promise<LogRecord | undefined> {
    const [row] = await this.rows<{ head: string; value: Buffer }>(
      'SELECT head, value FROM log.parked WHERE grp = $1 AND topic = $2 AND partition = $3 AND seq = $4', [group, topic, partition, seq],
    );
    return row && recordFrom(seq, row.head, row.value);
  }

  async park(tx: Tx, group: string, topic: string, partition: number, parkings: readonly Parking[]): Promise<void> {
    const records = parkings.map((parking) => parking.record);
    await tx.query(
      `INSERT INTO log.parked (grp, topic, partition, seq, subject, tenant_id, type, head, value, reason, waits)
       SELECT $1, $2, $3, u.* FROM unnest($4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::text[], $11::boolean[]) u
       ON CONFLICT DO NOTHING`,
      [
        group, topic, partition,
        records.map((record) => record.seq), records.map((record) => record.subject), records.map((record) => record.tenantId),
        records.map((record) => record.type), records.map(headOf),
        records.map((record) => (typeof record.value === 'string' ? Buffer.from(record.value, 'utf8') : Buffer.from(record.value))),
        parkings.map((parking) => parking.reason), parkings.map((parking) => parking.waits),
      ],
    );
  }

  /** A redriven event failed again, or came out of its turn: it waits for the next redrive. */
  async parkAgain(tx: Tx, group: string, partition: number, key: RecordKey, reason: string | undefined): Promise<void> {
    await tx.query(
      `UPDATE log.parked SET redriven = false, reason = coalesce($5, reason), waits = CASE WHEN $5::text IS NULL THEN waits ELSE false END
       WHERE grp = $1 AND partition = $2 AND topic = $3 AND seq = $4`,
      [group, partition, key.topic, key.seq, reason ?? null],
    );
  }

  /** A parked event was handled. Answers what waits behind it and is to be redriven next, in order. */
  async unpark(tx: Tx, group: string, partition: number, subject: string, key: RecordKey): Promise<RecordKey[]> {
    await tx.query('DELETE FROM log.parked WHERE grp = $1 AND partition = $2 AND topic = $3 AND seq = $4', [group, partition, key.topic, key.seq]);
    const left = await tx.query('SELECT 1 FROM log.parked WHERE grp = $1 AND partition = $2 AND subject = $3 AND redriven LIMIT 1', [group, partition, subject]);
    return left.length > 0 ? [] : this.claimForRedrive(tx, group, partition, subject);
  }

  /** Marks all that is set aside under a subject as on its way; what is on its way already is not among the answer. */
  async claimForRedrive(tx: Tx, group: string, partition: number, subject: string): Promise<RecordKey[]> {
    const claimed = await tx.query<RecordKey & { place: string }>(
      `UPDATE log.parked SET redriven = true WHERE grp = $1 AND partition = $2 AND subject = $3 AND NOT redriven
       RETURNING topic, seq::float8 AS seq, place`, [group, partition, subject],
    );
    return claimed.sort((a, b) => Number(a.place) - Number(b.place)).map(({ topic, seq }) => ({ topic, seq }));
  }

  async subjectOf(
    tx: Tx, group: string, topic: string, partition: number, seq: number,
  ): Promise<{ subject: string; tenantId: string } | undefined> {
    const [row] = await tx.query<{ subject: string; tenantId: string }>(
      'SELECT subject, tenant_id AS "tenantId" FROM log.parked WHERE grp = $1 AND topic = $2 AND partition = $3 AND seq = $4', [group, topic, partition, seq],
    );
    return row;
  }

  parked(group: string, tenantId: string | undefined): Promise<ParkedEvent[]> {
    return this.rows<ParkedEvent>(
      `SELECT grp AS group, topic, partition, seq::float8 AS seq, subject, tenant_id AS "tenantId", type, reason, waits
       FROM log.parked WHERE grp = $1 AND ($2::text IS NULL OR tenant_id = $2) ORDER BY place`, [group, tenantId ?? null],
    );
  }

  lag(group: string): Promise<Lag[]> {
    return this.rows<Lag>(
      `SELECT p.topic, p.partition, p.position::float8 AS position, h.head::float8 AS head,
              coalesce(extract(epoch FROM clock_timestamp() - r.appended_at) * 1000, 0)::float8 AS "ageMs"
       FROM log.position p JOIN log.head h USING (topic, partition)
       LEFT JOIN LATERAL (
         SELECT appended_at FROM log.run r WHERE p.position < h.head AND r.topic = p.topic AND r.partition = p.partition
           AND r.first_seq > p.position - ${RUN_MAX} AND r.first_seq + r.count > p.position + 1 ORDER BY r.first_seq LIMIT 1) r ON true
       WHERE p.grp = $1 ORDER BY p.topic, p.partition`, [group],
    );
  }

  /** The lowest sequence that the log still has of each partition of the topics; a partition that nothing was appended to is left out. */
  retainedFrom(topics: readonly string[]): Promise<Head[]> {
    return this.rows<Head>(
      `SELECT h.topic, h.partition, coalesce(r.first_seq, h.head + 1)::float8 AS head FROM log.head h LEFT JOIN LATERAL (
         SELECT first_seq FROM log.run r WHERE r.topic = h.topic AND r.partition = h.partition ORDER BY first_seq LIMIT 1) r ON true
       WHERE h.topic = ANY ($1::text[]) AND h.head > 0`, [topics],
    );
  }

  private async rows<R>(text: string, values: readonly unknown[], name?: string): Promise<R[]> {
    const result = await this.database.pool.query({ text, values: values as unknown[], ...(name ? { name } : {}) });
    return result.rows as R[];
  }
}
