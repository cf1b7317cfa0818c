import type { Database } from '@sluice/db';
import { crashPoint } from '@sluice/runtime';
import type { Consumer, PartitionOwner } from './bus.js';
import type { Limit } from './limit.js';
import type { Settler } from './settle.js';
import type { Work } from './sift.js';

/** What becomes of the batches of a group: one shape for consumers and for owners of partitions. */
export interface Handler {
  readonly group: string;
  readonly topics: readonly string[];
  readonly types: ReadonlySet<string>;
  readonly batchMax: number;
  /** How many batches may be uncommitted at once. */
  readonly depth: number;
  assigned(partition: number): Promise<void>;
  revoked(partition: number): Promise<void>;
  deliver(work: Work): Promise<{ committed: Promise<void> }>;
  /** For a part without events for the handler: the position and what is set aside, in a transaction of the driver. */
  settleOnly(work: Work): Promise<void>;
}

export const BATCH_MAX = 500;

interface Tools {
  readonly database: Pick<Database, 'transaction'>;
  readonly settler: Settler;
  readonly limit: Limit;
}

/** One transaction a batch: position, what the handler does, events out. */
export function consumerHandler(consumer: Consumer, tools: Tools): Handler {
  return {
    ...common(consumer, tools),
    depth: 1,
    assigned: () => Promise.resolve(),
    revoked: () => Promise.resolve(),
    async deliver({ batch }) {
      const scope = { service: consumer.service, tenants: tenantsOf(batch.events) };
      await tools.limit.run(() => tools.database.transaction(scope, async (tx) => {
        crashPoint('bus.before-move');
        // First, since it locks the row: a stale member waits here, and fails before it has done anything.
        await tools.settler.settleBatch(tx, batch);
        crashPoint('bus.before-handle');
        await consumer.handle(batch, tx);
        crashPoint('bus.before-commit');
      }));
      return { committed: Promise.resolve() };
    },
  };
}

/** The owner commits by itself; the next batch is decided while the last one commits. */
export function ownerHandler(owner: PartitionOwner, tools: Tools): Handler {
  return {
    ...common(owner, tools),
    depth: 2,
    assigned: (partition) => owner.assigned(partition),
    revoked: (partition) => owner.revoked(partition),
    async deliver({ batch }) {
      const release = await tools.limit.acquire();
      try {
        const { committed } = await owner.take(batch);
        committed.then(release, release);
        return { committed };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

function common(of: Consumer | PartitionOwner, tools: Tools): Pick<Handler, 'group' | 'topics' | 'types' | 'batchMax' | 'settleOnly'> {
  return {
    group: of.group,
    topics: of.topics,
    types: new Set(of.types),
    batchMax: of.batchMax ?? BATCH_MAX,
    settleOnly: (work) => tools.limit.run(() =>
      tools.database.transaction({ service: of.service, tenants: [] }, (tx) => tools.settler.settle(tx, work))),
  };
}

function tenantsOf(events: Work['batch']['events']): string[] {
  return [...new Set(events.map((event) => event.tenantId))];
}
