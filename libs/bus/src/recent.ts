import type { Said } from '@sluice/events';
import type { LogRecord, Run } from './log-record.js';
import type { Head } from './log.store.js';

/** So long at least, and twice as long at most, a run is kept. Who is further behind has the database read for him. */
const TURN_MS = 2_000;
/** Most text of a turn, in UTF-16 units: a burst turns earlier. */
const TURN_TEXT_MAX = 8_000_000;

interface Kept {
  readonly first: number;
  readonly count: number;
  readonly turn: number;
  readonly events: readonly Said[];
  /** Made when somebody asks, once for all groups. */
  records?: readonly LogRecord[];
}

/**
 * What this process has lately committed to the log. In one process a lead's events are heard by half a dozen groups: each would have the
 * server read them, send them and parse their heads, a fifth of what a lead costs. A run is put here once its commit is durable and its
 * numbers are known, so that it is what the table holds.
 */
export class Recent {
  private readonly runs = new Map<string, Kept[]>();
  private turn = 0;
  private text = 0;
  private timer: NodeJS.Timeout | undefined;

  /** A transaction has committed these runs; `heads` is what it was answered. */
  put(runs: readonly Run[], heads: readonly Head[]): void {
    for (const { topic, partition, head } of heads) {
      let next = head;
      // From the last one back: the head is known, and how many each has.
      for (let place = runs.length - 1; place >= 0; place--) {
        const run = runs[place]!;
        if (run.topic !== topic || run.partition !== partition) continue;
        next -= run.count;
        this.keep(`${topic}/${partition}`, { first: next + 1, count: run.count, turn: this.turn, events: run.events });
        this.text += run.bodies.length;
      }
    }
    this.timer ??= setInterval(() => this.pass(), TURN_MS).unref();
    if (this.text > TURN_TEXT_MAX) this.pass();
  }

  /** The records after … at most after + max; none where the first of them is not here. */
  after(topic: string, partition: number, after: number, max: number): LogRecord[] {
    const kept = this.runs.get(`${topic}/${partition}`);
    const records: LogRecord[] = [];
    if (!kept) return records;
    for (let place = placeOf(kept, after + 1); place < kept.length && records.length < max; place++) {
      const run = kept[place]!;
      const from = after + 1 + records.length;
      if (run.first > from) break;
      run.records ??= run.events.map((event, at) => recordOf(event, run.first + at));
      for (let at = from - run.first; at < run.count && records.length < max; at++) records.push(run.records[at]!);
    }
    return records;
  }

  /** Nothing is known any more: the server may be another one, and may have lost what it had not told its replica. */
  forget(): void {
    this.runs.clear();
    this.text = 0;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private keep(place: string, run: Kept): void {
    const kept = this.runs.get(place);
    if (!kept) {
      this.runs.set(place, [run]);
      return;
    }
    // Two commits may report in either order.
    let at = kept.length;
    while (at > 0 && kept[at - 1]!.first > run.first) at--;
    kept.splice(at, 0, run);
  }

  private pass(): void {
    this.turn++;
    this.text = 0;
    for (const [place, kept] of this.runs) {
      const left = kept.filter((run) => run.turn >= this.turn - 1);
      if (left.length === 0) this.runs.delete(place); else this.runs.set(place, left);
    }
    if (this.runs.size === 0) this.forget();
  }
}

/** The place of the run that may hold a sequence: the last one that begins at it or before. */
function placeOf(kept: readonly Kept[], seq: number): number {
  let place = kept.length - 1;
  while (place > 0 && kept[place]!.first > seq) place--;
  return place;
}

function recordOf({ id, type, subject, tenantId, key, time, traceparent, value }: Said, seq: number): LogRecord {
  return { seq, id, type, subject, tenantId, key, time, traceparent, value };
}
