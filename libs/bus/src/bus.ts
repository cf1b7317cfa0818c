import type { Tx } from '@sluice/db';
import type { Heard, Said } from '@sluice/events';

/** How many partitions each topic has. It never changes: the key's partition must stay the same for ever. */
export const PARTITIONS = 12;

/**
 * Consecutive events of one topic and partition. What was parked or is not listened to is not among the events, but within first … last.
 */
export interface Batch {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The position the group had, plus one. */
  readonly first: number;
  /** The position it has once this batch is settled. */
  readonly last: number;
  readonly events: readonly Heard[];
  /** Sequences within first … last that were set aside as poison, in order: a replay must leave them out too. */
  readonly parked: readonly number[];
}

/** A group that handles a batch in one transaction of the driver: state, events out and position move together or not at all. */
export interface Consumer {
  readonly group: string;
  /** Whose role the transaction takes: `sluice_<service>`. */
  readonly service: string;
  readonly topics: readonly string[];
  /** Full names of the events it listens to; others of these topics are skipped. */
  readonly types: readonly string[];
  /** Most events of a batch; 500 unless set. */
  readonly batchMax?: number;
  handle(batch: Batch, tx: Tx): Promise<void>;
}

/**
 * A group that keeps state in memory and commits by itself (the engine). All batches of a partition, of whatever topic, come one after
 * another through `take`; the next may come while the commit of the last is under way.
 */
export interface PartitionOwner {
  readonly group: string;
  readonly service: string;
  readonly topics: readonly string[];
  readonly types: readonly string[];
  readonly batchMax?: number;
  /** This member owns the partition now, or must load it anew after a failure. Answers once it is loaded. */
  assigned(partition: number): Promise<void>;
  /** The partition went to another member, or its state is to be thrown away. */
  revoked(partition: number): Promise<void>;
  /**
   * Decides a batch and begins its transaction, in which it must call `bus.settle(tx, batch)`. The outer promise answers once the batch
   * is decided; `committed` once its transaction ended. Where that fails the driver calls `revoked` and `assigned` and reads again from
   * the positions.
   */
  take(batch: Batch): Promise<{ committed: Promise<void> }>;
}

export interface Subscription {
  /** Ends at the end of the running batch, and gives the partitions back. */
  close(): Promise<void>;
}

/** How far a group is behind. */
export interface Lag {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly head: number;
  /** Milliseconds since the oldest event that the group has not handled was appended; 0 where there is none. */
  readonly ageMs: number;
}

/** An event set aside, or one that waits behind such an event of its subject. */
export interface ParkedEvent {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly seq: number;
  readonly subject: string;
  readonly tenantId: string;
  readonly type: string;
  readonly reason: string;
  /** True where the event itself is sound and only waits behind another of its subject. */
  readonly waits: boolean;
}

/** The log. One suite holds its promises against every driver. */
export abstract class Bus {
  /** Buffers events; they enter the log as the last statements before COMMIT, and wake their readers after it. */
  abstract append(tx: Tx, events: readonly Said[]): void;
  abstract subscribe(consumer: Consumer): Promise<Subscription>;
  abstract own(owner: PartitionOwner): Promise<Subscription>;
  /** Moves the position of a partition owner's group over the batch; throws where it is not where the batch was read (a stale member). */
  abstract settle(tx: Tx, batch: Batch): Promise<void>;
  /**
   * The group exists from now on: it starts at the beginning of the log, and nothing it has not read is thrown away. Where retention has
   * dropped that beginning it throws BelowRetained: the owners publish their state anew first, then `atRetained` has it start at what is
   * left.
   */
  abstract register(group: string, topics: readonly string[], options?: { readonly atRetained?: boolean }): Promise<void>;
  abstract lag(group: string): Promise<Lag[]>;
  abstract parked(group: string, tenantId?: string): Promise<ParkedEvent[]>;
  /** Appends a record that has the parked event, and what waits behind it, handled again in its place. */
  abstract redrive(group: string, topic: string, partition: number, seq: number): Promise<void>;
  /**
   * For projections only: `truncate` empties the tables in the same transaction that sets the group back to the start. Throws for a
   * partition owner's group, and BelowRetained as `register` does.
   */
  abstract reset(group: string, truncate: (tx: Tx) => Promise<void>, options?: { readonly atRetained?: boolean }): Promise<void>;
  /**
   * The events of a batch that was handled before, read again: the same sequences, `parked` left out, redriven ones in their place. For
   * replays; throws LogGap where retention has dropped them.
   */
  abstract replay(batch: Pick<Batch, 'group' | 'topic' | 'partition' | 'first' | 'last' | 'parked'>, types: readonly string[]): Promise<Heard[]>;
  /**
   * Keeps retention from dropping what follows these positions, as if a group called `name` stood there (a snapshot). Moves with each
   * call.
   */
  abstract hold(tx: Tx, name: string, positions: readonly { topic: string; partition: number; position: number }[]): Promise<void>;
  abstract close(): Promise<void>;
}
