/**
 * What a tenant's counters were before each of its last attempts, while a partition is decided again: where they stood at one point, and
 * what changed from attempt to attempt since. Any of these moments can be had at any time; memory holds the counters once.
 */
import { State, type Request, type StateEntry } from '@sluice/distribution';
import type { Changes, StoredLead } from './changes.js';
import type { TenantMemory } from './memory.js';

interface Recorded {
  readonly attemptId: string;
  readonly now: number;
  readonly version: number;
  readonly stored: StoredLead;
  readonly request: Request;
  /** Since the attempt recorded before it, in order. */
  readonly changed: StateEntry[];
}

/** An attempt before it was decided. */
export interface RecordedMoment extends Omit<Recorded, 'changed'> {
  readonly state: State;
}

/** Attempts that are kept: some ten counters change with each. */
const KEPT_MAX = 5_000;
/** Folded together at once, so that it is not done for each. */
const FOLDED = 1_000;

export class Recorder {
  private readonly base = new Map<string, number>();
  private readonly log: Recorded[] = [];
  private pending: StateEntry[] = [];
  /** The first attempt of the batch that is being decided, and how much of what changed before it was of earlier batches. */
  private first: { readonly recorded: Recorded; readonly before: number } | undefined;

  /** `entries`: the counters as they stand; those that change from now on must all be told. */
  constructor(entries: Iterable<StateEntry>, private readonly keptMax = KEPT_MAX, private readonly folded = FOLDED) {
    for (const { key, value } of entries) this.base.set(key, Number(value));
  }

  /** An attempt is about to be decided at `now`. Takes what is dirty: nobody else may want it. */
  attempt(attemptId: string, { state, version }: TenantMemory, stored: StoredLead, request: Request, now: number): void {
    const recorded = { attemptId, now, version, stored, request, changed: [...this.pending, ...state.takeDirty()] };
    this.first ??= { recorded, before: this.pending.length };
    this.pending = [];
    this.log.push(recorded);
  }

  /** A batch was decided: what changed after its last attempt, and what was forgotten as it began. */
  ended(tenantId: string, changes: Changes): void {
    const forgotten = changes.forgotten.filter((row) => row.tenantId === tenantId).map(({ key }) => ({ key, value: 0 }));
    if (this.first) this.first.recorded.changed.splice(this.first.before, 0, ...forgotten);
    else this.pending.push(...forgotten);
    this.first = undefined;
    for (const row of changes.state) if (row.tenantId === tenantId) this.pending.push(row);
    if (this.log.length < this.keptMax + this.folded) return;
    // What was before the first attempt that stays was so before it too.
    for (const { changed } of this.log.splice(0, this.log.length - this.keptMax)) this.put(changed);
  }

  /** The moment before an attempt; undefined where it is not among those that are kept. */
  moment(attemptId: string): RecordedMoment | undefined {
    const place = this.log.findIndex((recorded) => recorded.attemptId === attemptId);
    if (place < 0) return undefined;
    const state = State.load([...this.base].map(([key, value]) => ({ key, value })));
    for (let at = 0; at <= place; at++) state.fill(this.log[at]!.changed);
    const { now, version, stored, request } = this.log[place]!;
    return { attemptId, now, version, stored, request, state };
  }

  private put(changed: readonly StateEntry[]): void {
    for (const { key, value } of changed) {
      if (Number(value) === 0) this.base.delete(key); else this.base.set(key, Number(value));
    }
  }
}
