import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decideWindow, dueAt, evolveWindow, type WindowCommand, type WindowState } from '@sluice/distribution';
import fc from 'fast-check';
import { document, MINUTE, NOON, WindowRig, type SaidOf } from './windows.suite.js';
import { jitterOf } from './window-timer.js';
import { stateOf } from './window-state.js';

let rig: WindowRig;

beforeAll(async () => {
  rig = await WindowRig.open();
});

afterAll(async () => {
  await rig?.close();
});

beforeEach(async () => {
  await rig.empty();
});

const open = (lead: string, lengthMs?: number, everyMs?: number, tenant = 'a') => rig.commands.open(rig.admin(tenant), lead, { lengthMs, everyMs });
const command = (lead: string, one: Parameters<typeof rig.commands.command>[2], tenant = 'a') => rig.commands.command(rig.admin(tenant), lead, one);
const history = async (lead: string, tenant = 'a') => (await rig.database.transaction({ service: 'workflow', tenants: [tenant] }, (tx) =>
  rig.windows.history(tx, tenant, lead))).map(({ generation, what, actor }) => `${generation} ${what} by ${actor || 'the system'}`);

describe('a person', () => {
  it('opens a window on any lead with a campaign, and it is tried at once', async () => {
    await open('L1');
    await open('L1', 2 * 60 * MINUTE, 5 * MINUTE, 'b');
    const said = await rig.said();
    expect(said.map(({ tenantId, type, data }) => [tenantId, type, data['every'] ?? data['trigger'], data['actor']])).toEqual(expect.arrayContaining([
      ['a', 'WindowOpened', 'PT30M', 'admin of a'], ['a', 'DistributionRequested', 'window', undefined],
      ['b', 'WindowOpened', 'PT5M', 'admin of b'], ['b', 'DistributionRequested', 'window', undefined],
    ]));
    expect(await rig.row('b', 'L1')).toMatchObject({ expiresAt: NOON + 120 * MINUTE, openedBy: 'admin of b' });
    expect(await rig.refusal(open('unknown'))).toBe('404 unknown_lead');
    expect(await rig.refusal(open('loose'))).toBe('422 no_campaign');
    expect(await rig.refusal(open('L1'))).toBe('409 window_open');
  });

  it('opens a window on a lead that somebody has, which is not unsold when its time is over', async () => {
    for (const lead of ['sold-1', 'L1']) {
      await open(lead);
      await rig.hear(rig.unsold('a', lead, { trigger: 'window', reasons: ['cap_day'] }));
    }
    await rig.at(360);
    const ended = (await rig.said()).filter(({ type }) => type === 'WindowExpired');
    expect(ended.map(({ data }) => [data['leadId'], data['reasons']])).toEqual(expect.arrayContaining([['sold-1', []], ['L1', ['cap_day']]]));
  });

  it('opens one anew where it was stopped or expired, or has done its work', async () => {
    await open('L1');
    await command('L1', { kind: 'stop' });
    expect(await rig.refusal(command('L1', { kind: 'resume' }))).toBe('409 not_paused');
    await open('L1');
    await rig.at(360);
    expect(await rig.row('a', 'L1')).toMatchObject({ state: 'expired' });
    await open('L1');
    await rig.hear(rig.sold('a', 'L1', { full: true, trigger: 'window' }), rig.fulfilled('a', 'L1'));
    await open('L1');
    expect(await rig.row('a', 'L1')).toMatchObject({ state: 'open', isFull: false });
    await rig.hear(rig.sold('a', 'L1', { full: true, trigger: 'window' }), rig.fulfilled('a', 'L1'));
    expect(await history('L1')).toEqual([
      '1 opened by admin of a', '2 stopped by admin of a', '3 opened by admin of a', '4 expired by the system', '5 opened by admin of a',
      '6 fulfilled by the system', '7 opened by admin of a', '8 fulfilled by the system',
    ]);
  });

  it('is told what state a window is in that cannot do what he asks for', async () => {
    expect(await rig.refusal(command('L1', { kind: 'pause' }))).toBe('404 no_window');
    await open('L1');
    expect(await rig.refusal(command('L1', { kind: 'resume' }))).toBe('409 not_paused');
    await command('L1', { kind: 'pause' });
    await expect(command('L1', { kind: 'pause' })).rejects.toThrow(/The window of this lead is paused until 2026-03-02T18:00:00.000Z, so that it cannot be paused/);
    // Another tenant's window is none.
    expect(await rig.refusal(command('L1', { kind: 'stop' }, 'b'))).toBe('404 no_window');
  });

  it('pauses a window, whose time goes on, and has it tried at once when it goes on', async () => {
    await open('L1');
    await command('L1', { kind: 'pause' });
    await rig.said();
    await rig.at(100);
    expect(await rig.saidShort()).toEqual([]);
    await command('L1', { kind: 'resume' });
    expect((await rig.said()).map(({ type, data }) => [type, data['generation'] ?? data['windowGeneration']])).toEqual([['WindowResumed', 3], ['DistributionRequested', 3]]);
    expect(await rig.row('a', 'L1')).toMatchObject({ expiresAt: NOON + 360 * MINUTE, nextAt: NOON + 130 * MINUTE });
    await command('L1', { kind: 'pause' });
    await rig.at(360);
    expect((await rig.saidShort())).toEqual(['WindowPaused L1', 'WindowExpired L1', 'DistributionRequested L1']);
  });

  it('pauses a window whose workflow says that pausing stops its clock, and nothing comes due', async () => {
    await rig.apply('a', { ...document, workflows: document.workflows!.map((one) => ({ ...one, pauseExtends: true })) });
    await open('L1');
    await command('L1', { kind: 'pause' });
    expect(await rig.due('a', 'L1')).toBeNull();
    await rig.at(1000);
    await command('L1', { kind: 'resume' });
    expect(await rig.row('a', 'L1')).toMatchObject({ expiresAt: NOON + 1360 * MINUTE, extendedMs: 1000 * MINUTE, generation: 3 });
    await rig.apply('a', document);
  });

  it('edits length and interval of a window that is open or paused, by which it may end at once', async () => {
    await open('L1');
    await rig.at(10);
    await command('L1', { kind: 'edit', lengthMs: 60 * MINUTE });
    await command('L1', { kind: 'edit', everyMs: 5 * MINUTE });
    expect(await rig.row('a', 'L1')).toMatchObject({ expiresAt: NOON + 60 * MINUTE, everyMs: 5 * MINUTE, nextAt: NOON + 15 * MINUTE, generation: 3 });
    await rig.said();
    await command('L1', { kind: 'edit', lengthMs: 9 * MINUTE });
    expect((await rig.said()).map(({ type, data }) => [type, data['workflowId'] ?? '', data['actor'] ?? '']))
      .toEqual([['WindowEdited', '', 'admin of a'], ['WindowExpired', '', 'admin of a'], ['DistributionRequested', 'last', '']]);
    expect(await rig.due('a', 'L1')).toBeUndefined();
  });

  it('stops the windows of a campaign, so many a call, and sees whether more are left', async () => {
    const configurationVersion = (await rig.configurations.current('a')).version;
    await rig.hear(...Array.from({ length: 25 }, (_, place) => rig.unsold('a', `L${place}`, { configurationVersion })),
      rig.unsold('a', 'roof', { configurationVersion, campaignId: 'roofs' }), rig.unsold('b', 'other', { configurationVersion: 99 }));
    expect(await rig.commands.stopAll(rig.admin('a'), 'solar', 20, 7)).toEqual({ stopped: 20, more: true });
    expect(await rig.commands.stopAll(rig.admin('a'), 'solar', 20, 7)).toEqual({ stopped: 5, more: false });
    expect((await rig.row('a', 'roof'))!.state).toBe('open');
    expect((await rig.row('b', 'other'))!.state).toBe('open');
    expect((await rig.saidShort()).filter((one) => one.startsWith('WindowStopped'))).toHaveLength(25);
  });
});

/** What somebody or something does to the window of one lead. */
type Step =
  | { kind: 'open'; lengthMs: number; everyMs: number } | { kind: 'edit'; lengthMs?: number; everyMs?: number }
  | { kind: 'pause' } | { kind: 'resume' } | { kind: 'stop' } | { kind: 'fulfil' } | { kind: 'wake' } | { kind: 'wait'; ms: number };

const ms = (max: number) => fc.integer({ min: 1, max }).map((minutes) => minutes * MINUTE);
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('open' as const), lengthMs: ms(300), everyMs: ms(60) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: ms(90) }), weight: 4 },
  fc.record({ kind: fc.constant('edit' as const), lengthMs: ms(300), everyMs: ms(60) }, { requiredKeys: ['kind'] }),
  fc.constantFrom<Step>({ kind: 'pause' }, { kind: 'resume' }, { kind: 'wake' }, { kind: 'wake' }), fc.constantFrom<Step>({ kind: 'stop' }, { kind: 'fulfil' }));

/** The one state machine, driven as the timer drives the rows: what is due is tried when its time and its share of lateness have come. */
class Model {
  window: WindowState | undefined;
  said: string[] = [];

  constructor(private readonly leadId: string, private readonly pauseExtends: boolean) {}

  /** True: done; false: refused. */
  do(command: WindowCommand, now: number): boolean {
    for (const event of decideWindow(this.window, command, now)) {
      if (event.type === 'refused') return false;
      this.window = evolveWindow(this.window, event);
      this.said.push(event.type);
    }
    return true;
  }

  open(lengthMs: number, everyMs: number, now: number): boolean {
    return this.do({ kind: 'open', lengthMs, everyMs: Math.min(everyMs, lengthMs), pauseExtends: this.pauseExtends }, now) && this.do({ kind: 'wake' }, now);
  }

  waitTo(now: number): void {
    for (;;) {
      const due = this.window && dueAt(this.window);
      if (due === undefined || !this.window) return;
      const late = this.window.state === 'open' ? Math.min(due + jitterOf(this.leadId, this.window.everyMs), this.window.expiresAt) : due;
      if (late > now) return;
      this.do({ kind: 'tick' }, late);
    }
  }
}

describe('whatever is done to a window', () => {
  it('gives the states and events of the one state machine', async () => {
    let run = 0;
    for (const pauseExtends of [false, true]) {
      // Without a fallback, whose request the state machine knows nothing of.
      await rig.apply('a', { ...document, workflows: document.workflows!.map(({ fallback: _, ...one }) => ({ ...one, pauseExtends })) });
      await rig.run();
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        const leadId = `P${++run}`;
        const model = new Model(leadId, pauseExtends);
        let now = rig.clock.now();
        for (const one of steps) {
          if (one.kind === 'wait') {
            model.waitTo(now + one.ms);
            now = await waitTo(leadId, now + one.ms);
          } else expect(await done(leadId, one)).toBe(modelled(model, one, now));
          expect(await stateOfRow(leadId)).toEqual(withoutBeat(model.window));
        }
        expect((await rig.said()).filter(({ data }) => data['leadId'] === leadId).map(nameOf)).toEqual(model.said);
      }), { numRuns: 60 });
    }
    await rig.apply('a', document);
  }, 240_000);
});

/** The clock goes from one due time to the next, as the job's does. */
async function waitTo(leadId: string, end: number): Promise<number> {
  for (;;) {
    const due = await rig.due('a', leadId);
    const at = due === null || due === undefined ? Infinity : NOON + due * MINUTE;
    if (at > end) break;
    rig.clock.moveTo(Math.max(at, rig.clock.now()));
    await rig.run();
  }
  rig.clock.moveTo(end);
  return end;
}

async function done(leadId: string, one: Exclude<Step, { kind: 'wait' }>): Promise<boolean> {
  if (one.kind === 'fulfil') {
    await rig.hear(rig.fulfilled('a', leadId));
    return true;
  }
  if (one.kind === 'wake') {
    await rig.database.transaction({ service: 'workflow', tenants: ['a'] }, (tx) =>
      rig.timers.wake(tx, [{ tenantId: 'a', scope: 'campaign', scopeId: 'solar', at: rig.clock.now(), again: false }]));
    await rig.run();
    // A wake that came a moment ago rests before it comes again.
    await rig.database.pool.query('TRUNCATE workflow.window_wakes');
    return true;
  }
  const work = one.kind === 'open' ? open(leadId, one.lengthMs, one.everyMs) : command(leadId, one);
  return (await rig.refusal(work)) === 'done';
}

function modelled(model: Model, one: Exclude<Step, { kind: 'wait' }>, now: number): boolean {
  if (one.kind === 'open') return model.open(one.lengthMs, one.everyMs, now);
  const known = model.do(one, now);
  return one.kind === 'fulfil' || one.kind === 'wake' ? true : known;
}

async function stateOfRow(leadId: string): Promise<WindowState | undefined> {
  const row = await rig.row('a', leadId);
  return row && withoutBeat(stateOf(row));
}

/** One that has ended has no beat any more. */
function withoutBeat(window: WindowState | undefined): WindowState | undefined {
  if (!window || window.state === 'open' || window.state === 'paused') return window;
  return { ...window, nextAt: 0 };
}

const nameOf = ({ type }: SaidOf) => (type === 'DistributionRequested' ? 'requested' : type.replace('Window', '').toLowerCase());
