/** One batch on its way through the engine: the memory it moves, what was fetched for it, and what it changes. */
import type { MarketOptions, Request, ScriptHost, Seed } from '@sluice/distribution';
import type { Heard } from '@sluice/events';
import { derivedId } from '@sluice/kernel';
import { keyOf, noChanges, type Changes, type StoredLead } from './changes.js';
import { byAge, heldLead, type HeldLead } from './held.js';
import { addWaiting, tenantMemory, waitsFor, type PartitionMemory, type TenantMemory, type WaitingRecord } from './memory.js';
import { wokenLeads } from './woken.js';

/** What a step takes from outside, so that a replay can give it the same. */
export interface Tools {
  /** Chance, by tenant (F6). */
  seedOf(tenantId: string): Seed;
  /** Records that a lead was decided and answers the traceparent for what follows from it; a replay answers its argument. */
  trace(leadId: string, parent: string | undefined): string | undefined;
  readonly market: MarketOptions;
  /** Runs the scripts of the tenants; a replay does as well. Without it they have no say. */
  readonly scripts?: ScriptHost;
  /** Told of each attempt before it is decided, so that a replay can look at the memory as it was then; it must leave it so. */
  watch?(attemptId: string, tenant: TenantMemory, stored: StoredLead, request: Request): void;
}

/** Leads as they stood before the batch; undefined = the engine does not have it. */
export type LeadSource = (key: string) => StoredLead | undefined;

export class Run {
  readonly changes: Changes = noChanges();
  readonly batchNo: number;
  readonly nowText: string;
  /**
   * By tenant, the leads that may be tried again when a user is seen: those that were held when the batch began and were fetched with it,
   * and those that it holds itself. With others, which nobody fetched, a replay, which has all, would go another way.
   */
  private readonly atHand: Map<string, HeldLead[]>;
  /** What all ids of a batch have in common: a lead takes four or five of them. */
  private readonly idsBegin: string;
  private place = 0;
  /** Records that waited when the batch began, and wait for something else by now. */
  private readonly waitedBefore = new Set<{ readonly topic: string; readonly seq: number }>();
  /** Records that came into a line in this batch. */
  private readonly joined = new Set<WaitingRecord>();

  constructor(
    readonly memory: PartitionMemory,
    events: readonly Heard[],
    readonly now: number,
    private readonly stored: LeadSource,
    readonly tools: Tools,
  ) {
    this.batchNo = memory.batchNo + 1;
    this.nowText = new Date(now).toISOString();
    this.idsBegin = derivedId(memory.partition, this.batchNo, 0).slice(0, -8);
    this.atHand = wokenLeads(events, memory);
  }

  /** The next id of this batch: it derives from partition, batch and place, so that a replay makes it again. */
  id(): string {
    return this.idsBegin + (this.place++).toString(16).padStart(8, '0');
  }

  tenant(tenantId: string): TenantMemory {
    let tenant = this.memory.tenants.get(tenantId);
    if (!tenant) {
      tenant = tenantMemory({ tenantId, version: 0, items: [], state: [], parts: [], held: [] }, this.now, this.tools.market);
      this.memory.tenants.set(tenantId, tenant);
      this.changes.tenants.push(tenantId);
    }
    this.changes.touched.add(tenantId);
    return tenant;
  }

  lead(tenantId: string, leadId: string): StoredLead | undefined {
    const key = keyOf(tenantId, leadId);
    return this.changes.leads.get(key) ?? this.stored(key);
  }

  /** What is held of a tenant and at hand, the oldest first. */
  heldAtHand({ tenantId, held }: TenantMemory): HeldLead[] {
    return (this.atHand.get(tenantId) ?? []).filter((lead) => held.has(lead)).sort(byAge);
  }

  /** Takes a lead that was attempted among those that are held, or out of them. */
  hold({ tenantId, held }: TenantMemory, stored: StoredLead): void {
    const lead = heldLead(stored);
    if (!lead) return held.remove(stored.lead.leadId);
    if (held.has(lead)) return;
    held.put(lead);
    const atHand = this.atHand.get(tenantId);
    if (atHand) atHand.push(lead); else this.atHand.set(tenantId, [lead]);
  }

  keep(stored: StoredLead, isNew = false): void {
    const key = keyOf(stored.lead.tenantId, stored.lead.leadId);
    this.changes.leads.set(key, stored);
    if (isNew) this.changes.fresh.add(key);
  }

  /** Stores a record until what it rests on is there. */
  wait(heard: Heard, topic: string, kind: 'version' | 'lead', restsOn: string): void {
    const row = { tenantId: heard.tenantId, topic, seq: heard.seq, kind, restsOn, event: JSON.stringify(heard) };
    this.changes.waiting.push(row);
    // It may have waited for something else until now: its row is then changed, not taken.
    const taken = this.changes.taken.findIndex((other) => other.topic === topic && other.seq === heard.seq);
    if (taken >= 0) this.waitedBefore.add(this.changes.taken.splice(taken, 1)[0]!);
    this.join({ ...row, heard });
  }

  /** Into its line as the table has it, by batch and sequence: who loads the lines finds them in the order in which they stand here. */
  private join(record: WaitingRecord): void {
    addWaiting(this.memory.waiting, record);
    this.joined.add(record);
    const line = this.memory.waiting.get(waitsFor(record))!;
    for (let place = line.length - 1; place > 0; place--) {
      const before = line[place - 1]!;
      if (!this.joined.has(before) || before.seq < record.seq || (before.seq === record.seq && before.topic < record.topic)) return;
      [line[place - 1], line[place]] = [record, before];
    }
  }

  /** Takes the records of a line out of the wait. */
  release(line: string, isDue: (restsOn: string) => boolean): { readonly heard: Heard; readonly topic: string }[] {
    const records = this.memory.waiting.get(line);
    if (!records) return [];
    const due = records.filter((record) => isDue(record.restsOn));
    if (due.length === records.length) this.memory.waiting.delete(line);
    else this.memory.waiting.set(line, records.filter((record) => !isDue(record.restsOn)));
    for (const { topic, seq } of due) {
      // What began to wait in this very batch was never stored, unless it waited for something else before.
      const here = this.changes.waiting.findIndex((row) => row.topic === topic && row.seq === seq);
      if (here >= 0) this.changes.waiting.splice(here, 1);
      const before = [...this.waitedBefore].find((row) => row.topic === topic && row.seq === seq);
      if (before) this.waitedBefore.delete(before);
      if (here < 0 || before) this.changes.taken.push({ topic, seq });
    }
    return due;
  }
}
