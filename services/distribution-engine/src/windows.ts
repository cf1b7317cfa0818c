/**
 * A lead's window as workflow tells it (A2). The engine keeps no time of it: it knows its generation, whether it is open and when it ends,
 * so that what was asked before a change does nothing, and a fallback ends with it (F5).
 */
import { shares, type Holding } from '@sluice/distribution';
import {
  LeadFulfilled, WindowEdited, WindowExpired, WindowFulfilled, WindowOpened, WindowPaused, WindowResumed, WindowStopped, type Heard,
} from '@sluice/events';
import type { LeadWindow, StoredLead } from './changes.js';
import { deadlineOf, type TenantMemory } from './memory.js';
import type { Run } from './run.js';

type WindowEvent = WindowOpened | WindowPaused | WindowResumed | WindowEdited | WindowStopped | WindowFulfilled | WindowExpired;

/** What each event makes of the window; an edit leaves it as it is. */
const STATES = new Map<string, LeadWindow['state']>([
  [WindowOpened.type, 'open'], [WindowPaused.type, 'paused'], [WindowResumed.type, 'open'], [WindowEdited.type, undefined],
  [WindowStopped.type, 'stopped'], [WindowFulfilled.type, 'fulfilled'], [WindowExpired.type, 'expired'],
]);

export const WINDOW_TYPES: readonly string[] = [...STATES.keys()];

/** Takes in what became of a window. It rests on its lead; what is older than what was heard changes nothing. */
export function hearWindow(run: Run, heard: Heard<WindowEvent>, topic: string): void {
  const { tenantId, leadId, generation, expiresAt } = heard.data;
  const tenant = run.tenant(tenantId);
  const stored = run.lead(tenantId, leadId);
  if (!stored) return run.wait(heard, topic, 'lead', leadId);
  if (generation < stored.windowGeneration) return;
  const opened = heard.type === WindowOpened.type;
  const { window } = stored;
  const isAnew = opened && window?.state !== undefined && generation > stored.windowGeneration;
  // What waits for the client that it names (D5) is tried by its window from now on.
  const isForced = opened && tenant.market.workflowOf(stored.lead.campaignId) !== undefined;
  if (isForced) tenant.held.remove(leadId);
  run.keep({
    ...stored, heldSince: isForced ? undefined : stored.heldSince, windowGeneration: generation, window: windowOf({
      state: STATES.get(heard.type) ?? window?.state ?? 'open',
      expiresAt: Date.parse(expiresAt),
      // One that is opened anew is tried at once and fulfilled anew. What was said before the first one was heard of was said of that.
      ...(isAnew ? {} : { full: window?.full, fulfilled: window?.fulfilled }),
    }),
  });
}

/** Whether a window's request was overtaken by a change of the window, so that it does nothing. */
export function isOvertaken({ windowGeneration, window }: StoredLead, generation: number, workflowId: string | undefined): boolean {
  // What an expired window falls back on is asked for when nothing else of it is: by the generation that ended, or the one it ended with.
  if (window?.state === 'expired' && workflowId) return generation > 0 && generation < windowGeneration - 1;
  if (generation > 0 && generation < windowGeneration) return true;
  return window?.state !== undefined && window.state !== 'open' && generation <= windowGeneration;
}

/** The instant from which nobody else is tried (F5): the window's end, else the campaign's deadline; undefined = never. */
export function deadlineAt(tenant: TenantMemory, { lead, window }: StoredLead): number | undefined {
  if (window?.state !== undefined) return window.expiresAt;
  const deadlineMs = deadlineOf(tenant, lead.campaignId);
  return deadlineMs === undefined ? undefined : lead.receivedAt + deadlineMs;
}

/**
 * Whether the lead may be offered to somebody else of the engine's own accord after an attempt by `trigger` was turned down. Not while its
 * window rests: it is tried again the moment that goes on. What is pushed waits for presence and for no window, and is held again.
 */
export function mayFallBack(run: Run, tenant: TenantMemory, stored: StoredLead, trigger: string): boolean {
  const state = stored.window?.state;
  if (trigger !== 'push' && (state === 'paused' || state === 'stopped' || state === 'expired')) return false;
  const deadline = deadlineAt(tenant, stored);
  return deadline === undefined || run.now < deadline;
}

/**
 * The window as it stands after an attempt; undefined where the lead has none and gets none by its workflow. What a client takes from the
 * pool is in no share count (A4): the lead has as much room as before.
 */
export function afterAttempt(tenant: TenantMemory, { lead, window }: StoredLead, trigger: string, full: boolean): LeadWindow | undefined {
  if (trigger === 'cherryPick') return window;
  if (!window && tenant.market.workflowOf(lead.campaignId)?.mode !== 'window') return undefined;
  // A person may fill a lead up; that there was room by what he chose says nothing of the rules, whose takes may leave none.
  return windowOf({ ...window, full: full || (trigger === 'manual' && window?.full) });
}

/** The window after somebody turned the lead down: there is room again. */
export function afterRelease({ window }: StoredLead, { state }: Holding): LeadWindow | undefined {
  return window?.full && state !== 'cherryPicked' ? windowOf({ ...window, full: undefined }) : window;
}

/** Says once that nobody further fits and all have accepted. What nobody knows the outcome of keeps it open. */
export function sayIfFulfilled(run: Run, stored: StoredLead, traceparent: string | undefined): void {
  const { lead, life, window } = stored;
  if (!window?.full || window.fulfilled) return;
  if (window.state !== undefined && window.state !== 'open' && window.state !== 'paused') return;
  const counts = run.tenant(lead.tenantId).market.workflowOf(lead.campaignId)?.cherryPickCounts ?? false;
  if (life.picks.some(isReserved) || !life.picks.some((pick) => shares(pick, counts))) return;
  run.keep({ ...stored, window: windowOf({ ...window, fulfilled: true }) });
  run.changes.said.push(LeadFulfilled.make(
    { tenantId: lead.tenantId, leadId: lead.leadId, campaignId: lead.campaignId, at: run.nowText },
    { id: run.id(), time: run.now, traceparent },
  ));
}

function isReserved({ state }: Holding): boolean {
  return state === 'reserved';
}

/** The state stands first: snapshots look for the windows that are open by the text they are stored as. */
function windowOf({ state, expiresAt, full, fulfilled }: LeadWindow): LeadWindow {
  return { ...(state && { state }), ...(expiresAt !== undefined && { expiresAt }), ...(full && { full }), ...(fulfilled && { fulfilled }) };
}
