/**
 * Windows (A2), the slow way: at every instant at which anything at all could open, every open window is tried, in the order in which they
 * were opened. Trying in vain changes nothing, so trying too often is harmless; what is found is when a lead could first be sold.
 */
import { bucketEnd, compileSchedule, parseDuration, type BucketWindow } from '@sluice/kernel';
import type { Caps, ConfigDocument, Workflow } from '../document.js';
import { clientOf, documentNow, groupOf, kept, reservations, soldSet, zoneOf, type History } from './history.js';
import { instantIn } from './limits.js';
import { fits } from './gates.js';
import { phasesOf } from './phase.js';

export interface Window {
  lead: string;
  state: 'open' | 'paused' | 'fulfilled' | 'stopped' | 'expired';
  openedAt: number;
  expiresAt: number;
  everyMs: number;
  pauseExtends: boolean;
  pausedAt?: number;
  extendedMs: number;
}

export type WindowAction = { action: 'open' | 'pause' | 'resume' | 'stop' | 'edit'; length?: string; every?: string };

export function opened(lead: string, workflow: Workflow, at: number, { length, every }: { length?: string; every?: string } = {}): Window {
  const lengthMs = parseDuration(length ?? workflow.window?.length ?? 'P1D');
  return {
    lead, state: 'open', openedAt: at, expiresAt: at + lengthMs, everyMs: parseDuration(every ?? workflow.window?.every ?? 'PT15M'),
    pauseExtends: workflow.pauseExtends === true, extendedMs: 0,
  };
}

/** What a person does to a window that is open or paused; false where it is refused. */
export function acted(window: Window, { action, length, every }: WindowAction, at: number): boolean {
  if (window.state !== 'open' && window.state !== 'paused') return false;
  if (action === 'stop') window.state = 'stopped';
  else if (action === 'pause' && window.state === 'open') { window.state = 'paused'; window.pausedAt = at; }
  else if (action === 'resume' && window.state === 'paused') {
    const paused = window.pauseExtends ? at - (window.pausedAt ?? at) : 0;
    window.extendedMs += paused;
    window.expiresAt += paused;
    window.state = 'open';
  } else if (action === 'edit') {
    if (length !== undefined) window.expiresAt = window.openedAt + parseDuration(length) + window.extendedMs;
    if (every !== undefined) window.everyMs = parseDuration(every);
  } else return false;
  return true;
}

/** The clock of a paused window runs on unless pausing extends it. */
export function isOver(window: Window, at: number): boolean {
  const runs = window.state === 'open' || (window.state === 'paused' && !window.pauseExtends);
  return runs && at >= window.expiresAt;
}

/** Nobody further fits M2, or every take is reached, and all that was sold is answered for. */
export function isFulfilled(history: History, lead: string, workflow: Workflow, unanswered: readonly string[]): boolean {
  const sold = soldSet(history, lead, workflow);
  if (sold.length === 0 || sold.some(({ contract }) => unanswered.includes(contract))) return false;
  if (!fits(sold, [{ id: '', client: '' }], workflow.maxMultiplication)) return true;
  const phases = phasesOf(workflow);
  const standing = (key: string) => kept(history, lead).filter(({ rule }) => rule === key).length;
  const stop = phases.findIndex(({ stops, key }) => stops && standing(key) > 0);
  const asked = stop < 0 ? phases : phases.slice(0, stop + 1);
  return phases.length > 0 && asked.every(({ take, key }) => take !== undefined && standing(key) >= take);
}

/** The next instant after `after` at which something could open; Infinity where time alone changes nothing. */
export function nextInstant(history: History, windows: readonly Window[], isHeld: boolean, after: number): number {
  const document = documentNow(history);
  const live = windows.filter(({ state }) => state === 'open' || state === 'paused');
  if (live.length === 0 && !isHeld) return Infinity;
  const ticks = live.flatMap(({ expiresAt, openedAt, everyMs }) => [
    expiresAt, openedAt + (Math.floor((after - openedAt) / everyMs) + 1) * everyMs,
  ]);
  const starts = (document.orders ?? []).map((order) => instantIn(document, order, order.start));
  const rollOffs = reservations(history).map(({ at }) => at + 3_600_000);
  const instants = [...ticks, ...scheduleTurns(document, after), ...bucketEnds(document, after), ...starts, ...rollOffs];
  return Math.min(...instants.filter((at) => at > after));
}

function scheduleTurns(document: ConfigDocument, after: number): number[] {
  return (document.contracts ?? []).flatMap((contract) => {
    if (!contract.schedule) return [];
    const timezone = contract.schedule.timezone ?? zoneOf(document, clientOf(document, contract));
    return compileSchedule({ ...contract.schedule, timezone }).nextChange(after) ?? [];
  });
}

function bucketEnds(document: ConfigDocument, after: number): number[] {
  const ends: number[] = [];
  const consider = (caps: Caps | undefined, zone: string) => {
    for (const window of ['hour', 'day', 'week', 'month'] as const) {
      if (caps?.[window] !== undefined) ends.push(bucketEnd(after, caps.timezone ?? zone, window as BucketWindow, caps.weekStart ?? 'mon'));
    }
  };
  for (const contract of document.contracts ?? []) {
    const client = clientOf(document, contract);
    const group = document.groups?.find(({ id }) => id === groupOf(document, contract));
    consider(contract.caps, zoneOf(document, client));
    consider(client.caps, zoneOf(document, client));
    consider(group?.caps, zoneOf(document, group));
  }
  for (const campaign of document.campaigns ?? []) consider(campaign.caps, zoneOf(document, undefined));
  return ends;
}
