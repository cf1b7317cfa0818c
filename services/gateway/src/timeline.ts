/** A lead's story: entries as they are kept beside its rows, one line each, and as they are shown. */
import type { Heard } from '@sluice/events';

export interface TimelineEntry {
  /** The event's own name: `LeadReceived`. */
  readonly type: string;
  readonly stage: Stage;
  readonly at: string;
  /** Who did it: `source:…`, `engine`, `delivery`, `client:…`. */
  readonly actor: string;
  readonly reason: string | null;
  readonly ids: Readonly<Record<string, unknown>>;
  readonly eventId: string;
  readonly traceId: string | null;
}

export type Stage = 'received' | 'decided' | 'reserved' | 'delivered' | 'released';

const stages: Readonly<Record<string, Stage>> = {
  LeadReceived: 'received', LeadDistributed: 'decided', LeadNotDistributed: 'decided', OutboundLeadReserved: 'reserved',
  OutboundLeadAccepted: 'delivered', OutboundLeadRejected: 'delivered', OutboundLeadFailed: 'delivered', OutboundLeadUnresolved: 'delivered',
  OutboundLeadReleased: 'released',
};
const order: readonly Stage[] = ['received', 'decided', 'reserved', 'delivered', 'released'];

interface About {
  readonly at: number;
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly ids: Readonly<Record<string, unknown>>;
}

/** One line of a history; JSON escapes line ends, so that no line holds one. A list and no mapping: there are millions of them. */
export function entryLine({ type, id, traceparent }: Heard, { at, actor, reason, ids }: About): string {
  const name = type.slice(type.lastIndexOf('.') + 1);
  return `${JSON.stringify([name, at, actor, reason ?? null, ids, id, traceparent?.split('-')[1] ?? null])}\n`;
}

/** A row's lines, and the ids that are the same for all of them. */
interface History {
  readonly lines: string;
  readonly ids: Readonly<Record<string, unknown>>;
}

/** The histories of a lead and of its outbound leads → entries in order of time, each event once. */
export function timelineOf(histories: readonly History[]): TimelineEntry[] {
  const entries = new Map<string, TimelineEntry & { readonly instant: number }>();
  for (const { lines, ids } of histories) {
    for (const line of lines.split('\n')) {
      if (line === '') continue;
      const [type, at, actor, reason, own, eventId, traceId] = JSON.parse(line) as
        [string, number, string, string | null, Record<string, unknown>, string, string | null];
      entries.set(eventId, {
        type, stage: stages[type] ?? 'decided', at: new Date(at).toISOString(), actor, reason, ids: { ...ids, ...own }, eventId, traceId, instant: at,
      });
    }
  }
  // Several services share one millisecond: then the way that a lead goes decides.
  return [...entries.values()]
    .sort((a, b) => a.instant - b.instant || order.indexOf(a.stage) - order.indexOf(b.stage) || (a.eventId < b.eventId ? -1 : 1))
    .map(({ instant: _, ...entry }) => entry);
}
