import { setImmediate as others } from 'node:timers/promises';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { StateEntry } from '@sluice/distribution';
import type { Heard } from '@sluice/events';
import type { JournalRow } from './batch.store.js';
import type { Changes, StoredLead } from './changes.js';
import { placeOfId } from './derived-place.js';
import { Engine } from './engine.service.js';
import { partitionMemory, type PartitionMemory } from './memory.js';
import { pastOf } from './past.js';
import { RebuildStore } from './rebuild.store.js';
import { Recorder, type RecordedMoment } from './recorder.js';
import { SnapshotStore } from './snapshot.store.js';
import { HEARD_TYPES, stepwise } from './step.js';

/**
 * Why a moment cannot be had: it lies before the oldest snapshot · log or journal do not reach back · it is too far from there · it took
 * too long, and asking again gets further · what was decided again is not what was decided.
 */
export type Unreachable = 'before_snapshot' | 'log_gone' | 'too_far' | 'too_long' | 'differs';
export type Rebuilt = { readonly moment: RecordedMoment } | { readonly why: Unreachable };

export interface RebuildLimits {
  /** Records decided again for one question. */
  readonly records: number;
  /** Leads that are held in memory, those of the snapshot among them. */
  readonly leads: number;
  /** From the question on, the time in line behind others included. */
  readonly ms: number;
  /** Records read at once: most of the time of small batches goes into asking for them. */
  readonly read: number;
  /** How long a place in the past is kept for the next question. */
  readonly keptMs: number;
}

/** Eight thousand attempts a second are decided again; a hundred thousand leads take two hundred megabytes for as long as they are kept. */
export const REBUILD_LIMITS: RebuildLimits = { records: 200_000, leads: 100_000, ms: 5_000, read: 2_000, keptMs: 120_000 };

const JOURNAL_PAGE = 1_000;
/** Records between two pauses, in which whatever else this process does goes on. */
const PACE = 32;

/** A partition somewhere in its past. */
interface Past {
  readonly memory: PartitionMemory;
  readonly leads: Map<string, StoredLead>;
  readonly recorders: Map<string, Recorder>;
}

/**
 * The past of a partition, decided again up to the moment of an attempt: from the last snapshot before it, or from the very beginning
 * while the journal reaches back there. Where it came to is kept for a while, so that questions about one lead after the other are quick.
 */
@Injectable()
export class RebuildService implements OnApplicationShutdown {
  limits = REBUILD_LIMITS;
  private readonly store: RebuildStore;
  private readonly snapshots: SnapshotStore;
  private readonly kept = new Map<number, Past>();
  /** One at a time: it costs a core while it goes on. */
  private line: Promise<unknown> = Promise.resolve();
  private forgetting: NodeJS.Timeout | undefined;

  constructor(private readonly engine: Engine) {
    this.store = new RebuildStore(engine.database);
    this.snapshots = new SnapshotStore(engine.database);
  }

  /** The moment before a tenant's attempt, as it was; or why it cannot be had. */
  moment(tenantId: string, attemptId: string): Promise<Rebuilt> {
    const until = this.engine.clock.now() + this.limits.ms;
    const rebuilt = this.line.then(() => this.rebuild(tenantId, attemptId, until));
    this.line = rebuilt.catch(() => undefined);
    return rebuilt;
  }

  onApplicationShutdown(): void {
    clearTimeout(this.forgetting);
    this.kept.clear();
  }

  private async rebuild(tenantId: string, attemptId: string, until: number): Promise<Rebuilt> {
    const place = placeOfId(attemptId);
    if (!place) return { why: 'log_gone' };
    const { partition, batchNo } = place;
    this.forgetLater();
    const known = this.kept.get(partition)?.recorders.get(tenantId)?.moment(attemptId);
    if (known) return { moment: known };
    if (this.engine.clock.now() > until) return { why: 'too_long' };
    try {
      const past = await this.pastBefore(partition, batchNo);
      if ('why' in past) return past;
      const recorder = recorderOf(past, tenantId);
      const why = await this.goOn(past, batchNo, until);
      if (why) return { why };
      const moment = recorder.moment(attemptId);
      return moment ? { moment } : { why: 'differs' };
    } catch (error) {
      this.kept.delete(partition);
      this.engine.log.warn({ partition, batchNo, error: error instanceof Error ? error.message : 'unknown' },
        'the past of a partition could not be decided again');
      return { why: 'log_gone' };
    }
  }

  /** A place before the batch: the one that is kept, or the nearest there is. */
  private async pastBefore(partition: number, batchNo: number): Promise<Past | { readonly why: Unreachable }> {
    const kept = this.kept.get(partition);
    if (kept && kept.memory.batchNo < batchNo) return (await this.tooFar(partition, kept.memory.batchNo, batchNo)) ?? kept;
    const snapshot = await this.store.snapshotBefore(partition, batchNo);
    if (snapshot && snapshot.leads > this.limits.leads) return { why: 'too_far' };
    const why = await this.tooFar(partition, snapshot?.batchNo ?? 0, batchNo);
    if (why) return why;
    this.kept.delete(partition);
    await this.engine.open();
    const loaded = snapshot && await this.snapshots.load(partition, snapshot.batchNo);
    // Forgotten between the two questions: what is younger can still be had, this cannot.
    if (snapshot && !loaded) return { why: 'before_snapshot' };
    const from = { epoch: 0, batchNo: loaded?.batchNo ?? 0, now: loaded?.now ?? 0 };
    const memory = partitionMemory(partition, from, loaded?.record ?? { tenants: [], waiting: [] }, this.engine.market);
    const past: Past = { memory, leads: loaded?.leads ?? new Map(), recorders: new Map() };
    this.kept.set(partition, past);
    return past;
  }

  private async tooFar(partition: number, from: number, batchNo: number): Promise<{ readonly why: Unreachable } | undefined> {
    const { batches, records } = await this.store.distance(partition, from, batchNo);
    if (batches !== batchNo - from) {
      const isForgotten = from === 0 && await this.snapshots.lastTakenAt(partition) !== undefined;
      return { why: isForgotten ? 'before_snapshot' : 'log_gone' };
    }
    return records > this.limits.records ? { why: 'too_far' } : undefined;
  }

  /** Decides on, up to and with the batch; or why it did not come so far. */
  private async goOn(past: Past, batchNo: number, until: number): Promise<Unreachable | undefined> {
    const { memory } = past;
    let unpaused = 0;
    while (memory.batchNo < batchNo) {
      const rows = await this.snapshots.journal(memory.partition, memory.batchNo, batchNo, JOURNAL_PAGE);
      for (const run of runsOf(rows, this.limits.read)) {
        const events = await this.read(run);
        for (const row of run) {
          if (this.engine.clock.now() > until) return 'too_long';
          if (past.leads.size > this.limits.leads) return 'too_far';
          if (row.batchNo !== memory.batchNo + 1) throw new RangeError(`the journal goes from batch ${memory.batchNo} to ${row.batchNo}`);
          await this.decide(past, row, events.get(row.batchNo) ?? []);
          unpaused += row.last - row.first + 1;
          if (unpaused < PACE) continue;
          unpaused = 0;
          await others();
        }
      }
      if (rows.length === 0) throw new RangeError(`the journal ends behind batch ${memory.batchNo}`);
    }
    return undefined;
  }

  /** The events of batches by their numbers: one question a topic, since what one batch of it read ends where the next begins. */
  private async read(run: readonly JournalRow[]): Promise<Map<number, Heard[]>> {
    const found = new Map<number, Heard[]>();
    for (const topic of new Set(run.map((row) => row.topic))) {
      const rows = run.filter((row) => row.topic === topic);
      const { partition, first } = rows[0]!;
      const whole = { group: 'engine', partition, topic, first, last: rows.at(-1)!.last, parked: rows.flatMap((row) => row.parked) };
      const events = await this.engine.bus.replay(whole, HEARD_TYPES);
      let at = 0;
      for (const { batchNo, last } of rows) {
        const from = at;
        while (at < events.length && events[at]!.seq <= last) at++;
        found.set(batchNo, events.slice(from, at));
      }
    }
    return found;
  }

  private async decide(
    { memory, leads, recorders }: Past, { topic, now, partition, counted }: JournalRow, events: readonly Heard[],
  ): Promise<void> {
    const tools = {
      ...this.engine.replayTools(),
      watch: (...[attemptId, tenant, stored, request]: Parameters<NonNullable<ReturnType<Engine['tools']>['watch']>>) =>
        recorders.get(tenant.tenantId)?.attempt(attemptId, tenant, stored, request, now),
    };
    const steps = stepwise(memory, { topic, events }, (key) => leads.get(key), now, tools, PACE);
    const past = pastOf(counted ?? []);
    let changes: Changes;
    for (let entries: readonly StateEntry[] = []; ;) {
      let step;
      try {
        step = steps.next(entries);
      } catch (error) {
        // The memory moved half way: nobody may go on from it.
        this.kept.delete(partition);
        throw error;
      }
      if (step.done) { changes = step.value; break; }
      if (step.value) entries = past(step.value); else await others();
    }
    for (const [key, lead] of changes.leads) leads.set(key, lead);
    for (const [tenantId, recorder] of recorders) recorder.ended(tenantId, changes);
  }

  private forgetLater(): void {
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => this.kept.clear(), this.limits.keptMs);
    this.forgetting.unref();
  }
}

/** Rows of the journal in stretches that are read at once. */
function runsOf(rows: readonly JournalRow[], size: number): JournalRow[][] {
  const runs: JournalRow[][] = [];
  let records = size;
  for (const row of rows) {
    if (records >= size) {
      runs.push([]);
      records = 0;
    }
    runs.at(-1)!.push(row);
    records += row.last - row.first + 1;
  }
  return runs;
}

/** Records a tenant from where the past stands. */
function recorderOf({ memory, recorders }: Past, tenantId: string): Recorder {
  let recorder = recorders.get(tenantId);
  if (!recorder) {
    recorder = new Recorder(memory.tenants.get(tenantId)?.state.entries() ?? []);
    recorders.set(tenantId, recorder);
  }
  return recorder;
}
