import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@sluice/db';
import { newLife } from '@sluice/distribution';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { BatchStore, type JournalRow } from './batch.store.js';
import { ChainBroken, ChainStore, type Link } from './chain.store.js';
import { keyOf, noChanges, type Changes } from './changes.js';
import { LoadStore } from './load.store.js';
import { engineMigrations } from './migrations/index.js';

let server: TestDatabase;
let database: Database;
beforeAll(async () => {
  server = await testDatabase({ migrations: engineMigrations });
  database = await Database.open({ url: server.url });
});
afterAll(async () => {
  await database?.close();
  await server?.drop();
});

let partitions = 0;
const journal = (partition: number, link: Link): JournalRow => ({
  partition, batchNo: link.batchNo, topic: 't', first: link.batchNo, last: link.batchNo, parked: [], now: link.now,
});

/** One new lead of each of two tenants, with an attempt, an outbound lead and a counter; all named for the batch. */
function someChanges(partition: number, batchNo: number): Changes {
  const changes = noChanges();
  for (const tenantId of [`a${partition}`, `b${partition}`]) {
    const leadId = `lead "${batchNo}", {quoted}`;
    changes.touched.add(tenantId);
    if (batchNo === 1) changes.tenants.push(tenantId);
    const lead = { leadId, tenantId, campaignId: 'c', receivedAt: 5, attributes: { note: `it's "so",\\ {x}\u001f` } };
    changes.leads.set(keyOf(tenantId, leadId), { lead, life: newLife(), attempts: [{ id: `at${batchNo}`, trigger: 'arrival' }],
      windowGeneration: 0 });
    changes.fresh.add(keyOf(tenantId, leadId));
    changes.attempts.push({
      tenantId, attemptId: `at${batchNo}`, leadId, at: 7, trigger: 'arrival', version: 1, outcome: 'distributed',
      receipt: '{"round":1,"verdicts":[]}',
    });
    changes.outboundLeads.push({
      tenantId, outboundLeadId: `o${batchNo}`, leadId, attemptId: `at${batchNo}`, contractId: 'k', clientId: 'c', priceMinor: 12n,
      currency: 'USD', reservedAt: 7,
    });
    changes.state.push({ tenantId, key: 'cap|contract|k|day|count|2026-03-02', value: batchNo });
  }
  return changes;
}

async function commit(partition: number, link: Link, hold?: () => Promise<void>): Promise<void> {
  const changes = someChanges(partition, link.batchNo);
  await database.transaction({ service: 'engine', tenants: [...changes.touched] }, async (tx) => {
    await new ChainStore(database).move(tx, partition, link);
    await new BatchStore(database).write(tx, changes, journal(partition, link));
    await hold?.();
  });
}

/** What stands of a partition, whatever the role may see. */
async function standing(partition: number): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM engine.leads WHERE tenant_id = ANY ($1)) AS leads,
            (SELECT count(*)::int FROM engine.attempts WHERE tenant_id = ANY ($1)) AS attempts,
            (SELECT count(*)::int FROM engine.outbound_leads WHERE tenant_id = ANY ($1)) AS outbound,
            (SELECT count(*)::int FROM engine.journal WHERE partition = $2) AS journal,
            (SELECT batch_no::int FROM engine.chain WHERE partition = $2) AS batch`, [[`a${partition}`, `b${partition}`], partition]);
  return rows[0]!;
}

describe('the chain of a partition', () => {
  const chain = () => new ChainStore(database);

  it('lets batches in one after the other', async () => {
    const partition = ++partitions;
    const { epoch } = await chain().raiseEpoch(partition);
    await commit(partition, { epoch, batchNo: 1, now: 10 });
    await commit(partition, { epoch, batchNo: 2, now: 20 });
    expect(await standing(partition)).toEqual({ leads: 4, attempts: 4, outbound: 4, journal: 2, batch: 2 });
    expect(await chain().raiseEpoch(partition)).toEqual({ epoch: epoch + 1, batchNo: 2, now: 20 });
  });

  it('writes nothing of a batch with a stale epoch', async () => {
    const partition = ++partitions;
    const { epoch } = await chain().raiseEpoch(partition);
    await commit(partition, { epoch, batchNo: 1, now: 10 });
    await chain().raiseEpoch(partition);
    await expect(commit(partition, { epoch, batchNo: 2, now: 20 })).rejects.toThrow(ChainBroken);
    expect(await standing(partition)).toEqual({ leads: 2, attempts: 2, outbound: 2, journal: 1, batch: 1 });
  });

  it('writes nothing of a batch whose predecessor did not commit, nor of one that committed already', async () => {
    const partition = ++partitions;
    const { epoch } = await chain().raiseEpoch(partition);
    await expect(commit(partition, { epoch, batchNo: 2, now: 20 })).rejects.toThrow(ChainBroken);
    await commit(partition, { epoch, batchNo: 1, now: 10 });
    await expect(commit(partition, { epoch, batchNo: 1, now: 10 })).rejects.toThrow(ChainBroken);
    expect(await standing(partition)).toEqual({ leads: 2, attempts: 2, outbound: 2, journal: 1, batch: 1 });
  });

  it('has a take-over wait for the commit that is under way, and load what it wrote', async () => {
    const partition = ++partitions;
    const { epoch } = await chain().raiseEpoch(partition);
    let finish: () => void = () => undefined;
    let written: () => void = () => undefined;
    const hasWritten = new Promise<void>((resolve) => { written = resolve; });
    const committing = commit(partition, { epoch, batchNo: 1, now: 10 }, () => new Promise((resolve) => { finish = resolve; written(); }));
    await hasWritten;
    let raised = false;
    const taking = chain().raiseEpoch(partition).then((link) => { raised = true; return link; });
    await waiting();
    expect(raised).toBe(false);
    finish();
    await committing;
    expect((await taking).batchNo).toBe(1);
    const record = await new LoadStore(database).partition(partition);
    expect(record.tenants.map(({ tenantId, state }) => [tenantId, [...state]])).toEqual([`a${partition}`, `b${partition}`].map((tenantId) =>
      [tenantId, [{ key: 'cap|contract|k|day|count|2026-03-02', value: 1 }]]));
  });

  it('lets a batch in that waited for the one before it, although the row had not moved when it asked', async () => {
    const partition = ++partitions;
    const { epoch } = await chain().raiseEpoch(partition);
    let finish: () => void = () => undefined;
    let written: () => void = () => undefined;
    const hasWritten = new Promise<void>((resolve) => { written = resolve; });
    const first = commit(partition, { epoch, batchNo: 1, now: 10 }, () => new Promise((resolve) => { finish = resolve; written(); }));
    await hasWritten;
    const second = commit(partition, { epoch, batchNo: 2, now: 20 });
    await waiting();
    finish();
    await Promise.all([first, second]);
    expect((await standing(partition)).batch).toBe(2);
  });

  /** Until somebody waits for the chain's row lock. */
  async function waiting(): Promise<void> {
    for (;;) {
      const { rows } = await database.pool.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'
        AND query LIKE '%engine.chain%' AND datname = current_database()`);
      if (rows.length > 0) return;
    }
  }
});

describe('what a batch wrote', () => {
  it('is read back as it was, and by its own tenant alone', async () => {
    const partition = ++partitions;
    const { epoch } = await new ChainStore(database).raiseEpoch(partition);
    await commit(partition, { epoch, batchNo: 1, now: 10 });
    const store = new BatchStore(database);
    const leadId = 'lead "1", {quoted}';
    const found = await store.leads([{ tenantId: `a${partition}`, leadId }, { tenantId: `a${partition}`, leadId: 'none' }]);
    expect([...found.values()]).toEqual([[...someChanges(partition, 1).leads.values()][0]]);
    const asOther = await database.transaction({ service: 'engine', tenants: [`b${partition}`] }, (tx) =>
      tx.query('SELECT 1 FROM engine.leads WHERE tenant_id = $1', [`a${partition}`]));
    expect(asOther).toEqual([]);
  });

  it('changes what was there: a lead, its outbound lead, a counter, what waited', async () => {
    const partition = ++partitions;
    const { epoch } = await new ChainStore(database).raiseEpoch(partition);
    await commit(partition, { epoch, batchNo: 1, now: 10 });
    const tenantId = `a${partition}`;
    const [key, stored] = [...someChanges(partition, 1).leads][0]!;
    const changes = noChanges();
    changes.touched.add(tenantId);
    changes.leads.set(key, { ...stored, life: { ...stored.life, rounds: 3 },
      attempts: [...stored.attempts, { id: 'x', trigger: 'manual' }], windowGeneration: 4 });
    changes.settled.set('o1', { tenantId, outboundLeadId: 'o1', state: 'accepted', at: 20 });
    changes.state.push({ tenantId, key: 'new', value: 1.5 });
    changes.forgotten.push({ tenantId, key: 'cap|contract|k|day|count|2026-03-02' });
    changes.parts.push({ tenantId, version: 2, part: 1, parts: 2, items: '[]' });
    changes.items.push({ tenantId, kind: 'client', id: 'c', version: 1, entry: 1, body: '{"id":"c"}' });
    changes.versions.push({ tenantId, version: 1 });
    changes.waiting.push({ tenantId, topic: 't', seq: 9, kind: 'lead', restsOn: 'L', event: '{"seq":9}' });
    await database.transaction({ service: 'engine', tenants: [tenantId] }, async (tx) => {
      await new ChainStore(database).move(tx, partition, { epoch, batchNo: 2, now: 20 });
      await new BatchStore(database).write(tx, changes, journal(partition, { epoch, batchNo: 2, now: 20 }));
    });
    const found = await new BatchStore(database).leads([{ tenantId, leadId: stored.lead.leadId }]);
    expect([...found.values()]).toMatchObject([{ life: { rounds: 3 }, attempts: [{ id: 'at1', trigger: 'arrival' },
      { id: 'x', trigger: 'manual' }], windowGeneration: 4 }]);
    const { rows } = await database.pool.query('SELECT state, settled_at FROM engine.outbound_leads WHERE tenant_id = $1', [tenantId]);
    expect(rows).toEqual([{ state: 'accepted', settled_at: '20' }]);
    const record = await new LoadStore(database).partition(partition);
    expect(record.tenants[0]).toMatchObject({ tenantId, version: 1, items: [{ kind: 'client', id: 'c', entry: 1, body: { id: 'c' } }],
      parts: [{ version: 2, part: 1, parts: 2 }] });
    expect([...record.tenants[0]!.state]).toEqual([{ key: 'new', value: 1.5 }]);
    expect(record.waiting).toMatchObject([{ tenantId, topic: 't', seq: 9, kind: 'lead', restsOn: 'L', heard: { seq: 9 } }]);
  });
});
