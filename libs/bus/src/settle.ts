import type { Tx } from '@sluice/db';
import type { Said } from '@sluice/events';
import type { Batch } from './bus.js';
import { StaleReader } from './failures.js';
import type { LogStore, Parking } from './log.store.js';
import { REDRIVE, type Redrive } from './log-record.js';
import type { Item, Work } from './sift.js';

/** What settling asks of the place where positions and parked events stand. */
export type SettlingStore = Pick<LogStore, 'move' | 'park' | 'parkAgain' | 'unpark'>;

/** Moves the position over a part, and writes what became of the events in it that were not handled. */
export class Settler {
  /** A batch is known by itself: what is set aside with it is nobody's to lose on the way through a handler. */
  private readonly works = new WeakMap<Batch, Work>();

  constructor(
    private readonly store: SettlingStore,
    private readonly append: (tx: Tx, events: readonly Said[]) => void,
    private readonly now: () => number,
  ) {}

  remember(work: Work): void {
    this.works.set(work.batch, work);
  }

  async settleBatch(tx: Tx, batch: Batch): Promise<void> {
    const work = this.works.get(batch);
    if (!work) throw new Error('settle() takes the very batch that take() was given');
    await this.settle(tx, work);
  }

  /** Throws StaleReader where the position is not where the part was read. */
  async settle(tx: Tx, work: Work): Promise<void> {
    const { group, topic, partition, first, last } = work.batch;
    if (!(await this.store.move(tx, group, topic, partition, first - 1, last, work.brokerOffset)))
      throw new StaleReader(`${group} is not at ${first - 1} of ${topic}/${partition} any more`);
    const parkings = work.items.filter((item): item is Item & { kind: 'parked' } & Parking => item.kind === 'parked');
    if (parkings.length > 0) await this.store.park(tx, group, topic, partition, parkings);
    for (const item of work.items) {
      if (item.kind === 'again') await this.store.parkAgain(tx, group, partition, item.redriven, item.reason);
      if (item.kind !== 'event' || !item.redriven) continue;
      // What came to wait behind it since the redrive follows in its turn.
      const next = await this.store.unpark(tx, group, partition, item.record.subject, item.redriven);
      if (next.length > 0) this.append(tx, this.redrives(group, topic, item.record, next));
    }
  }

  /** The records that name parked events: in the topic that the first redrive went to, so that their order holds. */
  redrives(
    group: string, topic: string, about: { subject: string; tenantId: string; key: string },
    keys: readonly { topic: string; seq: number }[],
  ): Said[] {
    return keys.map((key): Said => {
      const value: Redrive = { group, ...key };
      return {
        id: `redrive/${group}/${key.topic}/${key.seq}`, type: REDRIVE, topic, key: about.key, subject: about.subject, tenantId: about.tenantId,
        time: this.now(), traceparent: undefined, value: JSON.stringify(value),
      };
    });
  }
}
