/**
 * What happened to a lead besides its attempts: windows, what people asked for, returns, scripts that failed. Each is a line of the lead's
 * history, told apart from attempts by its first character, which no line of an attempt begins with.
 */
import {
  DistributionRequested, LeadFulfilled, LeadReturned, ScriptFailed, WindowEdited, WindowExpired, WindowFulfilled, WindowOpened,
  WindowPaused, WindowResumed, WindowStopped, type Heard,
} from '@sluice/events';

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
      return { type: 'LeadFulfilled', at: Date.parse(data.at), ids: { leadId: data.leadId } };
    }
    case ScriptFailed.type: {
      const { data } = event as Heard<ScriptFailed>;
      const { leadId, scriptId, version, hook } = data;
      return { type: 'ScriptFailed', at: Date.parse(data.at), reason: data.reason, ids: { leadId, scriptId, hook, ...(version ? { version } : {}) } };
    }
    default: return windowStates.has(event.type) ? ofWindow(event as Heard<WindowEvent>) : undefined;
  }
}

function requested({ data, time }: Heard<DistributionRequested>): Moment | undefined {
  const { leadId, requestId, trigger, actor, reason, workflowId, contractIds = [], overrides = [] } = data;
  if (!BY_PEOPLE.has(trigger)) return undefined;
  return {
    type: 'DistributionRequested', at: time, actor, reason: reason || undefined,
    ids: {
      leadId, requestId, trigger, ...(workflowId ? { workflowId } : {}), ...(contractIds.length > 0 ? { contractIds } : {}),
      ...(overrides.length > 0 ? { overrides } : {}),
    },
  };
}

function returned({ data }: Heard<LeadReturned>): Moment {
  const { leadId, returnId, outboundLeadId, contractId, clientId, actor, reason } = data;
  return {
    type: 'LeadReturned', at: Date.parse(data.at), actor, reason: reason || undefined,
    ids: { leadId, returnId, outboundLeadId, contractId, ...(clientId ? { clientId } : {}) },
  };
}

function ofWindow({ type, data }: Heard<WindowEvent>): Moment {
  const { leadId, generation, expiresAt, every, actor } = data;
  const reasons = 'reasons' in data ? data.reasons ?? [] : [];
  return {
    type: type.split('.').at(-1)!, at: Date.parse(data.at), actor: actor || undefined, reason: reasons[0],
    ids: { leadId, generation, expiresAt, ...(every ? { every } : {}), ...(reasons.length > 0 ? { reasons } : {}) },
  };
}

/** Begins a line that is no attempt's: URI encoding leaves no equals sign in a word. */
const MARK = '=';

export function momentLine({ type, at, actor, reason, ids }: Moment): string {
  return `${MARK}${type}|${at.toString(36)}|${encodeURIComponent(JSON.stringify({ actor, reason, ids }))};`;
}

/** The lines of a history that are no attempts. */
export function momentsIn(history: string): Moment[] {
  return history.split(';').filter((line) => line.startsWith(MARK)).map((line) => {
    const [type = '', at = '0', rest = ''] = line.slice(MARK.length).split('|');
    return { type, at: parseInt(at, 36), ...(JSON.parse(decodeURIComponent(rest)) as Omit<Moment, 'type' | 'at'>) };
  });
}

export function isMoment(line: string): boolean {
  return line.startsWith(MARK);
}
