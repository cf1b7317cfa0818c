import type { Tx } from '@sluice/db';
import type { Said } from '@sluice/events';
import { partitionOf, type SeededRandom } from '@sluice/kernel';
import { PARTITIONS, type Lag, type ParkedEvent } from './bus.js';
import type { LogRecord, RecordKey } from './log-record.js';
import type { LogStore, Parking, Position } from './log.store.js';
import type { MemoryFaults } from './memory-log.js';
import type { SettlingStore } from './settle.js';

interface StoredPosition {
  position: number;
  /** Ends with the transaction that has moved the position: others wait for it, as they would for a row lock. */
  lock: Promise<void> | undefined;
}

interface StoredParked extends Parking, RecordKey {
  readonly group: string;
  readonly partition: number;
  redriven: boolean;
}

/** An error as the database's own going down: never a reason to park. */
class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
  readonly code = '57P01';
}

/** The log, positions and parked events in memory. What a transaction changes shows once it has committed. */
export class MemoryStore implements SettlingStore, Pick<LogStore, 'positions' | 'waiting' | 'parkedRecord'> {
  private readonly log = new Map<string, { record: LogRecord; appendedAt: number }[]>();
  private readonly groups = new Map<string, { topics: Set<string>; owned: boolean; positions: Map<string, StoredPosition> }>();
  private parkedRows: StoredParked[] = [];

  constructor(
    private readonly random: SeededRandom,
    private readonly faults: MemoryFaults,
    private readonly now: () => number,
    private readonly on: { appended: () => void; crashed: (group: string, partition: number) => void },
  ) {}

  append(tx: Tx, events: readonly Said[]): void {
    tx.afterCommit(() => {
      for (const event of events) this.push(event);
      for (const event of events) if (this.random.chance(this.faults.duplicate ?? 0)) this.push(event);
      this.on.appended();
    });
  }

  head(topic: string, partition: number): number {
    return this.log.get(`${topic}/${partition}`)?.length ?? 0;
  }

  records(topic: string, partition: number, from: number, to: number): LogRecord[] {
    return (this.log.get(`${topic}/${partition}`) ?? []).slice(from - 1, to).map((entry) => entry.record);
  }

  register(group: string, topics: readonly string[], owned = false): void {
    const registered = this.groups.get(group) ?? { topics: new Set<string>(), owned, positions: new Map<string, StoredPosition>() };
    this.groups.set(group, { ...registered, owned: registered.owned || owned });
    for (const topic of topics) {
      registered.topics.add(topic);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const place = `${topic}/${partition}`;
        if (!registered.positions.has(place)) registered.positions.set(place, { position: 0, lock: undefined });
      }
    }
  }

  isOwned(group: string): boolean {
    return this.groups.get(group)?.owned ?? false;
  }

  positions(group: string, partition: number): Promise<Position[]> {
    const { topics, positions } = this.groups.get(group)!;
    return Promise.resolve([...topics].map((topic) => ({ topic, position: positions.get(`${topic}/${partition}`)!.position, brokerOffset: null })));
  }

  async move(tx: Tx, group: string, topic: string, partition: number, from: number, to: number): Promise<boolean> {
    const stored = this.groups.get(group)!.positions.get(`${topic}/${partition}`)!;
    while (stored.lock) await stored.lock;
    if (stored.position !== from) return false;
    let unlock!: () => void;
    stored.lock = new Promise((resolve) => {
      unlock = () => {
        stored.lock = undefined;
        resolve();
      };
    });
    tx.onRollback(unlock);
    tx.afterCommit(() => {
      stored.position = to;
      unlock();
      if (this.random.chance(this.faults.crashAfterCommit ?? 0)) this.on.crashed(group, partition);
    });
    if (this.random.chance(this.faults.crashBeforeCommit ?? 0)) tx.beforeCommit(() => Promise.reject(new SimulatedCrash('before the commit')));
    return true;
  }

  rewind(tx: Tx, group: string): void {
    tx.afterCommit(() => {
      for (const stored of this.groups.get(group)!.positions.values()) stored.position = 0;
      this.parkedRows = this.parkedRows.filter((row) => row.group !== group);
    });
  }

  waiting(group: string, partition: number): Promise<(RecordKey & { subject: string })[]> {
    return Promise.resolve(this.parkedRows.filter((row) => row.group === group && row.partition === partition)
      .map(({ topic, seq, record }) => ({ topic, seq, subject: record.subject })));
  }

  parkedRecord(group: string, topic: string, partition: number, seq: number): Promise<LogRecord | undefined> {
    return Promise.resolve(this.find(group, topic, partition, seq)?.record);
  }

  park(tx: Tx, group: string, topic: string, partition: number, parkings: readonly Parking[]): Promise<void> {
    tx.afterCommit(() => {
      for (const parking of parkings) {
        this.parkedRows.push({ ...parking, group, topic, partition, seq: parking.record.seq, redriven: false });
      }
    });
    return Promise.resolve();
  }

  parkAgain(tx: Tx, group: string, partition: number, key: RecordKey, reason: string | undefined): Promise<void> {
    tx.afterCommit(() => {
      this.parkedRows = this.parkedRows.map((row) => (row === this.find(group, key.topic, partition, key.seq)
        ? { ...row, redriven: false, ...(reason === undefined ? {} : { reason, waits: false }) } : row));
    });
    return Promise.resolve();
  }

  unpark(tx: Tx, group: string, partition: number, subject: string, key: RecordKey): Promise<RecordKey[]> {
    const handled = this.find(group, key.topic, partition, key.seq);
    tx.afterCommit(() => { this.parkedRows = this.parkedRows.filter((row) => row !== handled); });
    const left = this.parkedRows.filter((row) =>
      row !== handled && row.group === group && row.partition === partition && row.record.subject === subject);
    return Promise.resolve(left.some((row) => row.redriven) ? [] : this.claim(tx, left));
  }

  /** What is set aside under the subject of an event and is not on its way yet; it is once the transaction commits. */
  claimForRedrive(
    tx: Tx, group: string, topic: string, partition: number, seq: number,
  ): { about: LogRecord; keys: RecordKey[] } | undefined {
    const found = this.find(group, topic, partition, seq);
    if (!found) return undefined;
    const under = (row: StoredParked) => row.group === group && row.partition === partition && row.record.subject === found.record.subject;
    return { about: found.record, keys: this.claim(tx, this.parkedRows.filter((row) => under(row) && !row.redriven)) };
  }

  parked(group: string, tenantId: string | undefined): ParkedEvent[] {
    return this.parkedRows.filter((row) => row.group === group && (tenantId === undefined || row.record.tenantId === tenantId))
      .map(({ topic, partition, seq, record, reason, waits }) => (
        { group, topic, partition, seq, subject: record.subject, tenantId: record.tenantId, type: record.type, reason, waits }));
  }

  lag(group: string): Lag[] {
    return [...this.groups.get(group)!.positions].map(([place, { position }]) => {
      const cut = place.lastIndexOf('/');
      const oldest = this.log.get(place)?.[position];
      return {
        topic: place.slice(0, cut), partition: Number(place.slice(cut + 1)), position, head: this.log.get(place)?.length ?? 0,
        ageMs: oldest ? this.now() - oldest.appendedAt : 0,
      };
    });
  }

  private claim(tx: Tx, rows: readonly StoredParked[]): RecordKey[] {
    tx.afterCommit(() => { for (const row of rows) row.redriven = true; });
    return rows.map(({ topic, seq }) => ({ topic, seq }));
  }

  private find(group: string, topic: string, partition: number, seq: number): StoredParked | undefined {
    return this.parkedRows.find((row) => row.group === group && row.topic === topic && row.partition === partition && row.seq === seq);
  }

  private push(event: Said): void {
    const place = `${event.topic}/${partitionOf(event.key, PARTITIONS)}`;
    const log = this.log.get(place) ?? [];
    this.log.set(place, log);
    const { id, type, subject, tenantId, key, time, traceparent, value } = event;
    log.push({ record: { seq: log.length + 1, id, type, subject, tenantId, key, time, traceparent, value }, appendedAt: this.now() });
  }
}
