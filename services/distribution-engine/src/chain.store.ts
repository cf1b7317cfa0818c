import { Database, type Tx } from '@sluice/db';
import { crashPoint } from '@sluice/runtime';

/** Where a partition's chain of batches stands. */
export interface Link {
  readonly epoch: number;
  readonly batchNo: number;
  readonly now: number;
}

/** Another member raised the epoch, or a batch before this one did not commit: nothing of this transaction may stand. */
export class ChainBroken extends Error {
  override readonly name = 'ChainBroken';
  /** As a conflict of transactions: of the moment, never the fault of an event in the batch. */
  readonly code = '40001';
}

/** The chain of a partition: the fence that lets one writer's batches in, each after the one before it. */
export class ChainStore {
  constructor(private readonly database: Database) {}

  /**
   * Takes the partition over. The row lock waits for a commit that is under way; whatever a former owner still has in hand fails from
   * now on. What is loaded after this is therefore all there is.
   */
  async raiseEpoch(partition: number): Promise<Link> {
    crashPoint('engine.before-epoch');
    const link = await this.database.transaction({ service: 'engine', tenants: [] }, async (tx) => {
      const [row] = await tx.query<{ epoch: string; batch_no: string; now: string }>(
        `INSERT INTO engine.chain AS c (partition, epoch, batch_no, now) VALUES ($1, 1, 0, 0)
         ON CONFLICT (partition) DO UPDATE SET epoch = c.epoch + 1 RETURNING epoch, batch_no, now`, [partition]);
      return { epoch: Number(row!.epoch), batchNo: Number(row!.batch_no), now: Number(row!.now) };
    });
    crashPoint('engine.epoch-raised');
    return link;
  }

  /**
   * Moves the chain from `batchNo` − 1 to `batchNo`, as the first thing of a batch's transaction. The row is locked by its key alone, and
   * moved by a statement of its own: a condition on the locking statement would be tested against the state before a commit that is
   * under way. Both go in one round trip; they hold numbers only.
   */
  async move(tx: Tx, partition: number, { epoch, batchNo, now }: Link): Promise<void> {
    const numbers = [partition, epoch, batchNo, now];
    if (!numbers.every(Number.isSafeInteger)) throw new Error(`no link of a chain: ${numbers.join(', ')}`);
    const results = await tx.client.query(
      `SELECT 1 FROM engine.chain WHERE partition = ${partition} FOR UPDATE;
       UPDATE engine.chain SET batch_no = ${batchNo}, now = ${now}
        WHERE partition = ${partition} AND epoch = ${epoch} AND batch_no = ${batchNo - 1}`,
    ) as unknown as { rowCount: number }[];
    if (results[1]?.rowCount !== 1) throw new ChainBroken(`partition ${partition}: epoch ${epoch} may not commit batch ${batchNo}`);
  }
}
