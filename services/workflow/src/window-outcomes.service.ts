import { Injectable } from '@nestjs/common';
import { Bus, type Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import { Clock } from '@sluice/runtime';
import { ANY_CONTRACT, newsOf, type LeadNews, type News } from './window-news.js';
import { afterNews, holdOf, openingOf, type Opening } from './window-outcome.js';
import { saidOf, type HistoryEntry } from './window-said.js';
import { WindowSignal } from './window-signal.service.js';
import { WindowTerms } from './window-terms.service.js';
import type { TenantTerms } from './window-terms.js';
import type { Timer } from './window-timer.js';
import { WindowTimersStore, type LeadKey, type LiveTimer, type Wake } from './window-timers.store.js';
import { WindowsStore, type Facts, type WindowRow } from './windows.store.js';

/** What is known of the leads of a batch, by tenant and lead; of tenants: by tenant. */
interface Known {
  readonly live: ReadonlyMap<string, Partial<Record<Timer['kind'], LiveTimer>>>;
  readonly opened: ReadonlyMap<string, object>;
  readonly terms: ReadonlyMap<string, TenantTerms>;
}

/** Where windows and timers stand. */
@Injectable()
export class WindowStores {
  constructor(readonly windows: WindowsStore, readonly timers: WindowTimersStore, readonly terms: WindowTerms) {}
}

/**
 * Hears what the engine decided: opens windows, keeps what they wait for, ends those that are fulfilled, and notes what may end the waits
 * of others. Locks go in one order everywhere: versions, wakes, timers, windows.
 */
@Injectable()
export class WindowOutcomes {
  constructor(
    private readonly stores: WindowStores, private readonly bus: Bus, private readonly clock: Clock, private readonly signal: WindowSignal,
  ) {}

  async take(batch: Batch, tx: Tx): Promise<void> {
    const news = newsOf(batch.events);
    if (news.leads.length + news.freed.length + news.returned.length + news.resumed.length === 0) return;
    const now = this.clock.now();
    const tenants = [...new Set(news.leads.filter(({ outcome }) => outcome).map(({ tenantId }) => tenantId))].sort();
    const terms = tenants.length > 0 ? await this.stores.terms.of(tx, tenants, true) : new Map<string, TenantTerms>();
    await this.wake(tx, news, now);
    const live = await this.live(tx, news);
    const opened = await this.open(tx, news.leads, live, terms, now);
    await this.goOn(tx, news.leads, live, now);
    await this.hold(tx, news.leads, { live, opened, terms }, now);
    await this.fulfil(tx, news.leads, { live, opened }, now);
    tx.afterCommit(() => this.signal.wake());
  }

  /** O(1) for each contract, however many leads wait for it. */
  private async wake(tx: Tx, { freed, returned, resumed }: News, now: number): Promise<void> {
    const wakes: Wake[] = [];
    const contract = (tenantId: string, scopeId: string, again: boolean) => wakes.push({ tenantId, scope: 'contract', scopeId, at: now, again });
    for (const { tenantId, contractId } of freed) contract(tenantId, contractId, false);
    for (const { tenantId, contractId } of returned) contract(tenantId, contractId, true);
    for (const tenantId of new Set(freed.map((one) => one.tenantId))) contract(tenantId, ANY_CONTRACT, false);
    for (const tenantId of new Set(returned.map((one) => one.tenantId))) contract(tenantId, ANY_CONTRACT, true);
    for (const { tenantId, methodId } of resumed) {
      const campaigns = await this.stores.windows.campaignsOfMethod(tx, tenantId, methodId);
      for (const scopeId of campaigns) wakes.push({ tenantId, scope: 'campaign', scopeId, at: now, again: true });
    }
    await this.stores.timers.wake(tx, wakes);
  }

  /** Timers of leads that may have one, all that this transaction ever locks: who arrives just now has none. */
  private async live(tx: Tx, { leads }: News): Promise<Map<string, Partial<Record<Timer['kind'], LiveTimer>>>> {
    const found = new Map<string, Partial<Record<Timer['kind'], LiveTimer>>>();
    const known = leads.filter(({ arrived, fulfilledAt }) => !arrived || fulfilledAt !== undefined);
    if (known.length === 0) return found;
    for (const timer of await this.stores.timers.lock(tx, known)) {
      found.set(keyOf(timer), { ...found.get(keyOf(timer)), [timer.kind]: timer });
    }
    return found;
  }

  /** Answers which leads have a window by now. */
  private async open(
    tx: Tx, leads: readonly LeadNews[], live: ReadonlyMap<string, object>, terms: ReadonlyMap<string, TenantTerms>, now: number,
  ): Promise<ReadonlyMap<string, object>> {
    const openings = new Map<string, Opening>();
    for (const news of leads) {
      const opening = live.has(keyOf(news)) ? undefined : openingOf(news, terms.get(news.tenantId), now);
      if (opening) openings.set(keyOf(news), opening);
    }
    if (openings.size === 0) return openings;
    const { windows, timers } = this.stores;
    const opened = (await windows.open(tx, [...openings.values()].map(rowOf))).map((key) => openings.get(keyOf(key))!);
    await timers.add(tx, opened.map(({ timer }) => timer));
    await windows.addWaits(tx, opened.map(waiting));
    await windows.remember(tx, opened.flatMap(({ happened }) => happened.history));
    this.bus.append(tx, opened.flatMap(({ happened }) => happened.said));
    return openings;
  }

  private async goOn(tx: Tx, leads: readonly LeadNews[], live: ReadonlyMap<string, { window?: LiveTimer }>, now: number): Promise<void> {
    const going = leads.flatMap((news) => {
      const window = live.get(keyOf(news))?.window;
      return window ? [{ news, window }] : [];
    });
    await this.stores.timers.move(tx, going.map(({ news, window }) => afterNews(window, news, now)));
    await this.stores.windows.note(tx, going.map(({ news }) => factsOf(news)));
    await this.stores.windows.waitFor(tx, going.filter(({ news, window }) => news.outcome && !same(news.outcome.waitsOn, window.waitsOn))
      .map(waiting));
  }

  private async hold(tx: Tx, leads: readonly LeadNews[], { live, opened, terms }: Known, now: number): Promise<void> {
    const held: { news: LeadNews; hold: Timer }[] = [];
    const free: LiveTimer[] = [];
    for (const news of leads) {
      if (!news.outcome && !news.taken) continue;
      const { window, hold: before } = live.get(keyOf(news)) ?? {};
      const hasWindow = window !== undefined || opened.has(keyOf(news));
      const hold = holdOf(news, terms.get(news.tenantId), hasWindow, before, now);
      if (hold) held.push({ news, hold });
      else if (before) free.push(before);
    }
    const { windows, timers } = this.stores;
    await timers.add(tx, held.map(({ hold }) => hold));
    await timers.remove(tx, free);
    await windows.waitFor(tx, [
      ...held.map(waiting),
      ...free.filter((timer) => !live.get(keyOf(timer))?.window).map(({ tenantId, leadId }) => ({ tenantId, leadId, waitsOn: [] })),
    ]);
  }

  /**
   * Of windows whose timers are locked, or that were opened here. One that a person opened meanwhile is tried at once, and the engine says
   * again that it is done.
   */
  private async fulfil(tx: Tx, leads: readonly LeadNews[], { live, opened }: Pick<Known, 'live' | 'opened'>, now: number): Promise<void> {
    const done = new Map(leads.filter((news) => news.fulfilledAt !== undefined && (live.has(keyOf(news)) || opened.has(keyOf(news))))
      .map((news) => [keyOf(news), news]));
    if (done.size === 0) return;
    const { windows, timers } = this.stores;
    const locked = (await timers.lock(tx, [...done.values()])).filter(({ kind }) => kind === 'window');
    const ended = await windows.end(tx, locked, 'fulfilled', now);
    await timers.remove(tx, locked);
    await windows.waitFor(tx, ended.filter(({ waits }) => waits).map((window) => ({ ...window, waitsOn: [] })));
    const history: HistoryEntry[] = ended.map((window) => ({ ...window, what: 'fulfilled', at: now, actor: '' }));
    await windows.remember(tx, history);
    this.bus.append(tx, ended.map((window, place) =>
      saidOf({ ...window, actor: '', traceparent: done.get(keyOf(window))?.traceparent }, history[place]!)));
  }
}

const keyOf = ({ tenantId, leadId }: { readonly tenantId: string; readonly leadId: string }) => `${tenantId}\n${leadId}`;

function waiting({ news }: { readonly news: LeadNews }): LeadKey & { readonly waitsOn: readonly string[] } {
  return { tenantId: news.tenantId, leadId: news.leadId, waitsOn: news.outcome!.waitsOn };
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, place) => value === b[place]);
}

function factsOf({ tenantId, leadId, outcome, full, picks }: LeadNews): Facts {
  return {
    tenantId, leadId, picks, waitsOn: outcome?.waitsOn ?? null, reasons: outcome && outcome.reasons.length > 0 ? outcome.reasons : null,
    full: full ?? null, decidedAt: outcome?.decidedAt ?? null,
  };
}

function rowOf({ news, happened: { window }, timer }: Opening): WindowRow {
  const { tenantId, leadId, campaignId, outcome, full = false, picks } = news;
  return {
    tenantId, leadId, campaignId, state: window.state, generation: window.generation, openedAt: window.openedAt, openedBy: '',
    expiresAt: window.expiresAt, everyMs: window.everyMs, pausedAt: null, pauseExtends: window.pauseExtends, extendedMs: 0, endedAt: null,
    waitsOn: outcome!.waitsOn, reasons: outcome!.reasons, isFull: full, standing: Math.max(0, picks), decidedAt: outcome!.decidedAt,
    nextAt: timer.nextAt, chanceAt: timer.chanceAt, dueAt: timer.dueAt,
  };
}
