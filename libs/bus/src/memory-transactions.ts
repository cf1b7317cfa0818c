import type { Database, Tx } from '@sluice/db';

/** Transactions of nothing but their hooks, for simulations whose state is in memory. They run one at a time as far as their hooks go. */
export class MemoryTransactions implements Pick<Database, 'transaction'> {
  async transaction<T>(_scope: Parameters<Database['transaction']>[0], work: (tx: Tx) => Promise<T>): Promise<T> {
    const tx = new MemoryTx();
    try {
      const result = await work(tx);
      for (let i = 0; i < tx.last.length; i++) await tx.last[i]!();
      for (const done of tx.after) done();
      return result;
    } catch (error) {
      for (const undo of tx.undone) undo();
      throw error;
    }
  }
}

class MemoryTx implements Tx {
  readonly last: (() => Promise<void>)[] = [];
  readonly after: (() => void)[] = [];
  readonly undone: (() => void)[] = [];

  get client(): never {
    throw new Error('this transaction is in memory: there is no connection');
  }

  get manager(): never {
    throw new Error('this transaction is in memory: there is no manager');
  }

  query(): never {
    throw new Error('this transaction is in memory: there is nothing to query');
  }

  beforeCommit(work: () => Promise<void>): void {
    this.last.push(work);
  }

  afterCommit(work: () => void): void {
    this.after.push(work);
  }

  onRollback(work: () => void): void {
    this.undone.push(work);
  }
}
