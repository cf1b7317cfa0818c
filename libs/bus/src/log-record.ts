import type { Said } from '@sluice/events';
import { partitionOf } from '@sluice/kernel';
import { PARTITIONS } from './bus.js';

/** An event as it stands in the log, before anybody has parsed it. */
export interface LogRecord {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly tenantId: string;
  readonly key: string;
  readonly time: number;
  readonly traceparent: string | undefined;
  /** Proto-JSON. Under Kafka the very bytes, decoded only by who listens to the type. */
  readonly value: string | Uint8Array;
}

/** Which record a parked event is. */
export interface RecordKey {
  readonly topic: string;
  readonly seq: number;
}

/** The type of the record that has a parked event handled again; its value is a Redrive. It is the log's own, and in no proto. */
export const REDRIVE = 'sluice.log.Redrive';

export interface Redrive extends RecordKey {
  readonly group: string;
}

/**
 * Most events of a run. A reader whose position lies inside a run finds it without a second index, because it looks at most
 * this far back.
 */
export const RUN_MAX = 1000;

/** Most text of a run, in UTF-16 units, so that a reader's memory is bounded by rows; a single event may have more. */
const RUN_TEXT_MAX = 4_000_000;

/** The events that one transaction says in one partition: a row of the log. */
export interface Run {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly types: readonly string[];
  /** JSON, an entry an event: see Head. Behind a mark of how it is written; what has none says all of every event. */
  readonly heads: string;
  /** The values, one after the other; their lengths stand in the heads. */
  readonly bodies: string;
  readonly events: readonly Said[];
}

/** What is as in the entry before it: of a lead's three or four events that is most of a head. The first entry has all. */
type Same = 0;

/**
 * id, place of the type in the run's types, subject, tenant, instant (null: the same), traceparent (null: none), length of the value; the
 * key where it is not the tenant.
 */
type Head = [string, number, string | Same, string | Same, number | null, string | null | Same, number, string?];

/**
 * Stands before heads that leave out what repeats. No JSON begins so: a process of an older version, which would take a 0 for a subject,
 * cannot read them at all, and waits with its position until a newer one has its partitions.
 */
const MARK = '=';

/** Gathers events into runs, in the order they were said. */
export function runsOf(events: readonly Said[]): Run[] {
  const open = new Map<string, { topic: string; partition: number; events: Said[]; length: number }>();
  const partitions = new Map<string, number>();
  const runs: Run[] = [];
  for (const event of events) {
    let partition = partitions.get(event.key);
    if (partition === undefined) partitions.set(event.key, partition = partitionOf(event.key, PARTITIONS));
    const place = `${event.topic}/${partition}`;
    let gathered = open.get(place);
    if (!gathered) open.set(place, gathered = { topic: event.topic, partition, events: [], length: 0 });
    gathered.events.push(event);
    gathered.length += event.value.length;
    if (gathered.events.length < RUN_MAX && gathered.length < RUN_TEXT_MAX) continue;
    runs.push(runOf(event.topic, partition, gathered.events));
    open.delete(place);
  }
  for (const gathered of open.values()) runs.push(runOf(gathered.topic, gathered.partition, gathered.events));
  return runs;
}

export function runOf(topic: string, partition: number, events: readonly Said[]): Run {
  const types = [...new Set(events.map((event) => event.type))];
  let before: Said | undefined;
  const heads = events.map((event): Head => {
    const { id, type, subject, tenantId, time, traceparent, value } = event;
    const head: Head = [
      id, types.indexOf(type), subject === before?.subject ? 0 : subject, tenantId === before?.tenantId ? 0 : tenantId,
      time === before?.time ? null : time, before && traceparent === before.traceparent ? 0 : traceparent ?? null, value.length,
    ];
    if (event.key !== event.tenantId) head.push(event.key);
    before = event;
    return head;
  });
  const bodies = events.map((event) => event.value).join('');
  return { topic, partition, count: events.length, types, heads: MARK + JSON.stringify(heads), bodies, events };
}

/** The records of a run from sequence `from` to `to`. Throws where a newer version has written it. */
export function recordsOf(firstSeq: number, run: Pick<Run, 'types' | 'heads' | 'bodies'>, from: number, to: number): LogRecord[] {
  const heads = JSON.parse(run.heads.startsWith(MARK) ? run.heads.slice(MARK.length) : run.heads) as Head[];
  const records: LogRecord[] = [];
  let at = 0;
  let [subject, tenantId, time, traceparent] = ['', '', 0, undefined as string | undefined];
  for (let i = 0; i < heads.length; i++) {
    const head = heads[i]!;
    if (head[2] !== 0) subject = head[2];
    if (head[3] !== 0) tenantId = head[3];
    if (head[4] !== null) time = head[4];
    if (head[5] !== 0) traceparent = head[5] ?? undefined;
    const length = head[6];
    const seq = firstSeq + i;
    if (seq >= from && seq <= to) {
      records.push({
        seq, id: head[0], type: run.types[head[1]]!, subject, tenantId, key: head[7] ?? tenantId, time, traceparent,
        value: run.bodies.slice(at, at + length),
      });
    }
    at += length;
  }
  return records;
}

export function textOf(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
}

/** What is kept of a parked record beside its value: all of it but its place. */
export function headOf(record: LogRecord): string {
  const { id, type, subject, tenantId, key, time, traceparent } = record;
  return JSON.stringify({ id, type, subject, tenantId, key, time, traceparent });
}

export function recordFrom(seq: number, head: string, value: Uint8Array): LogRecord {
  return { ...(JSON.parse(head) as Omit<LogRecord, 'seq' | 'value'>), seq, value };
}
