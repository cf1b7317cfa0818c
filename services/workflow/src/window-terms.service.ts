import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';
import type { TenantTerms } from './window-terms.js';
import { WindowsStore } from './windows.store.js';

/** Tenants whose terms are kept; beyond this the one that was asked for longest ago goes. */
const TENANTS_MAX = 2_000;

/** What tenants' configurations say of windows, kept by version: a batch asks for the version alone. */
@Injectable()
export class WindowTerms {
  private readonly kept = new Map<string, TenantTerms>();

  constructor(private readonly store: WindowsStore) {}

  /**
   * The terms of tenants that are the transaction's. With `hold` no newer version is written before it has ended, so that what is decided
   * on an older one, and stored by it, is seen by whoever writes the next.
   */
  async of(tx: Tx, tenants: readonly string[], hold = false): Promise<ReadonlyMap<string, TenantTerms>> {
    const versions = await this.store.versions(tx, tenants, hold);
    const found = new Map<string, TenantTerms>();
    for (const [tenantId, version] of versions) {
      const kept = this.kept.get(tenantId);
      const terms = kept?.version === version ? kept : await this.store.terms(tx, tenantId, version);
      found.set(tenantId, terms);
      this.keep(tenantId, terms);
    }
    return found;
  }

  private keep(tenantId: string, terms: TenantTerms): void {
    const kept = this.kept.get(tenantId);
    // A reader without the lock may come back with older terms than another has kept.
    if (kept && kept.version > terms.version) return;
    this.kept.delete(tenantId);
    this.kept.set(tenantId, terms);
    if (this.kept.size > TENANTS_MAX) this.kept.delete(this.kept.keys().next().value!);
  }
}
