import 'reflect-metadata';
import type pg from 'pg';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { TransactionOfRunner, type Tx } from './transaction.js';

type EntityClass = abstract new (...args: never[]) => object;
type MigrationClass = new () => MigrationInterface;

export interface DatabaseOptions {
  readonly url: string;
  /** Connections of this process. */
  readonly poolMax?: number;
  readonly entities?: readonly EntityClass[];
  readonly migrations?: readonly MigrationClass[];
  /** Shown by the server beside each connection. */
  readonly applicationName?: string;
}

/** Whose rights a transaction takes, and whose rows it sees. */
export interface Scope {
  /** The service: a role `sluice_<service>` that owns nothing and is bound by row-level security. */
  readonly service: string;
  /** The tenants whose rows are visible; a batch may span several. Empty: none. */
  readonly tenants: readonly string[];
  /**
   * Statements are sent as they are asked for, without waiting for the answers before: BEGIN shares its round trip with the first, and
   * what is asked for together shares one. After a statement that failed the server refuses all behind it; the first failure is thrown.
   */
  readonly pipelined?: boolean;
}

/**
 * The one way to Postgres. TypeORM's data source holds the pool, the entities and the migrations; hot paths send their own SQL
 * over the same connection, so that both stand in one transaction.
 */
export class Database {
  private constructor(readonly dataSource: DataSource) {}

  static async open(options: DatabaseOptions): Promise<Database> {
    const dataSource = new DataSource({
      type: 'postgres',
      url: options.url,
      entities: [...(options.entities ?? [])],
      migrations: [...(options.migrations ?? [])],
      migrationsTableName: 'sluice_migrations',
      poolSize: options.poolMax ?? 10,
      applicationName: options.applicationName ?? 'sluice',
      synchronize: false,
      logging: false,
      // A connection that the server ends between two statements of a transaction has nobody who waits for it: without a listener of its
      // own that event would end the process. The next statement fails, and so the transaction.
      extra: {
        keepAlive: true,
        // A process that is paused between its last statements and COMMIT holds the counters of the log: others must not wait for it for
        // ever.
        idle_in_transaction_session_timeout: 15_000,
        onConnect: (client: pg.PoolClient) => { client.on('error', () => undefined); },
      },
    });
    await dataSource.initialize();
    const database = new Database(dataSource);
    // A connection that the server ends while it is idle must not end the process.
    database.pool.on('error', () => undefined);
    return database;
  }

  /** The pool beneath, for a connection that lives outside transactions (LISTEN). */
  get pool(): pg.Pool {
    return (this.dataSource.driver as PostgresDriver).master as pg.Pool;
  }

  /** Runs what is missing of the migrations. Safe to call from several processes at once: the others wait. */
  async migrate(): Promise<void> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(`SELECT pg_advisory_lock(hashtext('sluice.migrate'))`);
      await this.dataSource.runMigrations({ transaction: 'each' });
    } finally {
      // Where it cannot be unlocked, the lock goes with the connection.
      await client.query(`SELECT pg_advisory_unlock(hashtext('sluice.migrate'))`).catch((failure: Error) => { broken = failure; });
      client.release(broken);
    }
  }

  /**
   * Runs `work` in one READ COMMITTED transaction with the service's role and the tenants' rows. What `beforeCommit` was given runs
   * last before COMMIT; `afterCommit` once it is durable; `onRollback` where it is not, or where nobody can tell. Throws what the work
   * threw, and also where the work has swallowed the failure of a statement: the server would answer COMMIT by rolling back.
   */
  async transaction<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    const begin = beginAs(scope);
    const runner = this.dataSource.createQueryRunner() as Releasable;
    const client = (await runner.connect()) as pg.PoolClient & { pipeline: boolean };
    const tx = new TransactionOfRunner(runner, client);
    let broken: Error | undefined;
    let begun: Promise<unknown> = Promise.resolve();
    let result: T;
    try {
      begun = client.query(begin);
      if (scope.pipelined) {
        client.pipeline = true;
        // Told by the statement behind it, which the server refuses then: a transaction that has failed is in force until ROLLBACK.
        begun.catch(() => undefined);
      } else await begun;
      result = await work(tx);
      await begun;
      await tx.finish();
      const { command } = await client.query('COMMIT');
      if (command !== 'COMMIT') throw new Error('a statement of the transaction had failed: nothing is committed');
    } catch (error) {
      // The role ends with the transaction; a connection that cannot roll back is thrown away.
      await client.query('ROLLBACK').catch((failure: Error) => { broken = failure; });
      tx.rolledBack();
      // Where it could not begin, the statements behind were refused for that alone: the cause is told, not what followed from it.
      throw await begun.then(() => tx.causeOf(error), (cause: unknown) => cause);
    } finally {
      client.pipeline = false;
      // Through the runner, which may have given the connection back already when the server cut it: a second time would throw.
      await runner.releasePostgresConnection(broken);
    }
    tx.committed();
    return result;
  }

  async close(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}

/** What TypeORM's runner has and does not publish: its release with a reason to throw the connection away. */
type Releasable = QueryRunner & { releasePostgresConnection(reason?: Error): Promise<void> };

/** One round trip for the three statements. Roles and tenants are quoted, since SET takes no parameters. */
function beginAs(scope: Scope): string {
  if (!/^[a-z][a-z_]*$/.test(scope.service)) throw new Error(`"${scope.service}" is no service name`);
  if (scope.tenants.some((tenant) => tenant.includes(','))) throw new Error('a tenant id has no comma: it would stand for two');
  // The server refuses the whole message then, BEGIN with it: what is pipelined behind would run outside a transaction, as no service.
  if (scope.tenants.some((tenant) => tenant.includes('\0'))) throw new Error('a tenant id has no NUL: no text of the database has one');
  const tenants = scope.tenants.join(',').replaceAll(`'`, `''`);
  return `BEGIN; SET LOCAL ROLE sluice_${scope.service}; SET LOCAL sluice.tenants = '${tenants}'`;
}

export type { QueryRunner };
