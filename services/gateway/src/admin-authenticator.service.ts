import { Injectable } from '@nestjs/common';
import { Database } from '@sluice/db';
import { Authenticator, Clock, type Principal } from '@sluice/runtime';
import { isKeyOf, keyIdOf } from './admin-key.service.js';
import { TenantsStore } from './tenants.store.js';

/** How long another process may go on taking a key that was revoked here; this one stops at once. */
const TRUST_MS = 5_000;
/** Bounded, although only valid keys are remembered. */
const REMEMBERED_MAX = 10_000;

/** Tells who holds an admin key, for the guard of the composition root. */
@Injectable()
export class AdminAuthenticator extends Authenticator {
  private readonly remembered = new Map<string, { readonly key: string; readonly principal: Principal; readonly until: number }>();

  constructor(private readonly database: Database, private readonly store: TenantsStore, private readonly clock: Clock) {
    super();
  }

  override async authenticate(key: string): Promise<Principal | undefined> {
    const keyId = keyIdOf(key);
    if (keyId === undefined) return undefined;
    const known = this.remembered.get(keyId);
    if (known && known.until > this.clock.now() && known.key === key) return known.principal;
    const row = await this.database.transaction({ service: 'gateway', tenants: [] }, (tx) => this.store.validKey(tx, keyId));
    if (!row || !isKeyOf(key, row.hash)) return undefined;
    const principal: Principal = { tenantId: row.tenantId, kind: 'admin', id: `admin:${keyId}` };
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
    this.remembered.set(keyId, { key, principal, until: this.clock.now() + TRUST_MS });
    return principal;
  }

  forget(keyId: string): void {
    this.remembered.delete(keyId);
  }
}
