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
  | { type: 'refused'; reason: 'window_open' | 'window_fulfilled' | 'no_window' | 'not_paused' | 'not_open' };

/** Command → what happens; changes nothing. Times in epoch milliseconds. */
export function decideWindow(_window: WindowState | undefined, _command: WindowCommand, _now: number): WindowEvent[] {
  throw new Error('not built yet');
}

/** What happened → the window after it. */
export function evolveWindow(_window: WindowState | undefined, _event: WindowEvent): WindowState | undefined {
  throw new Error('not built yet');
}

/** When a `tick` is due; undefined = never. */
export function dueAt(_window: WindowState): number | undefined {
  throw new Error('not built yet');
}
