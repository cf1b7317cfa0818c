/**
 * What happened to a lead besides its attempts: windows, what people asked for, returns, scripts that failed. Each is a line of the lead's
 * history, told apart from attempts by its first character, which no line of an attempt begins with.
 */
import {
  DistributionRequested, LeadFulfilled, LeadReturned, ScriptFailed, WindowEdited, WindowExpired, WindowFulfilled, WindowOpened,
  WindowPaused, WindowResumed, WindowStopped, type Heard,
} from '@sluice/events';
import { word } from './word.js';

/** State of a window after each of its events. */
export type WindowState = 'open' | 'paused' | 'stopped' | 'fulfilled' | 'expired';

/** undefined: the event leaves the state as it is. */
export const windowStates: ReadonlyMap<string, WindowState | undefined> = new Map([
  [WindowOpened.type, 'open'], [WindowPaused.type, 'paused'], [WindowResumed.type, 'open'], [WindowEdited.type, undefined],
  [WindowStopped.type, 'stopped'], [WindowFulfilled.type, 'fulfilled'], [WindowExpired.type, 'expired'],
]);

export type WindowEvent = WindowOpened | WindowPaused | WindowResumed | WindowEdited | WindowStopped | WindowFulfilled | WindowExpired;

/** A line of the history, as it is told in the timeline. */
export interface Moment {
  /** The name of the event: `WindowOpened`. */
  readonly type: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
  /** Besides the lead's own. */
  readonly ids: Readonly<Record<string, unknown>>;
}

/** What a person asked for; windows ask every few minutes, and the attempts tell of those. */
const BY_PEOPLE: ReadonlySet<string> = new Set(['manual', 'cherryPick']);

/** The line that an event adds to its lead's history; undefined where it adds none. */
export function momentOf(event: Heard): Moment | undefined {
  switch (event.type) {
    case DistributionRequested.type: return requested(event as Heard<DistributionRequested>);
    case LeadReturned.type: return returned(event as Heard<LeadReturned>);
    case LeadFulfilled.type: {
      const { data } = event as Heard<LeadFulfilled>;
      return { type: 'LeadFulfilled', at: Date.parse(data.at), ids: {} };
    }
    case ScriptFailed.type: {
      const { data } = event as Heard<ScriptFailed>;
      const { scriptId, version, hook } = data;
      return { type: 'ScriptFailed', at: Date.parse(data.at), reason: data.reason, ids: { scriptId, hook, ...(version ? { version } : {}) } };
    }
    default: return windowStates.has(event.type) ? ofWindow(event as Heard<WindowEvent>) : undefined;
  }
}

function requested({ data, time }: Heard<DistributionRequested>): Moment | undefined {
  const { requestId, trigger, actor, reason, workflowId, contractIds = [], overrides = [] } = data;
  if (!BY_PEOPLE.has(trigger)) return undefined;
  return {
    type: 'DistributionRequested', at: time, actor, reason: reason || undefined,
    ids: {
      requestId, trigger, ...(workflowId ? { workflowId } : {}), ...(contractIds.length > 0 ? { contractIds } : {}),
      ...(overrides.length > 0 ? { overrides } : {}),
    },
  };
}

function returned({ data }: Heard<LeadReturned>): Moment {
  const { returnId, outboundLeadId, contractId, clientId, actor, reason } = data;
  return {
    type: 'LeadReturned', at: Date.parse(data.at), actor, reason: reason || undefined,
    ids: { returnId, outboundLeadId, contractId, ...(clientId ? { clientId } : {}) },
  };
}

function ofWindow({ type, data }: Heard<WindowEvent>): Moment {
  const { generation, expiresAt, every = '', actor } = data;
  const reasons = 'reasons' in data ? data.reasons ?? [] : [];
  const about = { generation, expiresAt: Date.parse(expiresAt), every, reasons };
  return windowMoment(type.split('.').at(-1)!, Date.parse(data.at), actor || undefined, about);
}

interface WindowIds { readonly generation: number; readonly expiresAt: string; readonly every?: string; readonly reasons?: string[] }
interface OfWindow { readonly generation: number; readonly expiresAt: number; readonly every: string; readonly reasons: readonly string[] }

function windowMoment(type: string, at: number, actor: string | undefined, { generation, expiresAt, every, reasons }: OfWindow): Moment {
  const more = { ...(every ? { every } : {}), ...(reasons.length > 0 ? { reasons } : {}) };
  return { type, at, actor, reason: reasons[0], ids: { generation, expiresAt: new Date(expiresAt).toISOString(), ...more } };
}

/** Begins a line that is no attempt's: URI encoding leaves no equals sign in a word. */
const MARK = '=';

/** Windows may be a million, so that their lines are short; the others are few and of any form. */
const ofWindows: ReadonlySet<string> = new Set([...windowStates.keys()].map((type) => type.split('.').at(-1)!));

export function momentLine({ type, at, actor, reason, ids }: Moment): string {
  if (ofWindows.has(type)) {
    const { generation, expiresAt, every = '', reasons = [] } = ids as unknown as WindowIds;
    const until = Date.parse(expiresAt).toString(36);
    return `${MARK}${type}|${at.toString(36)}|${word(actor ?? '')}|${generation}|${until}|${word(every)}|${reasons.map(word).join('+')};`;
  }
  return `${MARK}${type}|${at.toString(36)}|${encodeURIComponent(JSON.stringify({ actor, reason, ids }))};`;
}

/** The lines of a history that are no attempts. */
export function momentsIn(history: string): Moment[] {
  return history.split(';').filter((line) => line.startsWith(MARK)).map((line) => {
    const [type = '', at = '0', rest = '', generation = '', expiresAt = '', every = '', reasons = ''] = line.slice(MARK.length).split('|');
    if (ofWindows.has(type)) {
      return windowMoment(type, parseInt(at, 36), decodeURIComponent(rest) || undefined, {
        generation: Number(generation), expiresAt: parseInt(expiresAt, 36), every: decodeURIComponent(every),
        reasons: reasons.split('+').filter(Boolean).map(decodeURIComponent),
      });
    }
    return { type, at: parseInt(at, 36), ...(JSON.parse(decodeURIComponent(rest)) as Omit<Moment, 'type' | 'at'>) };
  });
}

export function isMoment(line: string): boolean {
  return line.startsWith(MARK);
}
