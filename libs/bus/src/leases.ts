import type { Log } from '@sluice/runtime';
import type { Lease, LeaseStore } from './leases.store.js';
import type { Wake } from './wake.js';

export interface LeaseHolder {
  /** The partition is this member's from now on. */
  gained(lease: Lease): void;
  /** Ends at the end of the running batch. Called where the partition goes to another member, or has gone. */
  dropped(lease: Lease): Promise<void>;
}

/** Keeps a member's leases of one group: renews them, gives up what is too much, takes what is free. */
export class Leases {
  private readonly held = new Map<number, Lease>();
  /** Partitions whose last batch still runs here. They are not taken again before it has ended. */
  private readonly leaving = new Map<number, Promise<void>>();
  private readonly stopListening: () => void;
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> | undefined;
  private again = false;
  private closed = false;

  constructor(
    private readonly store: LeaseStore,
    private readonly wake: Wake,
    private readonly group: string,
    private readonly holder: LeaseHolder,
    private readonly options: { readonly leaseMs: number; readonly log: Log | undefined },
  ) {
    // A third of the lease, so that one lost round does not lose it; at most 5 s, so that a dead member's partitions soon find another.
    this.timer = setInterval(() => void this.tick(), Math.min(options.leaseMs / 3, 5_000));
    this.timer.unref();
    this.stopListening = wake.onMembers(() => void this.tick());
  }

  async start(): Promise<void> {
    await this.tick();
    this.wake.membersChanged();
  }

  holds(partition: number): boolean {
    return this.held.has(partition);
  }

  /** The holder found that the lease is another's. The next round may take it anew, under another epoch. */
  lost(partition: number): void {
    const lease = this.held.get(partition);
    if (lease) this.letGo(lease, false);
  }

  /** One round, unless one is under way: then another follows it. Never throws: the next round tries again. */
  tick(): Promise<void> {
    if (this.closed) return Promise.resolve();
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = this.round()
      .catch((error: Error) => this.options.log?.warn({ group: this.group, error: error.message }, 'leases could not be renewed'))
      .then(() => {
        this.running = undefined;
        if (!this.again) return;
        this.again = false;
        return this.tick();
      });
    return this.running;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.stopListening();
    this.closed = true;
    this.again = false;
    await this.running;
    await Promise.all(this.leaving.values());
    const leases = [...this.held.values()];
    this.held.clear();
    await Promise.all(leases.map((lease) => this.holder.dropped(lease)));
    // Where this fails the leases lapse: the others see that the process is gone.
    await this.store.release(this.group, this.wake.member, leases).catch(() => undefined);
    await this.store.leave(this.group, this.wake.member).catch(() => undefined);
    this.wake.membersChanged();
  }

  private async round(): Promise<void> {
    const kept = [...this.leaving.keys(), ...this.held.keys()];
    const { leases, surplus } = await this.store.round(this.group, this.wake.member, this.options.leaseMs, kept);
    if (this.closed) return;
    const now = new Map(leases.map((lease) => [lease.partition, lease]));
    for (const lease of [...this.held.values()]) if (now.get(lease.partition)?.epoch !== lease.epoch) this.letGo(lease, false);
    for (const lease of leases) {
      if (this.held.has(lease.partition) || this.leaving.has(lease.partition)) continue;
      this.held.set(lease.partition, lease);
      this.holder.gained(lease);
    }
    const owed = surplus - this.leaving.size;
    if (owed > 0) for (const lease of [...this.held.values()].slice(-owed)) this.letGo(lease, true);
  }

  /** Not awaited by the round: a slow batch of one partition must not keep the others' leases from being renewed. */
  private letGo(lease: Lease, ours: boolean): void {
    this.held.delete(lease.partition);
    const gone = this.holder.dropped(lease)
      .then(() => (ours ? this.store.release(this.group, this.wake.member, [lease]) : undefined))
      .catch(() => undefined)
      .then(() => {
        this.leaving.delete(lease.partition);
        if (ours) this.wake.membersChanged();
        else void this.tick();
      });
    this.leaving.set(lease.partition, gone);
  }
}
