import { randomInt } from 'node:crypto';
import type { Database } from '@sluice/db';
import type { Log } from '@sluice/runtime';
import pg from 'pg';
import type { Head } from './log.store.js';

export interface WakeOptions {
  /** How often all heads are asked for, whatever was heard. One query for all groups and partitions of a process. */
  readonly pollMs: number;
  /** Appends within this time wake the other processes once. */
  readonly coalesceMs: number;
  readonly log: Log | undefined;
  /** What a reader can have: the heads of the log, or of what a relay has carried on. */
  readonly heads: () => Promise<Head[]>;
}

/** The session lock that shows that a member's process lives: the server frees it the moment the connection is gone. */
export const MEMBER_LOCK = 0x51_1ce;

/**
 * Says when there is more to read. One connection of its own listens, wakes the others after commits (never within one: NOTIFY in a
 * transaction makes all commits of the server queue, at half the rate), and carries the lock by which a dead member is known.
 */
export class Wake {
  /** This process among the members of the groups. */
  readonly member = randomInt(1, 2 ** 31 - 1);
  private readonly known = new Map<string, Head>();
  private readonly readers = new Set<(changed: readonly Head[]) => void>();
  private readonly movers = new Set<() => void>();
  private readonly rewinders = new Set<(group: string) => void>();
  private readonly losers = new Set<() => void>();
  private client: pg.Client | undefined;
  private timers: NodeJS.Timeout[] = [];
  private notifying: NodeJS.Timeout | undefined;
  private sending: Promise<unknown> = Promise.resolve();
  private polling: Promise<void> | undefined;
  private pollAgain = false;
  private reconnecting = false;
  private closed = false;

  constructor(private readonly database: Database, private readonly options: WakeOptions) {}

  /** Connects, and starts to poll. Answers once it listens. */
  async start(): Promise<void> {
    await this.connect();
    const poll = setInterval(() => { if (this.readers.size > 0) void this.poll(); }, this.options.pollMs);
    poll.unref();
    this.timers.push(poll);
  }

  /** Called with the partitions that have grown; once at a time for each. Answers how to stop it. */
  onHeads(reader: (changed: readonly Head[]) => void): () => void {
    this.readers.add(reader);
    return () => this.readers.delete(reader);
  }

  /** Called when a member came or went. */
  onMembers(mover: () => void): () => void {
    this.movers.add(mover);
    return () => this.movers.delete(mover);
  }

  /** Called when positions of a group were set back. */
  onRewound(rewinder: (group: string) => void): () => void {
    this.rewinders.add(rewinder);
    return () => this.rewinders.delete(rewinder);
  }

  /** Called when the connection is gone: what answers next may be another server. */
  onLost(loser: () => void): () => void {
    this.losers.add(loser);
    return () => this.losers.delete(loser);
  }

  /** False from `onLost` until another connection listens: so long nobody hears that the server was replaced. */
  get listening(): boolean {
    return this.client !== undefined;
  }

  head(topic: string, partition: number): number {
    return this.known.get(`${topic}/${partition}`)?.head ?? 0;
  }

  /** A commit of this process appended: its own readers go at once, those of other processes shortly. */
  appended(heads: readonly Head[]): void {
    this.take(heads);
    this.announce();
  }

  /** Wakes the readers of other processes shortly. */
  announce(): void {
    this.notifying ??= setTimeout(() => {
      this.notifying = undefined;
      this.send('sluice_log');
    }, this.options.coalesceMs);
  }

  membersChanged(): void {
    this.send('sluice_members');
  }

  rewound(group: string): void {
    this.send('sluice_rewound', group);
  }

  /** Asks for all heads now. Answers once the readers know. */
  poll(): Promise<void> {
    if (this.polling) {
      this.pollAgain = true;
      return this.polling;
    }
    this.polling = this.options.heads().then((heads) => this.take(heads), () => undefined).then(() => {
      this.polling = undefined;
      // What was appended while the question was on its way may be missing from the answer.
      if (this.pollAgain && !this.closed) {
        this.pollAgain = false;
        return this.poll();
      }
    });
    return this.polling;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearInterval(timer);
    clearTimeout(this.notifying);
    if (this.notifying) this.send('sluice_log');
    await Promise.all([this.polling, this.sending]);
    const client = this.client;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }

  private take(heads: readonly Head[]): void {
    const changed: Head[] = [];
    for (const head of heads) {
      const place = `${head.topic}/${head.partition}`;
      // Two commits of this process may report in either order; a head never falls.
      if ((this.known.get(place)?.head ?? 0) >= head.head) continue;
      this.known.set(place, head);
      changed.push(head);
    }
    if (changed.length > 0) for (const reader of this.readers) reader(changed);
  }

  private send(channel: string, payload = String(this.member)): void {
    // A wake that is lost is made good by the poll.
    this.sending = this.sending.then(() => this.client?.query('SELECT pg_notify($1, $2)', [channel, payload])).catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new pg.Client(this.database.pool.options as pg.ClientConfig);
    client.on('error', () => undefined);
    client.on('end', () => void this.reconnect(client));
    client.on('notification', ({ channel, payload }) => {
      if (channel === 'sluice_members') for (const mover of this.movers) mover();
      else if (channel === 'sluice_rewound') for (const rewinder of this.rewinders) rewinder(payload ?? '');
      else if (payload !== String(this.member) && this.readers.size > 0) void this.poll();
    });
    await client.connect();
    // Waking others is not worth a flush to the disk.
    await client.query(`SET synchronous_commit = off; SET application_name = 'sluice-wake'; LISTEN sluice_log; LISTEN sluice_members; LISTEN sluice_rewound`);
    // Not waited for where the server still holds the lock for the connection before: nobody else wants it.
    await client.query('SELECT pg_try_advisory_lock($1, $2)', [MEMBER_LOCK, this.member]);
    this.client = client;
  }

  private async reconnect(ended: pg.Client): Promise<void> {
    // A connection that is refused ends as well: one loop is enough.
    if (this.closed || this.reconnecting || (this.client && this.client !== ended)) return;
    this.reconnecting = true;
    this.client = undefined;
    for (const loser of this.losers) loser();
    this.options.log?.warn({}, 'the connection that wakes the readers of the log is lost; polling until it is back');
    for (let waitMs = 100; !this.closed; waitMs = Math.min(waitMs * 2, 5_000)) {
      await new Promise((resolve) => setTimeout(resolve, waitMs).unref());
      try {
        await this.connect();
        break;
      } catch {
        // The database is not back yet; the next round tries again.
      }
    }
    this.reconnecting = false;
    void this.poll();
    for (const mover of this.movers) mover();
  }
}
