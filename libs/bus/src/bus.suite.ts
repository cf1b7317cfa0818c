import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Tx } from '@sluice/db';
import { LeadReturned, OutboundLeadAccepted, OutboundLeadRejected, type Said } from '@sluice/events';
import { partitionOf } from '@sluice/kernel';
import type { Batch, Bus, Consumer, ParkedEvent, PartitionOwner } from './bus.js';

/** What a driver's spec gives the suite. Effects are written in the transaction of the batch, so that they come and go with it. */
export interface BusHarness {
  /** A bus of its own, as another process would have: for two members, or a first and a second life. */
  open(): Promise<Bus>;
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Writes that a group handled events. */
  record(tx: Tx, group: string, batch: Pick<Batch, 'topic' | 'partition'>, events: Batch['events']): Promise<void>;
  /** Empties the effects of a group. */
  truncate(tx: Tx, group: string): Promise<void>;
  effects(group: string): Promise<Effect[]>;
  close(): Promise<void>;
}

export interface Effect {
  readonly topic: string;
  readonly partition: number;
  readonly seq: number;
  readonly id: string;
  readonly tenantId: string;
  readonly subject: string;
}

export const TOPIC = 'sluice.delivery';
const TENANTS = ['tenant-a', 'tenant-b'] as const;
let counter = 0;

/** A group of its own for each test, so that tests share a log and not a position. */
export const groupName = () => `g${process.pid}_${++counter}`;

export function accepted(id: string, about: { tenantId?: string; leadId?: string } = {}): Said {
  const data = { tenantId: about.tenantId ?? TENANTS[0], leadId: about.leadId ?? `lead-${id}`, outboundLeadId: `o-${id}`, contractId: 'c' };
  return OutboundLeadAccepted.make(data as never, { id, time: 1_700_000_000_000, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
}

function returned(id: string): Said {
  return LeadReturned.make({
    tenantId: TENANTS[0], returnId: `r-${id}`, leadId: `lead-${id}`, outboundLeadId: `o-${id}`, contractId: 'c', clientId: 'b', reason: 'x', at: '2026-03-02T12:00:00Z',
  }, { id, time: 1_700_000_000_000 });
}

export async function eventually<T>(what: () => Promise<T> | T, check: (value: T) => void, timeoutMs = 30_000): Promise<T> {
  for (const end = performance.now() + timeoutMs; ;) {
    const value = await what();
    try {
      check(value);
      return value;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The promises of the log, for every driver. */
export function busSuite(name: string, start: () => Promise<BusHarness>): void {
  describe(`the log, ${name}`, () => {
    let harness: BusHarness;
    let bus: Bus;
    let group: string;
    beforeAll(async () => { harness = await start(); }, 120_000);
    afterAll(() => harness?.close(), 60_000);
    beforeEach(async () => {
      group = groupName();
      bus = await harness.open();
    });
    afterEach(() => bus.close());

    const say = (events: readonly Said[], by: Bus = bus) => harness.transaction(async (tx) => by.append(tx, events));
    const ids = (from: string, n: number) => Array.from({ length: n }, (_, i) => `${group}-${from}${i}`);
    const mine = async (of = group) => (await harness.effects(of)).filter((effect) => effect.id.startsWith(`${group}-`));
    const heardIds = async () => (await mine()).map((effect) => effect.id);
    const consumer = (more: Partial<Consumer> = {}): Consumer => ({
      group, service: 'suite', topics: [TOPIC], types: [OutboundLeadAccepted.type], handle: (batch, tx) => harness.record(tx, group, batch, batch.events), ...more,
    });
    const settledAll = () => eventually(() => bus.lag(group), (lag) => expect(lag.filter((l) => l.position < l.head)).toEqual([]));
    /** The log is shared by the tests: what others poisoned is parked here as well. */
    const parkedHere = async (of: Bus = bus): Promise<ParkedEvent[]> =>
      (await of.parked(group)).filter((event) => event.subject.includes(group));

    it('hands each tenant\'s events over in the order they were said, with what was said', async () => {
      await bus.subscribe(consumer());
      for (let i = 0; i < 10; i++) await say(TENANTS.flatMap((tenantId) => [accepted(`${group}-${tenantId}-${i}x`, { tenantId }), accepted(`${group}-${tenantId}-${i}y`, { tenantId })]));
      await eventually(mine, (effects) => expect(effects.length).toBe(40));
      for (const tenantId of TENANTS) {
        const heard = (await mine()).filter((effect) => effect.tenantId === tenantId);
        expect(heard.map((effect) => effect.id)).toEqual(Array.from({ length: 10 }, (_, i) => [`${group}-${tenantId}-${i}x`, `${group}-${tenantId}-${i}y`]).flat());
        expect(new Set(heard.map((effect) => effect.partition))).toEqual(new Set([partitionOf(tenantId, 12)]));
      }
    });

    it('gives each batch as consecutive events of one topic and partition, with a dense sequence', async () => {
      const batches: Batch[] = [];
      await say(ids('e', 25).map((id) => accepted(id)));
      await bus.subscribe(consumer({
        batchMax: 10,
        handle: async (batch, tx) => { batches.push(batch); await harness.record(tx, group, batch, batch.events); },
      }));
      await eventually(heardIds, (heard) => expect(heard).toEqual(ids('e', 25)));
      for (const batch of batches) {
        expect(batch.events.length).toBeLessThanOrEqual(10);
        expect(batch.events.map((event) => event.seq)).toEqual(batch.events.map((_, i) => batch.events[0]!.seq + i));
        expect(batch.first).toBeLessThanOrEqual(batch.events[0]!.seq);
        expect(batch.last).toBeGreaterThanOrEqual(batch.events.at(-1)!.seq);
      }
      const own = batches.filter((batch) => batch.partition === partitionOf(TENANTS[0], 12));
      own.slice(1).forEach((batch, i) => expect(batch.first).toBe(own[i]!.last + 1));
      expect(batches.flatMap((batch) => batch.events).find((event) => event.id === `${group}-e3`)).toMatchObject({
        type: OutboundLeadAccepted.type, subject: `lead-${group}-e3`, time: 1_700_000_000_000,
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', data: { outboundLeadId: `o-${group}-e3` },
      });
    });

    it('shows nothing before the commit, and nothing at all of what is rolled back', async () => {
      await bus.subscribe(consumer());
      let release!: () => void;
      const held = new Promise<void>((resolve) => { release = resolve; });
      const open = harness.transaction(async (tx) => { bus.append(tx, [accepted(`${group}-late`)]); await held; });
      await harness.transaction(async (tx) => {
        bus.append(tx, [accepted(`${group}-never`)]);
        throw new Error('changed my mind');
      }).catch(() => undefined);
      await say([accepted(`${group}-first`)]);
      await eventually(heardIds, (heard) => expect(heard).toEqual([`${group}-first`]));
      release();
      await open;
      await eventually(heardIds, (heard) => expect(heard).toEqual([`${group}-first`, `${group}-late`]));
      await settledAll();
      expect(await heardIds()).toEqual([`${group}-first`, `${group}-late`]);
    });

    it('loses nothing when transactions commit in another order than they began, and does not deadlock', async () => {
      await bus.subscribe(consumer());
      const all = ids('c', 60);
      // Each says something in both partitions, half of them in the other order.
      await Promise.all(all.map(async (id, i) => harness.transaction(async (tx) => {
        const both = TENANTS.map((tenantId) => accepted(`${id}/${tenantId}`, { tenantId }));
        bus.append(tx, i % 2 ? both : both.reverse());
        await new Promise((resolve) => setTimeout(resolve, (i * 7) % 30));
      })));
      await eventually(heardIds, (heard) => expect([...heard].sort()).toEqual(all.flatMap((id) => TENANTS.map((tenantId) => `${id}/${tenantId}`)).sort()));
    });

    it('skips what the group does not listen to', async () => {
      await bus.subscribe(consumer({ types: [OutboundLeadRejected.type] }));
      await say([...ids('s', 5).map((id) => accepted(id)), { ...accepted(`${group}-no`), type: OutboundLeadRejected.type }]);
      await eventually(heardIds, (heard) => expect(heard).toEqual([`${group}-no`]));
      await say(ids('t', 5).map((id) => accepted(id)));
      await settledAll();
      expect(await heardIds()).toEqual([`${group}-no`]);
    });

    it('a group that comes later hears all from the beginning', async () => {
      await say(ids('b', 3).map((id) => accepted(id)));
      await bus.register(group, [TOPIC]);
      await say([accepted(`${group}-b3`)]);
      await bus.subscribe(consumer());
      await eventually(heardIds, (heard) => expect(heard).toEqual(ids('b', 4)));
    });

    it('a group that listens to one topic more hears that from its start, and goes on in the others', async () => {
      const before = await bus.subscribe(consumer());
      await say([accepted(`${group}-a0`), returned(`${group}-r0`)]);
      await eventually(heardIds, (heard) => expect(heard).toEqual([`${group}-a0`]));
      await before.close();
      await say([returned(`${group}-r1`), accepted(`${group}-a1`)]);
      await bus.subscribe(consumer({ topics: [TOPIC, LeadReturned.topic.name], types: [OutboundLeadAccepted.type, LeadReturned.type] }));
      await say([returned(`${group}-r2`)]);
      await eventually(heardIds, (heard) => expect([...heard].sort()).toEqual(['a0', 'a1', 'r0', 'r1', 'r2'].map((id) => `${group}-${id}`)));
    });

    it('moves the position only with the state: a batch that fails at its end leaves neither', async () => {
      let failures = 2;
      await bus.subscribe(consumer({
        handle: async (batch, tx) => {
          await harness.record(tx, group, batch, batch.events);
          if (batch.events.some((event) => event.id === `${group}-m1`) && failures-- > 0) throw new Error('full of bugs');
        },
      }));
      await say(ids('m', 3).map((id) => accepted(id)));
      await eventually(heardIds, (heard) => expect(heard).toEqual(ids('m', 3)));
      expect(await parkedHere()).toEqual([]);
    });

    it('parks an event that keeps failing under its subject, and nothing else', async () => {
      await bus.subscribe(consumer({
        handle: async (batch, tx) => {
          if (batch.events.some((event) => event.id === `${group}-p1`)) throw new Error('poison');
          await harness.record(tx, group, batch, batch.events);
        },
      }));
      await say([accepted(`${group}-p0`, { leadId: `${group}-x` }), accepted(`${group}-p1`, { leadId: `${group}-x` }), accepted(`${group}-p2`), accepted(`${group}-p3`, { leadId: `${group}-x` })]);
      await eventually(heardIds, (heard) => expect(heard).toEqual([`${group}-p0`, `${group}-p2`]));
      await say([accepted(`${group}-p4`), accepted(`${group}-p5`, { leadId: `${group}-x` })]);
      await eventually(heardIds, (heard) => expect(heard).toEqual([`${group}-p0`, `${group}-p2`, `${group}-p4`]));
      await settledAll();
      const parked = await parkedHere();
      expect(parked.map(({ subject, waits, tenantId }) => ({ subject, waits, tenantId }))).toEqual([
        { subject: `${group}-x`, waits: false, tenantId: TENANTS[0] }, { subject: `${group}-x`, waits: true, tenantId: TENANTS[0] }, { subject: `${group}-x`, waits: true, tenantId: TENANTS[0] },
      ]);
      expect(parked[0]!.reason).toContain('poison');
      expect(await bus.parked(group, TENANTS[1])).toEqual([]);
    });

    it('parks bytes that nobody can read, and a type that is newer than the process', async () => {
      await bus.subscribe(consumer());
      await say([
        { ...accepted(`${group}-u0`), value: '{"leadId": 7' }, accepted(`${group}-u1`),
        { ...accepted(`${group}-u2`), type: 'sluice.delivery.v9.LeadTeleported' }, { ...accepted(`${group}-u3`), value: '{"tenantId":"tenant-a"}' },
      ]);
      await eventually(heardIds, (heard) => expect(heard).toEqual([`${group}-u1`]));
      await eventually(parkedHere, (parked) => expect(parked.map((event) => event.reason)).toEqual([
        expect.stringContaining('not JSON'), expect.stringContaining('unknown type'), expect.stringContaining('/leadId: required'),
      ]));
    });

    it('redrives a parked event and what waits behind it, in order, and lets later ones follow', async () => {
      let broken = true;
      await bus.subscribe(consumer({
        handle: async (batch, tx) => {
          if (broken && batch.events.some((event) => event.id === `${group}-r0`)) throw new Error('a bug of ours');
          await harness.record(tx, group, batch, batch.events);
        },
      }));
      const lead = { leadId: `${group}-y` };
      await say([accepted(`${group}-r0`, lead), accepted(`${group}-r1`, lead)]);
      const [first] = await eventually(parkedHere, (parked) => expect(parked.length).toBe(2));
      await bus.redrive(group, first!.topic, first!.partition, first!.seq);
      // Still broken: it is set aside again, and what waits does not overtake it.
      await settledAll();
      await eventually(parkedHere, (parked) => expect(parked.map((event) => event.waits)).toEqual([false, true]));
      expect(await heardIds()).toEqual([]);
      broken = false;
      await bus.redrive(group, first!.topic, first!.partition, first!.seq);
      await say([accepted(`${group}-r2`, lead)]);
      await eventually(heardIds, (heard) => expect(heard).toEqual(ids('r', 3)));
      expect(await parkedHere()).toEqual([]);
      expect(new Set((await mine()).map((effect) => effect.seq)).size).toBe(3);
      await expect(bus.redrive(group, first!.topic, first!.partition, first!.seq)).rejects.toThrow('nothing parked');
    });

    it('builds a projection again from a position set back', async () => {
      await bus.subscribe(consumer());
      await say(TENANTS.flatMap((tenantId) => ids(`z${tenantId}`, 20).map((id) => accepted(id, { tenantId }))));
      await eventually(mine, (effects) => expect(effects.length).toBe(40));
      await settledAll();
      const before = await harness.effects(group);
      await bus.reset(group, (tx) => harness.truncate(tx, group));
      await eventually(() => harness.effects(group), (effects) => expect(effects.length).toBe(before.length));
      const placed = (effects: Effect[]) => effects.map((effect) => `${effect.partition}/${effect.seq}/${effect.id}`).sort();
      expect(placed(await harness.effects(group))).toEqual(placed(before));
    });

    it('shares the partitions between two members, and each event has its effect once while they come and go', async () => {
      const second = await harness.open();
      const tenants = Array.from({ length: 24 }, (_, i) => `t${i}`);
      const by: Record<string, Set<number>> = { first: new Set(), second: new Set() };
      const member = (who: string): Consumer => consumer({
        handle: async (batch, tx) => { by[who]!.add(batch.partition); await harness.record(tx, group, batch, batch.events); },
      });
      const round = (n: number) => Promise.all(tenants.map((tenantId) => say([accepted(`${group}-${tenantId}-${n}`, { tenantId })])));
      await bus.subscribe(member('first'));
      await round(0);
      const theirs = await second.subscribe(member('second'));
      let rounds = 1;
      await eventually(async () => { await round(rounds++); return by['second']!.size; }, (size) => expect(size).toBeGreaterThanOrEqual(3));
      await theirs.close();
      await round(rounds++);
      await eventually(mine, (effects) => expect(effects.length).toBe(rounds * tenants.length));
      const heard = await heardIds();
      expect(new Set(heard).size).toBe(heard.length);
      for (const tenantId of tenants) {
        const order = heard.filter((id) => id.startsWith(`${group}-${tenantId}-`)).map((id) => Number(id.split('-').at(-1)));
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }
      await second.close();
    });

    describe('a partition owner', () => {
      /** Commits of a partition come one after the other, as the engine's chain has them. */
      const chain = () => {
        const ends = new Map<number, Promise<void>>();
        return (batch: Batch, more: () => Promise<void> = () => Promise.resolve()) => {
          const committed = (ends.get(batch.partition) ?? Promise.resolve()).then(() => harness.transaction(async (tx) => {
            await harness.record(tx, group, batch, batch.events);
            await bus.settle(tx, batch);
            await more();
          }));
          ends.set(batch.partition, committed.catch(() => undefined));
          return committed;
        };
      };
      const owner = (more: Partial<PartitionOwner> & { log?: string[] } = {}): PartitionOwner => {
        const log = more.log ?? [];
        const commit = chain();
        return {
          group, service: 'suite', topics: [TOPIC], types: [OutboundLeadAccepted.type], batchMax: 5,
          assigned: async (partition) => { log.push(`assigned ${partition}`); },
          revoked: async (partition) => { log.push(`revoked ${partition}`); },
          take: async (batch) => ({ committed: commit(batch) }),
          ...more,
        };
      };
      const partition = partitionOf(TENANTS[0], 12);

      it('is given the next batch while the last one commits, all in order', async () => {
        let committing = 0;
        let most = 0;
        const commit = chain();
        await say(ids('o', 40).map((id) => accepted(id)));
        await bus.own(owner({
          take: async (batch) => {
            if (batch.partition !== partition) return { committed: commit(batch) };
            most = Math.max(most, ++committing);
            return { committed: commit(batch, () => new Promise((resolve) => setTimeout(resolve, 20))).finally(() => committing--) };
          },
        }));
        await eventually(heardIds, (heard) => expect(heard).toEqual(ids('o', 40)));
        expect(most).toBe(2);
      });

      it('loses the partition, loads it anew and reads again where a commit fails', async () => {
        const log: string[] = [];
        let failures = 2;
        const commit = chain();
        await bus.own(owner({
          log,
          take: async (batch) => ({ committed: commit(batch, async () => {
            if (batch.events.some((event) => event.id === `${group}-f7`) && failures-- > 0) throw new Error('the chain was broken');
          }) }),
        }));
        await eventually(() => log.length, (n) => expect(n).toBe(12));
        await say(ids('f', 20).map((id) => accepted(id)));
        await eventually(heardIds, (heard) => expect(heard).toEqual(ids('f', 20)));
        expect(log.slice(12)).toEqual(Array(2).fill([`revoked ${partition}`, `assigned ${partition}`]).flat());
      });

      it('has what it cannot take set aside, named in the next batch for a replay', async () => {
        const batches: Batch[] = [];
        const commit = chain();
        await bus.own(owner({
          take: async (batch) => {
            if (batch.events.some((event) => event.id === `${group}-k2`)) throw new Error('cannot be decided');
            return { committed: commit(batch).then(() => { batches.push(batch); }) };
          },
        }));
        await say([...ids('k', 4).map((id) => accepted(id)), { ...accepted(`${group}-k4`), value: 'not JSON' }, accepted(`${group}-k5`)]);
        const fine = [0, 1, 3, 5].map((i) => `${group}-k${i}`);
        await eventually(heardIds, (heard) => expect(heard).toEqual(fine));
        await eventually(() => batches.flatMap((batch) => batch.events).length, (n) => expect(n).toBeGreaterThanOrEqual(4));
        expect((await parkedHere()).length).toBe(2);
        const replayed = [];
        for (const batch of batches) replayed.push(...await bus.replay(batch, [OutboundLeadAccepted.type]));
        expect(replayed.filter((event) => event.id.startsWith(`${group}-`)).map((event) => event.id)).toEqual(fine);
        expect(replayed).toEqual(batches.flatMap((batch) => batch.events));
      });

      it('is never set back', async () => {
        await bus.own(owner());
        await expect(bus.reset(group, () => Promise.resolve())).rejects.toThrow('never set back');
      });
    });
  });
}
