/** The span in which an inbound lead is tried again (A2): what a command does to it, and when it is due. */

export interface WindowState {
  state: 'open' | 'paused' | 'fulfilled' | 'stopped' | 'expired';
  openedAt: number;
  expiresAt: number;
  everyMs: number;
  /** The next periodic try. */
  nextAt: number;
  pausedAt?: number;
  pauseExtends: boolean;
  /** What pauses added to its length so far. */
  extendedMs: number;
  /** Goes up with every change, so that requests of an older one do nothing. */
  generation: number;
}

export type WindowCommand =
  | { kind: 'open'; lengthMs: number; everyMs: number; pauseExtends?: boolean }
  | { kind: 'pause' } | { kind: 'resume' } | { kind: 'stop' }
  | { kind: 'edit'; lengthMs?: number; everyMs?: number }
  /** Something changed that can end the wait: due at once. */
  | { kind: 'wake' }
  /** The clock came to `dueAt`. */
  | { kind: 'tick' }
  /** No further buyer fits and all is accepted. */
  | { kind: 'fulfil' };

export type WindowEvent =
  | { type: 'opened'; at: number; expiresAt: number; everyMs: number; nextAt: number; pauseExtends: boolean }
  | { type: 'paused'; at: number } | { type: 'resumed'; at: number; expiresAt: number; nextAt: number }
  | { type: 'edited'; expiresAt: number; everyMs: number; nextAt: number }
  | { type: 'stopped'; at: number } | { type: 'fulfilled'; at: number } | { type: 'expired'; at: number }
  /** The lead is to be distributed again now. */
  | { type: 'requested'; at: number; nextAt: number }
  | { type: 'refused'; reason: 'window_open' | 'no_window' | 'not_paused' | 'not_open' };

/** Command → what happens; changes nothing. Times in epoch milliseconds. */
export function decideWindow(window: WindowState | undefined, command: WindowCommand, now: number): WindowEvent[] {
  if (command.kind === 'open') return open(window, command, now);
  if (!window) return [{ type: 'refused', reason: 'no_window' }];
  const live = window.state === 'open' || window.state === 'paused';
  switch (command.kind) {
    case 'pause': return window.state === 'open' && now < window.expiresAt ? [{ type: 'paused', at: now }]
      : [{ type: 'refused', reason: 'not_open' }];
    case 'resume': return resume(window, now);
    case 'stop': return live ? [{ type: 'stopped', at: now }] : [{ type: 'refused', reason: 'not_open' }];
    case 'edit': return live ? edit(window, command, now) : [{ type: 'refused', reason: 'not_open' }];
    case 'fulfil': return live ? [{ type: 'fulfilled', at: now }] : [];
    case 'wake': return window.state === 'open' && now < window.expiresAt
      ? [{ type: 'requested', at: now, nextAt: nextTry(window, now) }] : [];
    case 'tick': return tick(window, now);
  }
}

/** What happened → the window after it. */
export function evolveWindow(window: WindowState | undefined, event: WindowEvent): WindowState | undefined {
  if (event.type === 'opened') {
    const { at, expiresAt, everyMs, nextAt, pauseExtends } = event;
    return { state: 'open', openedAt: at, expiresAt, everyMs, nextAt, pauseExtends, extendedMs: 0, generation: (window?.generation ?? 0)
      + 1 };
  }
  if (!window || event.type === 'refused') return window;
  // A request alone changes no terms: what was asked before it is still meant.
  if (event.type === 'requested') return { ...window, nextAt: event.nextAt };
  const next = { ...window, generation: window.generation + 1 };
  switch (event.type) {
    case 'paused': return { ...next, state: 'paused', pausedAt: event.at };
    case 'resumed': return { ...next, state: 'open', pausedAt: undefined, ...moved(window, event.expiresAt), nextAt: event.nextAt };
    case 'edited': return { ...next, expiresAt: event.expiresAt, everyMs: event.everyMs, nextAt: event.nextAt };
    case 'stopped': case 'fulfilled': case 'expired': return { ...next, state: event.type, pausedAt: undefined };
  }
}

function moved(window: WindowState, expiresAt: number): { expiresAt: number; extendedMs: number } {
  return { expiresAt, extendedMs: window.extendedMs + expiresAt - window.expiresAt };
}

/** When a `tick` is due; undefined = never. A paused window expires unless pausing stops its clock. */
export function dueAt(window: WindowState): number | undefined {
  if (window.state === 'open') return Math.min(window.nextAt, window.expiresAt);
  return window.state === 'paused' && !window.pauseExtends ? window.expiresAt : undefined;
}

function open(window: WindowState | undefined, command: Extract<WindowCommand, { kind: 'open' }>, now: number): WindowEvent[] {
  if (window?.state === 'open' || window?.state === 'paused') return [{ type: 'refused', reason: 'window_open' }];
  const { lengthMs, everyMs, pauseExtends = false } = command;
  return [{ type: 'opened', at: now, expiresAt: now + lengthMs, everyMs, nextAt: now + everyMs, pauseExtends }];
}

function resume(window: WindowState, now: number): WindowEvent[] {
  if (window.state !== 'paused') return [{ type: 'refused', reason: 'not_paused' }];
  const expiresAt = window.pauseExtends ? window.expiresAt + (now - (window.pausedAt ?? now)) : window.expiresAt;
  if (now >= expiresAt) return [{ type: 'expired', at: now }];
  // What changed during the pause was not tried, so it is tried now.
  return [{ type: 'resumed', at: now, expiresAt, nextAt: now + window.everyMs },
    { type: 'requested', at: now, nextAt: now + window.everyMs }];
}

function edit(window: WindowState, command: { lengthMs?: number; everyMs?: number }, now: number): WindowEvent[] {
  const everyMs = command.everyMs ?? window.everyMs;
  // A new length counts from the opening; what pauses added to the old one stays added.
  const expiresAt = command.lengthMs === undefined ? window.expiresAt : window.openedAt + command.lengthMs + window.extendedMs;
  const edited: WindowEvent = { type: 'edited', expiresAt, everyMs, nextAt: command.everyMs === undefined ? window.nextAt : now + everyMs };
  return expiresAt <= now && !(window.state === 'paused' && window.pauseExtends) ? [edited, { type: 'expired', at: now }] : [edited];
}

function tick(window: WindowState, now: number): WindowEvent[] {
  const due = dueAt(window);
  if (due === undefined || now < due) return [];
  if (now >= window.expiresAt) return [{ type: 'expired', at: now }];
  return [{ type: 'requested', at: now, nextAt: nextTry(window, now) }];
}

/** The next periodic try after `now`, on the window's own beat: a wake in between moves nothing. */
function nextTry(window: WindowState, now: number): number {
  if (window.nextAt > now) return window.nextAt;
  return window.nextAt + (Math.floor((now - window.nextAt) / window.everyMs) + 1) * window.everyMs;
}
