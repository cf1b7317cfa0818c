import type { QueryRunner } from 'typeorm';

/** For migrations: the schema of a service and the role that it works under. The role is of the whole server, so it may be there already. */
export async function createService(runner: QueryRunner, service: string): Promise<void> {
  await runner.query(`
    DO $$ BEGIN
      CREATE ROLE sluice_${service} NOLOGIN NOSUPERUSER NOBYPASSRLS;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$`);
  await runner.query(`GRANT sluice_${service} TO CURRENT_USER`);
  await runner.query(`CREATE SCHEMA IF NOT EXISTS ${service}`);
  await runner.query(`GRANT USAGE ON SCHEMA ${service} TO sluice_${service}`);
}

/**
 * For migrations: opens a table of a service to its role, and binds the role to the tenants of the transaction.
 * An empty setting, or none, shows no row. Note: COPY FROM refuses tables with row-level security; insert by unnest.
 */
export async function protectTable(runner: QueryRunner, service: string, table: string, tenantColumn: string | null = 'tenant_id'): Promise<void> {
  await runner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${service}.${table} TO sluice_${service}`);
  if (tenantColumn === null) return;
  await runner.query(`ALTER TABLE ${service}.${table} ENABLE ROW LEVEL SECURITY`);
  await runner.query(`ALTER TABLE ${service}.${table} FORCE ROW LEVEL SECURITY`);
  await runner.query(`
    CREATE POLICY tenant ON ${service}.${table}
      USING (${tenantColumn} = ANY (string_to_array(current_setting('sluice.tenants', true), ',')))
      WITH CHECK (${tenantColumn} = ANY (string_to_array(current_setting('sluice.tenants', true), ',')))`);
}
