import { seededRandom, type SeededRandom } from '@sluice/kernel';
import { PARTITIONS } from './bus.js';
import type { Handler } from './handler.js';
import { MemoryStore } from './memory-store.js';
import { PartitionWorker } from './partition-worker.js';
import type { Settler } from './settle.js';

/** How often a fault strikes, each between 0 and 1; none unless set. */
export interface MemoryFaults {
  /** An event stands in the log a second time, under a sequence of its own. */
  readonly duplicate?: number;
  /** A batch waits while others go on. */
  readonly delay?: number;
  /** A commit fails as the process would that dies before it. */
  readonly crashBeforeCommit?: number;
  /** The member of a partition forgets all it has in memory, right after a commit. */
  readonly crashAfterCommit?: number;
  /** Partitions, topics and groups come in any order, and batches are cut anywhere. */
  readonly reorder?: boolean;
}

export interface MemoryLogOptions {
  /** The same seed and the same work give the same run. */
  readonly seed?: string | number;
  readonly faults?: MemoryFaults;
  /** Epoch milliseconds, of the simulation's clock. */
  readonly now?: () => number;
}

interface Member {
  readonly handler: Handler;
  readonly settler: Settler;
  readonly workers: Map<number, PartitionWorker>;
}

interface Ready {
  readonly worker: PartitionWorker;
  readonly handler: Handler;
  readonly topic: string;
  readonly partition: number;
}

/** A log that forgets, and the members that read it, all under one seeded scheduler: one batch after the other. For simulations alone. */
export class MemoryLog {
  readonly store: MemoryStore;
  readonly now: () => number;
  private readonly random: SeededRandom;
  private readonly members: Member[] = [];
  private readonly crashed: { group: string; partition: number }[] = [];
  private running: Promise<void> | undefined;
  private again = false;

  constructor(private readonly options: MemoryLogOptions = {}) {
    this.random = seededRandom(options.seed ?? 1);
    this.now = options.now ?? (() => 0);
    this.store = new MemoryStore(this.random.fork('store'), options.faults ?? {}, this.now, {
      appended: () => this.wake(),
      crashed: (group, partition) => this.crashed.push({ group, partition }),
    });
  }

  async join(handler: Handler, settler: Settler): Promise<() => Promise<void>> {
    const member: Member = { handler, settler, workers: new Map() };
    this.members.push(member);
    await this.rebalance(handler.group);
    return async () => {
      this.members.splice(this.members.indexOf(member), 1);
      await this.rebalance(handler.group, [member]);
    };
  }

  /** Has the readers look, soon. */
  wake(): void {
    if (this.running) this.again = true;
    else this.running = this.run().finally(() => {
      this.running = undefined;
      if (this.again) this.wake();
    });
  }

  /** Answers once every group has handled all there is, what that made it say included. */
  async settled(): Promise<void> {
    do {
      await this.running;
      await Promise.all(this.workers().map((worker) => worker.idle()));
    } while (this.running || this.crashed.length > 0 || this.ready().length > 0);
  }

  async refresh(group: string): Promise<void> {
    for (const { handler, workers } of this.members) {
      if (handler.group === group) for (const worker of workers.values()) await worker.refresh();
    }
    this.wake();
  }

  private async run(): Promise<void> {
    const { faults = {} } = this.options;
    this.again = false;
    for (let ready = await this.look(); ready.length > 0; ready = await this.look()) {
      const next = faults.reorder ? this.random.pick(ready) : ready[0]!;
      if (this.random.chance(faults.delay ?? 0)) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const { worker, handler, topic, partition } = next;
      const first = worker.scanned(topic) + 1;
      const most = faults.reorder ? this.random.int(1, handler.batchMax) : handler.batchMax;
      const last = Math.min(this.store.head(topic, partition), first + most - 1);
      await worker.offer(topic, { first, last, records: this.store.records(topic, partition, first, last) });
    }
    for (const worker of this.workers()) await worker.flush();
  }

  private async look(): Promise<Ready[]> {
    for (const crash of this.crashed.splice(0)) await this.restart(crash.group, crash.partition);
    return this.ready();
  }

  private ready(): Ready[] {
    return this.members.flatMap(({ handler, workers }) => [...workers].flatMap(([partition, worker]) => (worker.ready ? handler.topics : [])
      .filter((topic) => this.store.head(topic, partition) > worker.scanned(topic))
      .map((topic) => ({ worker, handler, topic, partition }))));
  }

  private workers(): PartitionWorker[] {
    return this.members.flatMap(({ workers }) => [...workers.values()]);
  }

  /** Partition p goes to the member at p modulo their number, in the order in which they came. */
  private async rebalance(group: string, left: readonly Member[] = []): Promise<void> {
    const members = this.members.filter((member) => member.handler.group === group);
    for (const member of [...members, ...left]) {
      for (const [partition, worker] of [...member.workers]) {
        if (members.length > 0 && members[partition % members.length] === member) continue;
        member.workers.delete(partition);
        await worker.stop();
      }
    }
    for (let partition = 0; partition < PARTITIONS && members.length > 0; partition++) {
      await this.start(members[partition % members.length]!, partition);
    }
    this.wake();
  }

  private async restart(group: string, partition: number): Promise<void> {
    const member = this.members.find((each) => each.handler.group === group && each.workers.has(partition));
    if (!member) return;
    await member.workers.get(partition)!.stop();
    member.workers.delete(partition);
    await this.start(member, partition);
  }

  private async start(member: Member, partition: number): Promise<void> {
    if (member.workers.has(partition)) return;
    const worker = new PartitionWorker({
      store: this.store, settler: member.settler, handler: member.handler, partition, log: undefined,
      holds: () => member.workers.get(partition) === worker,
      stillHolds: () => Promise.resolve(member.workers.get(partition) === worker),
      onLoaded: () => this.wake(),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
    });
    member.workers.set(partition, worker);
    await worker.start();
  }
}
