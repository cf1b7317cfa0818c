import { describe, expect, it } from '@jest/globals';
import type { Tx } from '@sluice/db';
import { OutboundLeadAccepted, OutboundLeadRejected } from '@sluice/events';
import { accepted, busSuite, TOPIC, type BusHarness, type Effect } from './bus.suite.js';
import { MemoryBus, MemoryLog, MemoryTransactions, type Batch, type MemoryFaults } from './index.js';

/** Effects in memory, which show once their transaction has committed. */
function memoryHarness(log = new MemoryLog()): BusHarness {
  const transactions = new MemoryTransactions();
  const effects: (Effect & { group: string })[] = [];
  return {
    open: () => Promise.resolve(new MemoryBus(log, transactions)),
    transaction: (work) => transactions.transaction({ service: 'suite', tenants: [] }, work),
    record: (tx, group, { topic, partition }, events) => {
      tx.afterCommit(() => {
        for (const { seq, id, tenantId, subject } of events) effects.push({ group, topic, partition, seq, id, tenantId, subject });
      });
      return Promise.resolve();
    },
    truncate: (tx, group) => {
      tx.afterCommit(() => effects.splice(0, effects.length, ...effects.filter((effect) => effect.group !== group)));
      return Promise.resolve();
    },
    effects: (group) => Promise.resolve(effects.filter((effect) => effect.group === group)),
    close: () => Promise.resolve(),
  };
}

busSuite('in memory', () => Promise.resolve(memoryHarness()));

describe('a simulation', () => {
  const EVERY: MemoryFaults = { duplicate: 0.1, delay: 0.2, crashBeforeCommit: 0.1, crashAfterCommit: 0.1, reorder: true };

  /** Ten tenants' events through a consumer and an owner; what came of it, in the order it happened. */
  async function simulate(seed: string, faults: MemoryFaults) {
    const log = new MemoryLog({ seed, faults });
    const harness = memoryHarness(log);
    const bus = await harness.open();
    const happened: string[] = [];
    const loads = { n: 0 };
    await bus.subscribe({
      group: 'consumer', service: 'suite', topics: [TOPIC], types: [OutboundLeadAccepted.type], batchMax: 8,
      async handle(batch: Batch, tx: Tx) {
        await harness.record(tx, 'consumer', batch, batch.events);
        bus.append(tx, batch.events.map(({ id, subject, tenantId }) => OutboundLeadRejected.make({ tenantId, leadId: subject, outboundLeadId: id, contractId: 'c' } as never, { id: `out-${id}`, time: 0 })));
        tx.afterCommit(() => happened.push(`${batch.partition}:${batch.events.map((event) => event.id).join()}`));
      },
    });
    const ends = new Map<number, Promise<void>>();
    await bus.own({
      group: 'owner', service: 'suite', topics: [TOPIC], types: [OutboundLeadRejected.type], batchMax: 8,
      assigned: () => Promise.resolve(void loads.n++), revoked: () => Promise.resolve(),
      take: (batch) => {
        const committed = (ends.get(batch.partition) ?? Promise.resolve()).then(() => harness.transaction(async (tx) => {
          await harness.record(tx, 'owner', batch, batch.events);
          await bus.settle(tx, batch);
        }));
        ends.set(batch.partition, committed.catch(() => undefined));
        return Promise.resolve({ committed });
      },
    });
    for (let i = 0; i < 20; i++) await harness.transaction(async (tx) => bus.append(tx, Array.from({ length: 10 }, (_, t) => accepted(`${t}-${i}`, { tenantId: `t${t}` }))));
    await log.settled();
    const parked = [...await bus.parked('consumer'), ...await bus.parked('owner')];
    await bus.close();
    return { happened, parked, loads: loads.n, consumed: await harness.effects('consumer'), owned: await harness.effects('owner') };
  }

  it('keeps every promise under every fault', async () => {
    const { consumed, owned, parked, loads } = await simulate('faults', EVERY);
    expect(new Set(consumed.map((effect) => effect.id)).size).toBe(200);
    // An event that stands in the log twice is heard twice; nothing else is.
    expect(consumed.length).toBeGreaterThan(200);
    expect(new Set(consumed.map((effect) => `${effect.partition}/${effect.seq}`)).size).toBe(consumed.length);
    expect(new Set(owned.map((effect) => effect.id)).size).toBe(200);
    expect(parked).toEqual([]);
    expect(loads).toBeGreaterThan(12);
    for (const effects of [consumed, owned]) {
      for (let partition = 0; partition < 12; partition++) {
        const seqs = effects.filter((effect) => effect.partition === partition).map((effect) => effect.seq);
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
      }
    }
  });

  it('does the same again from the same seed, and something else from another', async () => {
    const [first, again, other] = [await simulate('one', EVERY), await simulate('one', EVERY), await simulate('two', EVERY)];
    expect(again.happened).toEqual(first.happened);
    expect(other.happened).not.toEqual(first.happened);
  });
});
