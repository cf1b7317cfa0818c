import { randomFillSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import type { Said } from '@sluice/events';
import { uuid7 } from '@sluice/kernel';
import { Clock, crashPoint } from '@sluice/runtime';
import { WindowStores } from './window-outcomes.service.js';
import { requestOf, saidOf, type HistoryEntry } from './window-said.js';
import type { TenantTerms } from './window-terms.js';
import { tryOf } from './window-timer.js';
import { RESTING, type ClaimedWake, type LockedTimer, type Place } from './window-timers.store.js';

const RANDOM_BYTES = 10;

/** How many rows a claim takes, and how many leads of a wake are brought forward in one transaction. */
const CLAIM_MAX = 500;
const WAKE_CHUNK = 1_000;
/** With so many due already a wake waits: what it would bring forward stood behind them, and a beat must not come late for it. */
const BACKLOG_MAX = 5_000;
/**
 * A wake that came again begins anew no sooner than this, nor sooner than it took: units given back one by one, a hundred a second, are
 * worked off together.
 */
const AGAIN_MS = 1_000;

/** What a look at the timers did. */
export interface Looked {
  readonly tried: number;
  /** How late each was, in ms. */
  readonly lateMs: readonly number[];
}

/** Asks for the attempts that are due, and works off what may end waits. Any number of processes may do it at once. */
@Injectable()
export class WindowTries {
  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock, private readonly stores: WindowStores,
  ) {}

  /** Claims what is due and asks for it in one transaction: a process that dies in between has done neither. */
  async claim(limit = CLAIM_MAX): Promise<Looked> {
    return this.database.transaction({ service: 'workflow', tenants: [] }, async (tx) => {
      const now = this.clock.now();
      const claimed = (await this.stores.timers.claim(tx, now, limit)).sort((a, b) => a.dueAt! - b.dueAt! || a.since - b.since);
      if (claimed.length === 0) return { tried: 0, lateMs: [] };
      crashPoint('workflow.window-claimed');
      const terms = await this.stores.terms.of(tx, [...new Set(claimed.map((timer) => timer.tenantId))].sort());
      const tries = claimed.map((timer) => ({ timer, tried: tryOf(timer, now) }));
      const moved = tries.flatMap(({ timer, tried }) => (tried.kind === 'expired' ? [] : [{ ...tried.timer, place: timer.place }]));
      await this.stores.timers.move(tx, moved);
      this.bus.append(tx, tries.flatMap(({ timer, tried }) => (tried.kind === 'requested' ? [request(timer, terms, now)] : [])));
      await this.expire(tx, tries.filter(({ tried }) => tried.kind === 'expired').map(({ timer }) => timer), terms, now);
      crashPoint('workflow.window-requested');
      tx.afterCommit(() => crashPoint('workflow.window-committed'));
      return { tried: claimed.length, lateMs: claimed.map((timer) => now - timer.dueAt!) };
    });
  }

  /** Brings the next leads of a wake forward. False: there was no wake, or too much is due already. */
  async workOffWake(): Promise<boolean> {
    return this.database.transaction({ service: 'workflow', tenants: [] }, async (tx) => {
      const { timers } = this.stores;
      const now = this.clock.now();
      const claimed = await timers.claimWake(tx, now);
      if (!claimed || await timers.backlog(tx, now, BACKLOG_MAX) >= BACKLOG_MAX) return false;
      const wake = begun(claimed);
      if (!wake) {
        await timers.endWake(tx, claimed);
        return true;
      }
      const leads = await timers.next(tx, wake, WAKE_CHUNK);
      await timers.bringForward(tx, wake.tenantId, leads.map(({ leadId }) => leadId), now);
      await timers.advance(tx, leads.length < WAKE_CHUNK ? rested(wake, now) : behind(wake, leads[leads.length - 1]!, now));
      crashPoint('workflow.window-woken');
      return true;
    });
  }

  /** When the next look is worth it, in epoch ms; null = nothing is due ever. */
  nextDue(): Promise<number | null> {
    return this.database.transaction({ service: 'workflow', tenants: [] }, (tx) => this.stores.timers.nextDue(tx));
  }

  /** The time of windows is over: their leads are unsold, or go to the workflow for what nobody took. */
  private async expire(tx: Tx, timers: readonly LockedTimer[], terms: ReadonlyMap<string, TenantTerms>, now: number): Promise<void> {
    if (timers.length === 0) return;
    const { windows } = this.stores;
    const traces = new Map(timers.map((timer) => [`${timer.tenantId}\n${timer.leadId}`, timer.traceparent]));
    const ended = await windows.end(tx, timers, 'expired', now);
    await this.stores.timers.remove(tx, timers);
    await windows.waitFor(tx, ended.filter(({ waits }) => waits).map((window) => ({ ...window, waitsOn: [] })));
    const history: HistoryEntry[] = ended.map((window) => ({ ...window, what: 'expired', at: now, actor: '' }));
    await windows.remember(tx, history);
    this.bus.append(tx, ended.flatMap((window, place): Said[] => {
      const { tenantId, leadId, campaignId, generation, standing, reasons } = window;
      const traceparent = traces.get(`${tenantId}\n${leadId}`) ?? undefined;
      const said = saidOf({ tenantId, leadId, campaignId, actor: '', traceparent }, history[place]!, standing > 0 ? [] : reasons);
      const tenant = terms.get(tenantId);
      const workflowId = tenant?.campaigns.get(campaignId)?.fallback;
      if (workflowId === undefined) return [said];
      return [said, requestOf({ tenantId, leadId, traceparent },
        { requestId: newId(now), trigger: 'window', generation, version: tenant!.version, workflowId }, now)];
    }));
  }
}

/** The wake as it is to be worked on; undefined = it rested, and nothing came again. */
function begun(wake: ClaimedWake): ClaimedWake | undefined {
  if (wake.cursorSince !== RESTING) return wake;
  return wake.again ? { ...wake, cursorSince: null, cursorLead: null, again: false } : undefined;
}

function behind(wake: ClaimedWake, last: Place, now: number): ClaimedWake {
  return { ...wake, cursorSince: last.since ?? wake.cursorSince ?? now, cursorLead: last.leadId, at: now };
}

function rested(wake: ClaimedWake, now: number): ClaimedWake {
  const tookMs = wake.scope === 'contract' && wake.cursorSince !== null ? now - wake.cursorSince : 0;
  return { ...wake, cursorSince: RESTING, cursorLead: null, at: now + Math.max(AGAIN_MS, tookMs) };
}

function request(timer: LockedTimer, terms: ReadonlyMap<string, TenantTerms>, now: number): Said {
  const { tenantId, leadId, campaignId, generation, traceparent } = timer;
  const tenant = terms.get(tenantId);
  const trigger = timer.kind === 'hold' && tenant?.campaigns.get(campaignId)?.push ? 'push' : 'window';
  return requestOf({ tenantId, leadId, traceparent: traceparent ?? undefined },
    { requestId: newId(now), trigger, generation, version: tenant?.version ?? 0 }, now);
}

/** Chance is drawn for many ids at a time: a call for each cost as much as the row. */
const chance = new Uint8Array(RANDOM_BYTES * 512);
let drawn = chance.length;

export function newId(now: number): string {
  if (drawn >= chance.length) {
    randomFillSync(chance);
    drawn = 0;
  }
  drawn += RANDOM_BYTES;
  return uuid7(now, chance.subarray(drawn - RANDOM_BYTES, drawn));
}
