import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';
import { WindowSignal } from './window-signal.service.js';
import type { StoredItem } from './window-terms.js';
import { WindowTimersStore } from './window-timers.store.js';
import { campaignsWoken } from './window-wakes.js';

/** Brings windows forward when the configuration changes in a way that may end their wait. */
@Injectable()
export class WindowWakes {
  constructor(private readonly timers: WindowTimersStore, private readonly signal: WindowSignal) {}

  /** In the transaction of the change, under the lock of the tenant's version: a window that opens later sees the new version instead. */
  async changed(tx: Tx, tenantId: string, before: readonly StoredItem[], changed: readonly StoredItem[], now: number): Promise<void> {
    const campaigns = campaignsWoken(before, changed);
    await this.timers.wake(tx, campaigns.map((scopeId) => ({ tenantId, scope: 'campaign' as const, scopeId, at: now, again: false })));
    if (campaigns.length > 0) tx.afterCommit(() => this.signal.wake());
  }
}
