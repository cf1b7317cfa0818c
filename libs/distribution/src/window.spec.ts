import { describe, expect, it } from '@jest/globals';
import { decideWindow, dueAt, evolveWindow, type WindowCommand, type WindowState } from './window.js';

const HOUR = 3_600_000;

/** Commands at hours → the window after them, and what was said. */
function play(...steps: [hour: number, command: WindowCommand][]): { window: WindowState | undefined; said: string[] } {
  let window: WindowState | undefined;
  const said: string[] = [];
  for (const [hour, command] of steps) {
    for (const event of decideWindow(window, command, hour * HOUR)) {
      said.push(event.type === 'refused' ? event.reason : event.type);
      window = evolveWindow(window, event);
    }
  }
  return { window, said };
}
const open = (hours: number, every: number, pauseExtends = false): WindowCommand =>
  ({ kind: 'open', lengthMs: hours * HOUR, everyMs: every * HOUR, pauseExtends });
const due = (window: WindowState | undefined) => (window ? dueAt(window) : undefined);

describe('a window', () => {
  it('is due on its beat until it expires, and a wake in between moves the beat nowhere', () => {
    const { window, said } = play([0, open(6, 2)], [1, { kind: 'wake' }], [2, { kind: 'tick' }], [5.5, { kind: 'tick' }]);
    expect(said).toEqual(['opened', 'requested', 'requested', 'requested']);
    expect(due(window)).toBe(6 * HOUR);
    expect(decideWindow(window, { kind: 'tick' }, 6 * HOUR)).toEqual([{ type: 'expired', at: 6 * HOUR }]);
  });

  it('does nothing before it is due', () => {
    expect(play([0, open(6, 2)], [1, { kind: 'tick' }]).said).toEqual(['opened']);
  });

  it('is not tried while it is paused, and expires all the same', () => {
    const { window, said } = play([0, open(6, 2)], [1, { kind: 'pause' }], [3, { kind: 'tick' }], [4, { kind: 'wake' }]);
    expect(said).toEqual(['opened', 'paused']);
    expect(due(window)).toBe(6 * HOUR);
    expect(play([0, open(6, 2)], [1, { kind: 'pause' }], [7, { kind: 'resume' }]).said).toEqual(['opened', 'paused', 'expired']);
  });

  it('lasts longer by its pauses where they extend it, also after its length is edited', () => {
    const paused = play([0, open(6, 2, true)], [1, { kind: 'pause' }]);
    expect(due(paused.window)).toBeUndefined();
    const { window, said } = play([0, open(6, 2, true)], [1, { kind: 'pause' }], [11, { kind: 'resume' }],
      [12, { kind: 'edit', lengthMs: 8 * HOUR }]);
    expect(said).toEqual(['opened', 'paused', 'resumed', 'requested', 'edited']);
    expect(window).toMatchObject({ state: 'open', expiresAt: 18 * HOUR, nextAt: 13 * HOUR });
  });

  it('ends at once where its new length is over', () => {
    expect(play([0, open(6, 2)], [3, { kind: 'edit', lengthMs: 2 * HOUR }]).said).toEqual(['opened', 'edited', 'expired']);
  });

  it('opens again after it was stopped, has expired or was fulfilled, not while it is open', () => {
    expect(play([0, open(6, 2)], [1, { kind: 'stop' }], [2, open(6, 2)]).said).toEqual(['opened', 'stopped', 'opened']);
    expect(play([0, open(6, 2)], [6, { kind: 'tick' }], [9, open(6, 2)]).said).toEqual(['opened', 'expired', 'opened']);
    expect(play([0, open(6, 2)], [1, open(6, 2)]).said).toEqual(['opened', 'window_open']);
    expect(play([0, open(6, 2)], [1, { kind: 'fulfil' }], [2, open(6, 2)]).said).toEqual(['opened', 'fulfilled', 'opened']);
  });

  it('raises its generation with every change of its terms, so that an older request does nothing', () => {
    const { window } = play([0, open(6, 2)], [1, { kind: 'pause' }], [2, { kind: 'resume' }], [3, { kind: 'wake' }]);
    expect(window?.generation).toBe(3);
    expect(play([0, open(6, 2)], [1, { kind: 'stop' }], [2, open(6, 2)]).window?.generation).toBe(3);
  });

  it('refuses what makes no sense', () => {
    expect(play([0, { kind: 'pause' }]).said).toEqual(['no_window']);
    expect(play([0, open(6, 2)], [1, { kind: 'resume' }]).said).toEqual(['opened', 'not_paused']);
    expect(play([0, open(6, 2)], [1, { kind: 'stop' }], [2, { kind: 'stop' }], [2, { kind: 'edit' }]).said)
      .toEqual(['opened', 'stopped', 'not_open', 'not_open']);
  });
});
