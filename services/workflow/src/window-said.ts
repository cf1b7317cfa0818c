/** What happens to a window → the events that tell of it, and its history. */
import { evolveWindow, type WindowEvent, type WindowState } from '@sluice/distribution';
import {
  DistributionRequested, WindowEdited, WindowExpired, WindowFulfilled, WindowOpened, WindowPaused, WindowResumed, WindowStopped, type Said,
} from '@sluice/events';
import { formatDuration } from '@sluice/kernel';

/** Which window, who did it, and the trace that it belongs to. */
export interface Scene {
  readonly tenantId: string;
  readonly leadId: string;
  readonly campaignId: string;
  /** Empty: the system. */
  readonly actor: string;
  readonly traceparent: string | undefined;
}

/** A row of `workflow.window_history`. */
export interface HistoryEntry {
  readonly tenantId: string;
  readonly leadId: string;
  readonly generation: number;
  readonly what: string;
  readonly at: number;
  readonly actor: string;
  readonly expiresAt: number;
  readonly everyMs: number;
}

export interface Happened {
  readonly window: WindowState;
  readonly history: readonly HistoryEntry[];
  readonly said: readonly Said[];
  /** The lead is to be tried now. */
  readonly requested: boolean;
}

const events = {
  opened: WindowOpened, paused: WindowPaused, resumed: WindowResumed, edited: WindowEdited, stopped: WindowStopped,
  fulfilled: WindowFulfilled,
} as const;

/** Applies what was decided to a window, one event after the other. `reasons`: why its lead is unsold, for the case that it expires. */
export function happen(
  before: WindowState | undefined, decided: readonly WindowEvent[], scene: Scene, now: number, reasons: readonly string[] = [],
): Happened {
  let window = before;
  let requested = false;
  const history: HistoryEntry[] = [];
  const said: Said[] = [];
  for (const event of decided) {
    window = evolveWindow(window, event);
    if (event.type === 'requested') requested = true;
    if (event.type === 'requested' || event.type === 'refused') continue;
    const entry = entryOf(scene, window!, event.type, now);
    history.push(entry);
    said.push(saidOf(scene, entry, reasons));
  }
  return { window: window!, history, said, requested };
}

export function entryOf({ tenantId, leadId, actor }: Scene, window: WindowState, what: string, at: number): HistoryEntry {
  const { generation, expiresAt, everyMs } = window;
  return { tenantId, leadId, generation, what, at, actor, expiresAt, everyMs };
}

/** Ids are made of window and generation: said again, it is the same event. */
export function saidOf(scene: Scene, entry: HistoryEntry, reasons: readonly string[] = []): Said {
  const { tenantId, leadId, campaignId, actor, traceparent } = scene;
  const data = {
    tenantId, leadId, campaignId, generation: entry.generation, at: iso(entry.at), expiresAt: iso(entry.expiresAt),
    every: formatDuration(entry.everyMs), actor,
  };
  const about = { id: `window ${tenantId} ${leadId} ${entry.generation}`, time: entry.at, traceparent };
  if (entry.what === 'expired') return WindowExpired.make({ ...data, reasons: [...reasons] }, about);
  return events[entry.what as keyof typeof events].make(data, about);
}

/** Asks for another attempt. `version`: the engine decides on that configuration or a newer one. */
export function requestOf(
  { tenantId, leadId, traceparent }: Omit<Scene, 'actor' | 'campaignId'>,
  asked: { readonly requestId: string; readonly trigger: 'window' | 'push'; readonly generation: number; readonly version: number;
    readonly workflowId?: string | undefined },
  now: number,
): Said {
  const { requestId, trigger, generation, version, workflowId } = asked;
  return DistributionRequested.make({
    tenantId, leadId, requestId, trigger, configurationVersion: version, windowGeneration: generation, workflowId: workflowId ?? '',
  }, { id: requestId, time: now, traceparent });
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
