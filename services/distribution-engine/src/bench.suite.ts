/** An engine without a database: what a batch changes is kept in maps. */
import type { ConfigDocument } from '@sluice/distribution';
import type { Said } from '@sluice/events';
import { linearRegex } from '@sluice/scripts';
import { aConfiguration, aDocument, hear, NOON } from './builders.suite.js';
import type { Changes, StoredLead } from './changes.js';
import type { PartitionMemory } from './memory.js';
import { pastIn } from './past.js';
import type { Tools } from './run.js';
import { step } from './step.js';

export const tools: Tools = { seedOf: () => () => 0.5, trace: (_leadId, parent) => parent, market: { regex: linearRegex } };
export const TOPIC = 't';

export class Bench {
  readonly memory: PartitionMemory = { partition: 3, epoch: 1, batchNo: 0, now: NOON, tenants: new Map(), waiting: new Map() };
  readonly leads = new Map<string, StoredLead>();
  private seq = 1;

  constructor(private readonly its: Tools = tools) {}

  batch(said: readonly Said[], now = NOON, topic = TOPIC): Changes {
    const events = hear(said, this.seq);
    this.seq += events.length;
    const changes = step(this.memory, { topic, events }, (key) => this.leads.get(key), now, this.its, pastIn(() => this.leads.values()));
    for (const [key, lead] of changes.leads) this.leads.set(key, lead);
    return changes;
  }

  configured(document: ConfigDocument = aDocument(), tenants: readonly string[] = ['a', 'b']): this {
    this.batch(tenants.flatMap((tenantId) => aConfiguration(tenantId, 1, document)));
    return this;
  }

  used(tenantId: string, contractId: string): number {
    return this.memory.tenants.get(tenantId)!.state.get(`cap|contract|${contractId}|day|count|2026-03-02`);
  }
}
