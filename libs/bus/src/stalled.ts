import { PARTITIONS } from './bus.js';

type At = (topic: string, partition: number) => number | undefined;

interface Watched {
  readonly topics: readonly string[];
  /** Undefined: not ours. */
  readonly scanned: At;
  readonly head: At;
  /** When each partition last moved, or had nothing to read; in ms of the process's own clock. */
  readonly moved: Map<string, { at: number; scanned: number }>;
}

/** Ends what looks healthy and does nothing: a partition with something to read that has not moved for too long. */
export class Stalled {
  private readonly groups = new Map<string, Watched>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly limitMs: number,
    private readonly onStalled: (error: Error) => void,
    private readonly before: () => Promise<void>,
  ) {
    this.timer = setInterval(() => void this.look(), Math.min(limitMs / 4, 5_000));
    this.timer.unref();
  }

  watch(handler: { readonly group: string; readonly topics: readonly string[] }, scanned: At, head: At): void {
    this.groups.set(handler.group, { topics: handler.topics, scanned, head, moved: new Map() });
  }

  forget(group: string): void {
    this.groups.delete(group);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.groups.size === 0) return;
    await this.before();
    const now = performance.now();
    for (const [group, watched] of this.groups) {
      for (const topic of watched.topics) {
        for (let partition = 0; partition < PARTITIONS; partition++) this.lookAt(group, watched, topic, partition, now);
      }
    }
  }

  private lookAt(group: string, watched: Watched, topic: string, partition: number, now: number): void {
    const place = `${topic}/${partition}`;
    const scanned = watched.scanned(topic, partition);
    if (scanned === undefined || scanned >= (watched.head(topic, partition) ?? 0) || watched.moved.get(place)?.scanned !== scanned) {
      watched.moved.set(place, { at: now, scanned: scanned ?? -1 });
      return;
    }
    const stalledMs = now - watched.moved.get(place)!.at;
    if (stalledMs > this.limitMs) this.onStalled(new Error(`${group} has not moved on ${place} for ${Math.round(stalledMs / 1000)} s with events to read`));
  }
}
