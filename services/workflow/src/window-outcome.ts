/** What news of a lead makes of its window and its hold: rows in, rows out. */
import { decideWindow } from '@sluice/distribution';
import type { LeadNews, Outcome } from './window-news.js';
import { happen, type Happened } from './window-said.js';
import type { TenantTerms } from './window-terms.js';
import { dueOf, type Timer } from './window-timer.js';

/** A window that the news opens; it is fulfilled at once where all have accepted already. */
export interface Opening {
  readonly news: LeadNews;
  readonly happened: Happened;
  readonly timer: Timer;
}

/** The window that an arrival opens where its campaign's workflow has mode window; undefined = none. */
export function openingOf(news: LeadNews, terms: TenantTerms | undefined, now: number): Opening | undefined {
  const campaign = terms?.campaigns.get(news.campaignId);
  const { outcome, arrived } = news;
  if (!arrived || !outcome || campaign?.mode !== 'window' || campaign.lengthMs === undefined || campaign.everyMs === undefined) return undefined;
  const { lengthMs, everyMs, pauseExtends } = campaign;
  const { tenantId, leadId, campaignId, traceparent } = news;
  const scene = { tenantId, leadId, campaignId, actor: '', traceparent };
  const happened = happen(undefined, decideWindow(undefined, { kind: 'open', lengthMs, everyMs, pauseExtends }, now), scene, now);
  const { window } = happened;
  const timer: Omit<Timer, 'dueAt'> = {
    tenantId, leadId, campaignId, kind: 'window', since: window.openedAt, generation: window.generation, everyMs: window.everyMs,
    nextAt: window.nextAt, expiresAt: window.expiresAt, chanceAt: outcome.chanceAt, rests: news.full ? 'full' : null, traceparent: traceparent ?? null,
  };
  return { news, happened, timer: { ...timer, dueAt: isLate(outcome, terms) || news.freed ? now : dueOf(timer) } };
}

/** Whether the configuration has changed since: what it woke did not find this lead waiting. */
export function isLate(outcome: Outcome, terms: TenantTerms | undefined): boolean {
  return terms !== undefined && outcome.version < terms.version;
}

/** The timer of a window that goes on, after the news. */
export function afterNews<T extends Timer>(timer: T, news: LeadNews, now: number): T {
  const { outcome, full, freed } = news;
  if (timer.rests === 'paused') return outcome ? { ...timer, chanceAt: outcome.chanceAt } : timer;
  const rests = full === undefined ? timer.rests : full ? 'full' as const : null;
  const moved = { ...timer, rests, chanceAt: outcome ? outcome.chanceAt : timer.chanceAt };
  // It has been woken and waits for its turn: an attempt that came before the wake must not put it off.
  if (timer.dueAt !== null && timer.dueAt <= now) return moved;
  return { ...moved, dueAt: freed ? now : dueOf(moved) };
}

/** The hold that an outcome leaves; undefined = the lead is not held, or its window tries it anyway. */
export function holdOf(
  news: LeadNews, terms: TenantTerms | undefined, hasWindow: boolean, before: Timer | undefined, now: number,
): Timer | undefined {
  const { tenantId, leadId, campaignId, outcome, traceparent } = news;
  if (!outcome?.held || (hasWindow && outcome.heldUntil === null)) return undefined;
  const hold: Omit<Timer, 'dueAt'> = {
    tenantId, leadId, campaignId, kind: 'hold', since: before?.since ?? outcome.decidedAt, generation: 0, everyMs: 0, nextAt: null,
    expiresAt: outcome.heldUntil, chanceAt: outcome.chanceAt, rests: null, traceparent: before?.traceparent ?? traceparent ?? null,
  };
  const woken = before?.dueAt !== undefined && before.dueAt !== null && before.dueAt <= now;
  return { ...hold, dueAt: woken ? before.dueAt : isLate(outcome, terms) ? now : dueOf(hold) };
}
