import type { Database, Tx } from '@sluice/db';
import { definitions, topics as knownTopics, type Heard, type Said } from '@sluice/events';
import { crashPoint, type Log } from '@sluice/runtime';
import { Bus, type Batch, type Lag, type ParkedEvent } from './bus.js';
import { BelowRetained, LogGap } from './failures.js';
import { recordsOf, runsOf, RUN_MAX, type LogRecord, type Run } from './log-record.js';
import { LogStore, type Head } from './log.store.js';
import { Settler } from './settle.js';
import { parse, redriveOf } from './sift.js';

/** What both ways to read the table have in common: appending, positions, what is parked. */
export abstract class LogBus extends Bus {
  protected readonly store: LogStore;
  protected readonly settler: Settler;
  private readonly buffers = new WeakMap<Tx, Said[]>();

  protected constructor(protected readonly database: Database, now: () => number, protected readonly log: Log | undefined) {
    super();
    this.store = new LogStore(database);
    this.settler = new Settler(this.store, (tx, events) => this.append(tx, events), now);
  }

  protected abstract appended(heads: readonly Head[], runs: readonly Run[]): void;
  protected abstract rewound(group: string): void;

  override append(tx: Tx, events: readonly Said[]): void {
    if (events.length === 0) return;
    const gathered = this.buffers.get(tx);
    if (gathered) {
      for (const event of events) gathered.push(event);
      return;
    }
    this.buffers.set(tx, [...events]);
    tx.beforeCommit(async () => {
      const said = this.buffers.get(tx)!;
      // What a later last step says begins anew.
      this.buffers.delete(tx);
      const runs = runsOf(said);
      const heads = await this.store.append(tx, runs);
      crashPoint('bus.appended');
      tx.afterCommit(() => this.appended(heads, runs));
    });
  }

  override async settle(tx: Tx, batch: Batch): Promise<void> {
    await this.settler.settleBatch(tx, batch);
  }

  override async register(group: string, topics: readonly string[], options: { readonly atRetained?: boolean } = {}): Promise<void> {
    await this.join({ group, topics }, options);
  }

  /** Registers a group with what its subscription knows of it. */
  protected async join(
    { group, topics, ...as }: { group: string; topics: readonly string[]; service?: string; owned?: boolean },
    options: { readonly atRetained?: boolean } = {},
  ): Promise<void> {
    await this.store.register(group, topics, as);
    await this.startAtRetained(group, topics, options.atRetained ?? false);
  }

  override lag(group: string): Promise<Lag[]> {
    return this.store.lag(group);
  }

  override parked(group: string, tenantId?: string): Promise<ParkedEvent[]> {
    return this.store.parked(group, tenantId);
  }

  override async redrive(group: string, topic: string, partition: number, seq: number): Promise<void> {
    await this.database.transaction({ service: 'log', tenants: [] }, async (tx) => {
      const about = await this.store.subjectOf(tx, group, topic, partition, seq);
      if (!about) throw new Error(`${group} has nothing parked at ${seq} of ${topic}/${partition}`);
      const record = await this.store.parkedRecord(group, topic, partition, seq);
      const keys = await this.store.claimForRedrive(tx, group, partition, about.subject);
      this.append(tx, this.settler.redrives(group, topic, { ...about, key: record?.key ?? about.tenantId }, keys));
    });
  }

  override async reset(group: string, truncate: (tx: Tx) => Promise<void>, options: { readonly atRetained?: boolean } = {}): Promise<void> {
    const registered = await this.store.registration(group);
    if (!registered) throw new Error(`no group is called "${group}"`);
    if (registered.owned) throw new Error(`${group} commits by itself: its state is no projection, and its position is never set back`);
    const dropped = (await this.store.retainedFrom(registered.topics)).find((first) => first.head > 1);
    if (dropped && !options.atRetained) throw belowRetained(group, dropped);
    await this.database.transaction({ service: registered.service ?? group, tenants: [] }, async (tx) => {
      await this.store.rewind(tx, group);
      await truncate(tx);
    });
    this.rewound(group);
  }

  /** The events that a batch held, read again from the log: the same sequences, and no others. For replays. */
  override async replay(batch: Pick<Batch, 'group' | 'topic' | 'partition' | 'first' | 'last' | 'parked'>, types: readonly string[]): Promise<Heard[]> {
    const without = new Set(batch.parked);
    const wanted = new Set(types);
    const events: Heard[] = [];
    for (const record of await this.records(batch.topic, batch.partition, batch.first, batch.last)) {
      if (without.has(record.seq)) continue;
      const named = redriveOf(record, batch.group);
      const told = named ? (await this.records(named.topic, batch.partition, named.seq, named.seq))[0] : record;
      if (!told || !wanted.has(told.type)) continue;
      const heard = parse(told, record.seq);
      if (typeof heard === 'string') throw new Error(`${batch.topic}/${batch.partition} ${record.seq}: ${heard}`);
      events.push(heard);
    }
    return events;
  }

  override async hold(tx: Tx, name: string, positions: readonly { topic: string; partition: number; position: number }[]): Promise<void> {
    await this.store.hold(tx, name, positions);
  }

  protected async ensureTopics(): Promise<void> {
    await this.store.ensureTopics(knownTopics.map((topic) => topic.name));
  }

  private async records(topic: string, partition: number, from: number, to: number): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for (let after = from - 1; after < to;) {
      const runs = await this.store.read(topic, partition, after, Math.min(to - after, RUN_MAX), []);
      const before = after;
      for (const run of runs) {
        records.push(...recordsOf(run.first_seq, { types: run.types, heads: run.heads!, bodies: run.bodies! }, after + 1, to));
        after = Math.min(run.first_seq + run.count - 1, to);
      }
      if (after === before) throw new LogGap(`${topic}/${partition} has nothing at ${after + 1}`);
    }
    return records;
  }

  /**
   * A group that would begin below what retention has left is refused, unless it was told that the owners have published their state
   * anew.
   */
  private async startAtRetained(group: string, topics: readonly string[], atRetained: boolean): Promise<void> {
    const below = (await this.store.retainedFrom(topics)).filter((first) => first.head > 1);
    for (const { topic, partition, head } of below) {
      const at = (await this.store.positions(group, partition)).find((position) => position.topic === topic);
      if ((at?.position ?? 0) >= head - 1) continue;
      if (!atRetained) throw belowRetained(group, { topic, partition });
      await this.store.jump(group, topic, partition, head - 1);
    }
  }
}

const belowRetained = (group: string, { topic, partition }: { topic: string; partition: number }) =>
  new BelowRetained(`${group} starts below what the log retains of ${topic}/${partition}: have its owners publish their state anew, then say atRetained`);

/** Throws where a group would listen to what nobody defines, and so hear nothing. */
export function checkTypes(group: string, types: readonly string[]): void {
  for (const type of types) if (!definitions.has(type)) throw new Error(`${group}: no event is called "${type}"`);
}
