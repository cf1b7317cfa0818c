import { createHash, randomBytes } from 'node:crypto';
import { startPostgres } from '@sluice/servers';
import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { testConfig } from './config.js';
import { containerOr, startContainer } from './docker.js';
import { noteDatabase, once, runFolder, type Started } from './run.js';

export interface TestDatabaseOptions {
  /** TypeORM migration classes, run once a run; specs with the same list share the template. */
  readonly migrations?: readonly (new () => object)[];
  /** Accepted for symmetry with a service's definition; migrations alone make the schema. */
  readonly entities?: readonly unknown[];
  /** More of the template, after the migrations: gets its URL, leaves no connection open. Its source is part of the template's key. */
  readonly prepare?: (url: string) => Promise<void>;
}

export interface TestDatabase {
  /** Of a superuser; a transaction with a service's role is bound by its rights. */
  readonly url: string;
  /** Cuts its connections and drops it. */
  drop(): Promise<void>;
}

/**
 * A database for one spec file, cloned in milliseconds from a migrated template on the one server of this run. The server is the one of
 * TEST_DATABASE_URL, else a container where an engine answers, else the embedded PostgreSQL.
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await testServer();
  const template = await templateFor(server, options);
  const name = `spec_${randomBytes(8).toString('hex')}`;
  await asAdmin(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`));
  const external = testConfig().TEST_DATABASE_URL !== undefined;
  if (external) noteDatabase(server, name);
  return {
    url: inDatabase(server, name),
    drop: async () => {
      if (testConfig().SLUICE_TEST_KEEP === '1') process.stderr.write(`kept: ${inDatabase(server, name)}\n`);
      else await asAdmin(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** The server of this run, as the URL of a superuser. For what needs a server and no schema. */
export async function testServer(): Promise<string> {
  const given = testConfig().TEST_DATABASE_URL;
  if (given) return given;
  const { address } = await once('postgres', (folder) => containerOr('Postgres', inContainer, () => embedded(folder)));
  return address;
}

async function embedded(folder: string): Promise<Started> {
  const server = await startPostgres({ dataDir: folder, ephemeral: true, outlives: true });
  return { address: server.url, pid: server.pid, signal: 'SIGINT' };
}

async function inContainer(): Promise<Started> {
  const { Wait } = await import('testcontainers');
  const container = await startContainer('postgres:18', (shape) => shape
    .withEnvironment({ POSTGRES_USER: 'sluice', POSTGRES_PASSWORD: 'sluice', POSTGRES_DB: 'sluice' })
    .withCommand(['postgres', '-c', 'max_connections=200'])
    .withExposedPorts(5432)
    // The official image starts the server twice; the first one takes no connections from outside.
    .withWaitStrategy(Wait.forListeningPorts()));
  const address = `postgres://sluice:sluice@${container.getHost()}:${container.getMappedPort(5432)}/sluice`;
  await reachable(address);
  return { address, container: container.getId() };
}

async function reachable(url: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await asAdmin(url, (client) => client.query('SELECT 1'));
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function templateFor(server: string, options: TestDatabaseOptions): Promise<string> {
  const key = createHash('sha256').update(runFolder());
  for (const migration of options.migrations ?? []) key.update(`\n${migration.name}\n${migration.toString()}`);
  key.update(options.prepare?.toString() ?? '');
  const name = `template_${key.digest('hex').slice(0, 24)}`;
  await asAdmin(server, async (client) => {
    const exists = async () => (await client.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [name])).rowCount === 1;
    if (await exists()) return;
    // One builds, the others wait; the lock goes with the connection. One for all templates: their migrations make roles of the server.
    await client.query(`SELECT pg_advisory_lock(hashtext('sluice.test.template'))`);
    if (await exists()) return;
    // What a build that failed left behind.
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name}`);
    if (testConfig().TEST_DATABASE_URL) noteDatabase(server, name);
    const url = inDatabase(server, name);
    if (options.migrations?.length) await migrate(url, options.migrations);
    await options.prepare?.(url);
    await client.query(`ALTER DATABASE ${name} IS_TEMPLATE true`);
    // A template with a connection, be it of a vacuum, cannot be cloned.
    await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  });
  return name;
}

async function migrate(url: string, migrations: readonly (new () => object)[]): Promise<void> {
  const dataSource = new DataSource({
    // The table's name is that of the platform, which then finds nothing left to run in a clone.
    type: 'postgres', url, logging: false,
    migrations: migrations as (new () => MigrationInterface)[], migrationsTableName: 'sluice_migrations',
  });
  await dataSource.initialize();
  try {
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    await dataSource.destroy();
  }
}

async function asAdmin<T>(server: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function inDatabase(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.toString();
}
