/** What people did to leads, as the audit log notes it: who, what, to which lead, and why. */
import { DistributionRequested, LeadReturned, type Heard } from '@sluice/events';
import { momentOf, windowStates, type Moment } from './moments.js';

export interface AuditNote {
  readonly tenantId: string;
  /** Noted once, however often the event is heard. */
  readonly eventId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  /** JSON: the contracts, the gates that were passed over, the reason. */
  readonly detail: string;
}

const requests: Readonly<Record<string, string>> = { manual: 'lead.distributed-by-hand', cherryPick: 'lead.cherry-picked' };

/** The note of an event; undefined where it was no person's doing. */
export function auditNoteOf(event: Heard): AuditNote | undefined {
  const moment = momentOf(event);
  if (!moment?.actor) return undefined;
  const action = actionOf(event, moment);
  if (action === undefined) return undefined;
  const detail = { ...moment.ids, ...(moment.reason ? { reason: moment.reason } : {}) };
  return {
    tenantId: event.tenantId, eventId: event.id, at: moment.at, actor: moment.actor, action, target: event.subject,
    detail: JSON.stringify(detail),
  };
}

function actionOf(event: Heard, { type, ids }: Moment): string | undefined {
  if (event.type === DistributionRequested.type) return requests[String(ids['trigger'])];
  if (event.type === LeadReturned.type) return 'lead.returned';
  // WindowPaused → window.paused
  return windowStates.has(event.type) ? type.replace(/^Window(.)/, (_, first: string) => `window.${first.toLowerCase()}`) : undefined;
}
