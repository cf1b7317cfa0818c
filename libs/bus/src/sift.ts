import { definitions, EventFault, type Heard } from '@sluice/events';
import type { Batch } from './bus.js';
import { REDRIVE, textOf, type LogRecord, type Redrive, type RecordKey } from './log-record.js';

// Decides what becomes of each record of a group: handled, skipped, or set aside under its subject.

/** What is to be done about one record. What is merely skipped makes no item. */
export type Item =
  | { readonly kind: 'event'; readonly seq: number; readonly record: LogRecord; readonly heard: Heard; readonly redriven: RecordKey | undefined }
  | { readonly kind: 'parked'; readonly seq: number; readonly record: LogRecord; readonly reason: string; readonly waits: boolean }
  /** A redriven event that failed again (with a reason), or whose turn it is not (without). */
  | { readonly kind: 'again'; readonly seq: number; readonly redriven: RecordKey; readonly reason: string | undefined };

/** The subjects of a partition that wait, each with its parked records in order, over all topics. */
export class Waiting {
  private readonly subjects = new Map<string, RecordKey[]>();

  constructor(parked: readonly (RecordKey & { subject: string })[]) {
    for (const { subject, topic, seq } of parked) this.add(subject, { topic, seq });
  }

  has(subject: string): boolean {
    return this.subjects.has(subject);
  }

  add(subject: string, key: RecordKey): void {
    const queue = this.subjects.get(subject);
    if (queue) queue.push(key);
    else this.subjects.set(subject, [key]);
  }

  /** Takes the record off the queue of its subject where it is the first. */
  takeTurn(subject: string, key: RecordKey): boolean {
    const queue = this.subjects.get(subject);
    if (!queue || queue[0]!.seq !== key.seq || queue[0]!.topic !== key.topic) return false;
    queue.shift();
    if (queue.length === 0) this.subjects.delete(subject);
    return true;
  }
}

export interface SiftRules {
  readonly group: string;
  readonly topic: string;
  readonly wanted: ReadonlySet<string>;
  readonly waiting: Waiting;
  /** What the redrive records among these name, by the sequence of the redrive record. */
  readonly redriven: ReadonlyMap<number, { readonly key: RecordKey; readonly record: LogRecord }>;
}

/** The items of consecutive records. `waiting` moves with them: it is thrown away where their transaction fails. */
export function sift(records: readonly LogRecord[], rules: SiftRules): Item[] {
  const items: Item[] = [];
  for (const record of records) {
    const item = record.type === REDRIVE ? siftRedrive(record, rules) : siftEvent(record, rules);
    if (item) items.push(item);
  }
  return items;
}

function siftEvent(record: LogRecord, rules: SiftRules): Item | undefined {
  if (!rules.wanted.has(record.type)) {
    if (definitions.has(record.type)) return undefined;
    return park(record, rules, `unknown type ${record.type}: newer than this process`);
  }
  if (rules.waiting.has(record.subject)) return park(record, rules, 'waits behind an earlier event of its subject', true);
  const heard = parse(record, record.seq);
  return typeof heard === 'string' ? park(record, rules, heard) : { kind: 'event', seq: record.seq, record, heard, redriven: undefined };
}

function park(record: LogRecord, rules: SiftRules, reason: string, waits = false): Item {
  rules.waiting.add(record.subject, { topic: rules.topic, seq: record.seq });
  return { kind: 'parked', seq: record.seq, record, reason, waits };
}

function siftRedrive(record: LogRecord, rules: SiftRules): Item | undefined {
  const named = rules.redriven.get(record.seq);
  if (!named) return undefined;
  const again = (reason: string | undefined): Item => ({ kind: 'again', seq: record.seq, redriven: named.key, reason });
  const { type, subject } = named.record;
  if (!definitions.has(type)) return again(`unknown type ${type}: newer than this process`);
  const heard = parse(named.record, record.seq);
  if (typeof heard === 'string') return again(heard);
  if (!rules.waiting.takeTurn(subject, named.key)) return again(undefined);
  return { kind: 'event', seq: record.seq, record: named.record, heard, redriven: named.key };
}

/** The event under the sequence that it is handled at, or what is wrong with it. */
export function parse(record: LogRecord, seq: number): Heard | string {
  try {
    const { id, type, subject, tenantId, time, traceparent } = record;
    return { seq, id, type, subject, tenantId, time, traceparent, data: definitions.get(type)!.parse(textOf(record.value)) };
  } catch (error) {
    if (error instanceof EventFault) return error.message;
    throw error;
  }
}

/** What a redrive record of this group names; nothing for another group's, or one that nobody can read. */
export function redriveOf(record: LogRecord, group: string): RecordKey | undefined {
  if (record.type !== REDRIVE) return undefined;
  try {
    const named = JSON.parse(textOf(record.value)) as Redrive;
    return named.group === group ? { topic: named.topic, seq: named.seq } : undefined;
  } catch {
    return undefined;
  }
}

/** A part of the log that is handled at once: its items, and first … last, with what is skipped between them. */
export interface Work {
  readonly batch: Batch;
  readonly items: readonly Item[];
  readonly brokerOffset: string | undefined;
}

export interface WorkPlace {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly brokerOffset: string | undefined;
}

export function workOf(place: WorkPlace, first: number, last: number, items: readonly Item[]): Work {
  const events = items.flatMap((item) => (item.kind === 'event' ? [item.heard] : []));
  const parked = items.flatMap((item) => (item.kind === 'event' ? [] : [item.seq]));
  const { group, topic, partition, brokerOffset } = place;
  return { batch: { group, topic, partition, first, last, events, parked }, items, brokerOffset };
}

/** Cuts items so that each part has at most `max` events; the last part reaches to `last`. */
export function cut(place: WorkPlace, first: number, last: number, items: readonly Item[], max: number): Work[] {
  const parts: Work[] = [];
  let from = first;
  let open: Item[] = [];
  let events = 0;
  for (const item of items) {
    if (item.kind === 'event' && events === max) {
      const to = open[open.length - 1]!.seq;
      // The broker's offset is of the end of it all.
      parts.push(workOf({ ...place, brokerOffset: undefined }, from, to, open));
      [from, open, events] = [to + 1, [], 0];
    }
    open.push(item);
    if (item.kind === 'event') events++;
  }
  if (open.length > 0 || from <= last) parts.push(workOf(place, from, last, open));
  return parts;
}

/** The same part with its last event set aside instead of handled: all retries of it have failed. */
export function withLastParked(work: Work, reason: string): Work {
  const at = work.items.findLastIndex((item) => item.kind === 'event');
  const { group, topic, partition, first, last } = work.batch;
  const items = work.items.map((item, i): Item => {
    if (i !== at || item.kind !== 'event') return item;
    return item.redriven
      ? { kind: 'again', seq: item.seq, redriven: item.redriven, reason }
      : { kind: 'parked', seq: item.seq, record: item.record, reason, waits: false };
  });
  return workOf({ group, topic, partition, brokerOffset: work.brokerOffset }, first, last, items);
}
