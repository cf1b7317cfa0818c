import type pg from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';

/** One transaction. It is the first argument of every method of a store, so that no query slips out of it. */
export interface Tx {
  /** The connection, for COPY and the like. */
  readonly client: pg.PoolClient;
  /** TypeORM on this transaction, for administration. */
  readonly manager: EntityManager;
  /** Rows of a statement. With `name` the statement is prepared once a connection. */
  query<R>(text: string, values?: readonly unknown[], name?: string): Promise<R[]>;
  /** Runs as one of the last statements before COMMIT, in the order given. */
  beforeCommit(work: () => Promise<void>): void;
  /** Called once the commit is durable. What it throws is nobody's: catch inside. */
  afterCommit(work: () => void): void;
  /** Called where the transaction did not commit, or where its end is unknown. */
  onRollback(work: () => void): void;
}

/** in_failed_sql_transaction: what the server answers to all that follows a statement that failed. */
const ABORTED = '25P02';

export class TransactionOfRunner implements Tx {
  private readonly last: (() => Promise<void>)[] = [];
  private readonly after: (() => void)[] = [];
  private readonly undone: (() => void)[] = [];
  private failure: unknown;

  constructor(private readonly runner: QueryRunner, readonly client: pg.PoolClient) {}

  get manager(): EntityManager {
    return this.runner.manager;
  }

  async query<R>(text: string, values?: readonly unknown[], name?: string): Promise<R[]> {
    try {
      const result = await this.client.query({ text, values: values as unknown[] | undefined, ...(name ? { name } : {}) });
      return result.rows as R[];
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }

  /** Why a statement failed: one that was only refused because another had failed before it is no cause. */
  causeOf(error: unknown): unknown {
    return (error as { code?: unknown }).code === ABORTED ? this.failure ?? error : error;
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

  async finish(): Promise<void> {
    for (let i = 0; i < this.last.length; i++) await this.last[i]!();
  }

  committed(): void {
    for (const work of this.after) quietly(work);
  }

  rolledBack(): void {
    for (const work of this.undone) quietly(work);
  }
}

/** What has happened to the transaction cannot be changed by who hears of it, nor hidden from the next one. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Documented at afterCommit: nobody's.
  }
}
