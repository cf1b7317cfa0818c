import { createRole, LOG_ROLE } from '@sluice/db';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The log, and who has read how far of it. */
export class Log1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createRole(runner, LOG_ROLE);
    await runner.query(`CREATE SCHEMA IF NOT EXISTS log`);
    for (const statement of [...tables, append]) await runner.query(statement);
    await runner.query(`GRANT USAGE ON SCHEMA log TO ${LOG_ROLE}`);
    await runner.query(`GRANT SELECT, INSERT ON log.run TO ${LOG_ROLE}`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE ON log.head TO ${LOG_ROLE}`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE ON log.position TO ${LOG_ROLE}`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON log.parked TO ${LOG_ROLE}`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE ON log.registration TO ${LOG_ROLE}`);
    await runner.query(`GRANT USAGE ON SEQUENCE log.parked_place_seq TO ${LOG_ROLE}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP SCHEMA log CASCADE`);
  }
}

const tables = [
  // The counter of a partition. Changed by every commit that appends: room on the page keeps its updates off the index.
  `CREATE TABLE log.head (
    topic text NOT NULL, partition int NOT NULL, head bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)) WITH (fillfactor = 20)`,
  // A row holds the events that one transaction said in one partition: 16 % cheaper than a row an event, with a quarter less WAL.
  `CREATE TABLE log.run (
    day date NOT NULL, topic text NOT NULL, partition int NOT NULL, first_seq bigint NOT NULL, count int NOT NULL,
    appended_at timestamptz NOT NULL, types text[] NOT NULL, heads text NOT NULL, bodies text NOT NULL,
    PRIMARY KEY (topic, partition, first_seq, day)) PARTITION BY RANGE (day)`,
  // Where the server has it, lz4; without it nothing: the server's own compression costs more than the bytes are worth on the way in.
  `DO $$ BEGIN
    ALTER TABLE log.run ALTER COLUMN heads SET COMPRESSION lz4, ALTER COLUMN bodies SET COMPRESSION lz4;
  EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    ALTER TABLE log.run ALTER COLUMN heads SET STORAGE EXTERNAL, ALTER COLUMN bodies SET STORAGE EXTERNAL;
  END $$`,
  // Takes what comes on a day that nobody made a partition for, so that an append never fails for want of one.
  `CREATE TABLE log.run_rest PARTITION OF log.run DEFAULT`,
  `CREATE TABLE log.registration (
    grp text PRIMARY KEY, topics text[] NOT NULL, service text, owned boolean NOT NULL DEFAULT false, registered_at timestamptz NOT NULL DEFAULT now())`,
  // broker_offset is only a hint where to seek.
  `CREATE TABLE log.position (
    grp text NOT NULL, topic text NOT NULL, partition int NOT NULL, position bigint NOT NULL DEFAULT 0, broker_offset bigint,
    PRIMARY KEY (grp, topic, partition)) WITH (fillfactor = 20)`,
  `CREATE TABLE log.member (
    grp text NOT NULL, member int NOT NULL, expires_at timestamptz NOT NULL, PRIMARY KEY (grp, member))`,
  // One lease covers partition p of all the topics of the group.
  `CREATE TABLE log.lease (
    grp text NOT NULL, partition int NOT NULL, epoch bigint NOT NULL DEFAULT 0, member int, expires_at timestamptz,
    PRIMARY KEY (grp, partition)) WITH (fillfactor = 20)`,
  // place: the order in which events of a subject were set aside, over all topics.
  `CREATE TABLE log.parked (
    grp text NOT NULL, topic text NOT NULL, partition int NOT NULL, seq bigint NOT NULL, place bigserial NOT NULL,
    subject text NOT NULL, tenant_id text NOT NULL, type text NOT NULL, head text NOT NULL, value bytea NOT NULL,
    reason text NOT NULL, waits boolean NOT NULL, redriven boolean NOT NULL DEFAULT false, parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (grp, topic, partition, seq))`,
  `CREATE INDEX parked_subject ON log.parked (grp, partition, subject, place)`,
];

/**
 * Takes the numbers and writes the runs: the last statement before COMMIT. The counters are locked in sorted order, so that two
 * commits cannot wait for each other, and whoever sees number n can see n − 1. The time is taken under the lock, so that it does not run
 * back.
 */
const append = `
  CREATE FUNCTION log.append(in_topics text[], in_partitions int[], in_counts int[], in_types text[], in_heads text[], in_bodies text[])
  RETURNS TABLE (topic text, partition int, head float8) LANGUAGE plpgsql AS $$
  #variable_conflict use_column
  DECLARE wanted int; locked int; stamp timestamptz;
  BEGIN
    SELECT count(DISTINCT (t, p)) INTO wanted FROM unnest(in_topics, in_partitions) AS u (t, p);
    LOOP
      PERFORM 1 FROM log.head h WHERE (h.topic, h.partition) IN (SELECT t, p FROM unnest(in_topics, in_partitions) AS u (t, p))
        ORDER BY h.topic, h.partition FOR UPDATE;
      GET DIAGNOSTICS locked = ROW_COUNT;
      EXIT WHEN locked = wanted;
      INSERT INTO log.head (topic, partition) SELECT DISTINCT t, p FROM unnest(in_topics, in_partitions) AS u (t, p) ORDER BY t, p
        ON CONFLICT DO NOTHING;
    END LOOP;
    stamp := clock_timestamp();
    INSERT INTO log.run (day, topic, partition, first_seq, count, appended_at, types, heads, bodies)
      SELECT (stamp AT TIME ZONE 'UTC')::date, u.t, u.p,
             h.head + 1 + sum(u.n) OVER (PARTITION BY u.t, u.p ORDER BY u.place) - u.n, u.n, stamp, string_to_array(u.types, ','), u.heads, u.bodies
      FROM unnest(in_topics, in_partitions, in_counts, in_types, in_heads, in_bodies) WITH ORDINALITY AS u (t, p, n, types, heads, bodies, place)
      JOIN log.head h ON h.topic = u.t AND h.partition = u.p;
    RETURN QUERY UPDATE log.head h SET head = h.head + s.n
      FROM (SELECT t, p, sum(n) AS n FROM unnest(in_topics, in_partitions, in_counts) AS u (t, p, n) GROUP BY t, p) s
      WHERE h.topic = s.t AND h.partition = s.p RETURNING h.topic, h.partition, h.head::float8;
  END $$`;
