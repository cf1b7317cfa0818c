/** What a batch of events says of leads that wait: folded to one piece of news a lead, in the order of the log. */
import {
  EndpointResumed, LeadDistributed, LeadFulfilled, LeadNotDistributed, LeadReturned, OutboundLeadReleased, type Heard,
} from '@sluice/events';

/** What an attempt of the engine's own accord left to wait for. Times in epoch ms. */
export interface Outcome {
  readonly decidedAt: number;
  /** The configuration that it was decided on. */
  readonly version: number;
  readonly chanceAt: number | null;
  /** `['*']`: more contracts than are listed. */
  readonly waitsOn: readonly string[];
  /** Of an attempt that picked nobody. */
  readonly reasons: readonly string[];
  readonly held: boolean;
  readonly heldUntil: number | null;
}

export interface LeadNews {
  readonly tenantId: string;
  readonly leadId: string;
  campaignId: string;
  /** Its first attempt: what a window opens from. */
  arrived: boolean;
  outcome: Outcome | undefined;
  /** Whether a further buyer fits; undefined = nothing was heard of it. */
  full: boolean | undefined;
  /** By how much the picks that stand went up or down. */
  picks: number;
  /** Somebody gave it back, and nobody was asked since. */
  freed: boolean;
  /** A person gave it to somebody, and nothing was tried since: it is held no more. */
  taken: boolean;
  /** When all accepted and no further buyer fits. */
  fulfilledAt: number | undefined;
  traceparent: string | undefined;
}

export interface News {
  readonly leads: readonly LeadNews[];
  /** Contracts that a unit was given back to. */
  readonly freed: readonly { readonly tenantId: string; readonly contractId: string }[];
  /** The same by a person who approved a return. */
  readonly returned: readonly { readonly tenantId: string; readonly contractId: string }[];
  /** Delivery methods that are well again. */
  readonly resumed: readonly { readonly tenantId: string; readonly methodId: string }[];
}

/** Beyond this a lead waits for "*", and is woken by whatever contract: a list for each of them would be rows without end. */
export const WAITS_MAX = 16;
export const ANY_CONTRACT = '*';

/** What such an attempt found holds of all contracts; a person's holds of those that he chose. */
const OWN_ACCORD: ReadonlySet<string> = new Set(['arrival', 'window', 'fallback', 'push']);

export function newsOf(events: readonly Heard[]): News {
  const leads = new Map<string, LeadNews>();
  const news = { freed: [] as News['freed'][number][], returned: [] as News['returned'][number][], resumed: [] as News['resumed'][number][] };
  for (const event of events) {
    if (is(event, LeadDistributed)) takeDistributed(leadOf(leads, event), event);
    else if (is(event, LeadNotDistributed)) takeNotDistributed(leadOf(leads, event), event);
    else if (is(event, LeadFulfilled)) leadOf(leads, event).fulfilledAt = Date.parse(event.data.at);
    else if (is(event, OutboundLeadReleased)) {
      const lead = leadOf(leads, event);
      lead.picks--;
      lead.freed = true;
      lead.full = false;
      news.freed.push({ tenantId: event.tenantId, contractId: event.data.contractId });
    } else if (is(event, LeadReturned)) news.returned.push({ tenantId: event.tenantId, contractId: event.data.contractId });
    else if (is(event, EndpointResumed)) news.resumed.push({ tenantId: event.tenantId, methodId: event.data.deliveryMethodId });
  }
  return { leads: [...leads.values()], ...news };
}

function is<T>(event: Heard, definition: { readonly type: string; parse(value: string): T }): event is Heard<T> {
  return event.type === definition.type;
}

function leadOf(leads: Map<string, LeadNews>, event: Heard<{ leadId: string; campaignId?: string }>): LeadNews {
  const key = `${event.tenantId}\n${event.data.leadId}`;
  let news = leads.get(key);
  if (!news) {
    news = {
      tenantId: event.tenantId, leadId: event.data.leadId, campaignId: '', arrived: false, outcome: undefined, full: undefined, picks: 0,
      freed: false, taken: false, fulfilledAt: undefined, traceparent: undefined,
    };
    leads.set(key, news);
  }
  news.campaignId = event.data.campaignId || news.campaignId;
  news.traceparent = event.traceparent ?? news.traceparent;
  return news;
}

function takeDistributed(news: LeadNews, event: Heard<LeadDistributed>): void {
  const { trigger, picks, full = false } = event.data;
  news.picks += picks.length;
  // A person may fill a lead up; that one who was chosen had no room says nothing of the others.
  if (full || OWN_ACCORD.has(trigger)) news.full = full;
  if (OWN_ACCORD.has(trigger)) takeOutcome(news, event, { reasons: [], held: false, heldUntil: null });
  // What a client takes from the pool ends no wait.
  else if (trigger !== 'cherryPick') {
    news.taken = true;
    if (news.outcome) news.outcome = { ...news.outcome, held: false, heldUntil: null };
  }
}

function takeNotDistributed(news: LeadNews, event: Heard<LeadNotDistributed>): void {
  const { trigger, reason, reasons = [], full = false, held = false, heldUntil } = event.data;
  if (!OWN_ACCORD.has(trigger)) return;
  news.full = full;
  const until = heldUntil ? Date.parse(heldUntil) : null;
  takeOutcome(news, event, { reasons: reasons.length > 0 ? reasons : [reason], held, heldUntil: held ? until : null });
}

function takeOutcome(
  news: LeadNews, { data, time }: Heard<LeadDistributed | LeadNotDistributed>, more: Pick<Outcome, 'reasons' | 'held' | 'heldUntil'>,
): void {
  const decidedAt = data.decidedAt ? Date.parse(data.decidedAt) : time;
  const chanceAt = data.nextChanceAt ? Date.parse(data.nextChanceAt) : null;
  const waitsOn = [...new Set(data.waitsOn ?? [])];
  news.arrived ||= data.trigger === 'arrival';
  news.freed = false;
  news.taken = false;
  news.outcome = {
    ...more, decidedAt, version: data.configurationVersion ?? 0,
    // A chance that was there already was taken by this very attempt; due at once for ever would be a loop.
    chanceAt: chanceAt !== null && chanceAt > decidedAt ? chanceAt : null,
    waitsOn: waitsOn.length > WAITS_MAX ? [ANY_CONTRACT] : waitsOn,
    heldUntil: more.heldUntil !== null && more.heldUntil > decidedAt ? more.heldUntil : null,
  };
}
