import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Database } from '@sluice/db';
import { SystemClock, type Clock } from '@sluice/runtime';
import { isKeyOf, keyIdOf, newKey } from './admin-key.service.js';
import { TenantsStore } from './tenants.store.js';

export interface FirstTenant {
  readonly tenantId: string;
  readonly adminKey: string;
  /** Whether this call made the tenant. */
  readonly made: boolean;
}

const store = new TenantsStore();
const scope = (...tenants: string[]) => ({ service: 'gateway', tenants }) as const;

/**
 * The first tenant and an admin key of it, for who operates the installation on its own machine. The first start makes both and writes
 * the key to `keyFile` (mode 0600); later starts read it there. Where the file is lost or its key revoked, a new key is made: whoever can
 * write the file and the database is the operator. Several processes may call it at once.
 */
export async function ensureFirstTenant(
  database: Database, options: { readonly keyFile: string; readonly clock?: Clock },
): Promise<FirstTenant> {
  const now = (options.clock ?? new SystemClock()).now();
  return database.transaction(scope(), async (tx) => {
    await store.lock(tx);
    const there = await store.firstTenant(tx);
    const kept = there && (await keptKey(options.keyFile));
    if (there && kept) {
      const valid = await store.validKey(tx, keyIdOf(kept) ?? '');
      if (valid?.tenantId === there && isKeyOf(kept, valid.hash)) return { tenantId: there, adminKey: kept, made: false };
    }
    const tenantId = there ?? newTenantId();
    if (!there) await store.addTenant(tx, tenantId, 'First tenant', now);
    const key = newKey();
    await store.addKey(tx, tenantId, key, { name: 'operator', by: 'installation', now });
    // Before the commit: a key that opens nothing is harmless, one that nobody has would lock the operator out.
    await keep(options.keyFile, key.key);
    return { tenantId, adminKey: key.key, made: !there };
  });
}

/** Makes another tenant with an admin key of its own. For the operator: no route does it. */
export async function createTenant(database: Database, options: { readonly name: string; readonly clock?: Clock }): Promise<FirstTenant> {
  const now = (options.clock ?? new SystemClock()).now();
  const tenantId = newTenantId();
  const key = newKey();
  await database.transaction(scope(tenantId), async (tx) => {
    await store.addTenant(tx, tenantId, options.name, now);
    await store.addKey(tx, tenantId, key, { name: 'first key', by: 'installation', now });
    await store.audit(tx, tenantId, { actor: 'installation', action: 'tenant.created', target: tenantId, now });
  });
  return { tenantId, adminKey: key.key, made: true };
}

function newTenantId(): string {
  return `tenant-${randomBytes(6).toString('hex')}`;
}

async function keptKey(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function keep(file: string, key: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${key}\n`, { mode: 0o600, flag: 'wx' });
  await chmod(draft, 0o600);
  await rename(draft, file);
}
