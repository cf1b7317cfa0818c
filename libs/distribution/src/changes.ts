/** Which single changes could let a losing contract win, smallest first of its kind. Whether one really does is tried by the caller. */
import { dayNumber, DAY_MS, formatDuration, formatMoney, localDate, localMs, parseMoney, WEEKDAYS, weekdayOfDay } from '@sluice/kernel';
import type { Moment } from './counterfactual.js';
import type { Verdict } from './decision.js';
import type { Contract, Order, Schedule, Settings } from './document.js';
import type { ConfigItem, ItemKind } from './items.js';
import { rankingChanges } from './ranking-changes.js';
import { recipientChanges } from './recipient-changes.js';
import type { Gate } from './reasons.js';
import { criteriaChanges } from './criteria-changes.js';
import { priceAsked } from './gates.js';
import { sceneOf } from './scene.js';

export interface Change { kind: ItemKind; id: string; path: string; to: unknown; words: string }

export interface Trial {
  moment: Moment;
  loser: Verdict;
  /** By `kind|id`. */
  bodies: ReadonlyMap<string, ConfigItem>;
  wins(change: Change): boolean;
}

/** Lazily, because the search among ranking changes makes decisions of its own. */
export function* candidatesFor(trial: Trial): Iterable<Change> {
  const [gate] = trial.loser.gates;
  if (!trial.moment.market.contracts.has(trial.loser.contractId)) yield* recipientChanges(trial);
  else if (gate === undefined) yield* rankingChanges(trial);
  else if (gate === 'criteria') yield* criteriaChanges(trial);
  else yield* gateChanges(trial, gate);
}

export function contractOf({ loser, bodies }: Trial): Contract {
  return bodies.get(`contract|${loser.contractId}`)!.body as Contract;
}

function* gateChanges(trial: Trial, gate: Gate): Iterable<Change> {
  const { loser, moment: { market, lead, life } } = trial;
  const own = (path: string, to: unknown, words: string): Change => ({ kind: 'contract', id: loser.contractId, path, to, words });
  const ofClient = (path: string, to: unknown, words: string): Change => ({ kind: 'client', id: loser.clientId, path, to, words });
  const contract = contractOf(trial);
  const terms = market.contracts.get(loser.contractId)!;
  if (gate.startsWith('cap_')) { yield* capChanges(trial); return; }
  switch (gate) {
    case 'client_not_active': yield ofClient('status', 'active', 'client active'); break;
    case 'contract_not_open': yield own('status', 'open', 'contract open'); break;
    case 'automation_off':
      yield own('automation', true, 'automation on');
      yield ofClient('automation', true, 'automation of the client on');
      break;
    case 'no_delivery_method':
      if (contract.deliveryMethod !== undefined) {
        yield { kind: 'deliveryMethod', id: contract.deliveryMethod, path: 'enabled', to: true,
          words: `delivery method ${contract.deliveryMethod} enabled` };
      }
      break;
    case 'schedule_closed': yield* scheduleChanges(trial, contract.schedule); break;
    case 'schedule_missing': yield own('schedule', { open: { 'mon-sun': ['00:00-24:00'] } }, 'a schedule'); break;
    case 'out_of_range': {
      const km = terms.distanceTo(placeOf(trial)) / 10;
      yield own('radiusKm', km, `radius ${contract.radiusKm} → ${km} km`);
      break;
    }
    case 'no_geo': yield own('radiusKm', undefined, 'no radius'); break;
    case 'score_too_low': if (lead.score !== undefined) yield own('minScore',
      lead.score, `minimum score ${contract.minScore} → ${lead.score}`); break;
    case 'lead_too_old': {
      const age = formatDuration(Math.ceil((trial.moment.now - lead.receivedAt) / 1000) * 1000);
      yield own('maxAge', age, `maximum age ${contract.maxAge} → ${age}`);
      break;
    }
    case 'share_count': {
      const sharers = life.picks.length + 1;
      for (let most = 1; most <= sharers; most++) yield own('maxShareCount', most, `share count ${contract.maxShareCount} → ${most}`);
      for (let most = 1; most <= sharers; most++) yield* workflowChange(trial, 'maxMultiplication', most, `multiplication → ${most}`);
      break;
    }
    case 'order_missing': case 'order_exhausted': case 'order_past_due': yield* orderChanges(trial); break;
    case 'credit_limit': {
      const wanted = BigInt(loser.limit?.used ?? 0) + priceOf(trial);
      const to = formatMoney(wanted, market.ground.currency);
      yield ofClient('creditLimit', to, `credit limit ${terms.client.body.creditLimit} → ${to}`);
      break;
    }
    case 'percentage_limit': yield* percentChanges(trial); break;
    case 'not_in_list': yield* listChanges(trial); break;
    default: break;
  }
}

function placeOf({ moment: { lead } }: Trial): { lat: number; lon: number } | undefined {
  return lead.lat !== undefined && lead.lon !== undefined ? { lat: lead.lat, lon: lead.lon } : undefined;
}

export const CAP_WORD = { hour: 'hourly', rolling60m: 'rolling hourly', day: 'daily', week: 'weekly', month: 'monthly', total: 'total' } as const;

function* capChanges(trial: Trial): Iterable<Change> {
  const { loser, bodies, moment: { market } } = trial;
  const { limit } = loser;
  if (!limit || !(limit.window in CAP_WORD)) return;
  const { scope, id, window, metric, used } = limit;
  const word = `${CAP_WORD[window as keyof typeof CAP_WORD]} cap`;
  const terms = market.contracts.get(loser.contractId)!;
  const { currency } = market.ground;
  const to = metric === 'count' ? used + 1 : formatMoney(BigInt(used) + priceOf(trial), currency);
  const from = metric === 'count' ? limit.limit : formatMoney(BigInt(limit.limit), currency);
  const words = `${word}${scope === 'contract' ? '' : ` of ${scope} ${id}`} ${from} → ${to}`;
  const plainCount = (caps: unknown) => typeof (caps as Record<string, unknown> | undefined)?.[window] !== 'object';
  const path = (caps: unknown) => `caps.${window}${plainCount(caps) ? '' : `.${metric}`}`;
  if (scope === 'contract') yield { kind: 'contract', id, path: path(terms.body.caps), to, words };
  if (scope === 'client') yield { kind: 'client', id, path: path(terms.client.body.caps), to, words };
  if (scope === 'campaign') yield { kind: 'campaign', id, path: path(market.campaigns.get(id)?.body.caps), to, words };
  const groups = (bodies.get('settings|settings')?.body as Settings | undefined)?.groups ?? [];
  const place = groups.findIndex((group) => group.id === id);
  if (scope === 'group' && place >= 0) {
    yield { kind: 'settings', id: 'settings', path: `groups.${place}.${path(groups[place]?.caps)}`, to, words };
  }
}

/** What the lead would cost the contract at most, as its gates took it. In minor units. */
function priceOf({ loser, moment }: Trial): bigint {
  const { market, state, lead, life, request, now, seed } = moment;
  return BigInt(priceAsked(sceneOf(market, state, lead, life, request, now, seed), market.contracts.get(loser.contractId)!));
}

/** Stretches the interval that ended or begins nearest to now, by whole minutes; or opens a closed date. */
function* scheduleChanges({ loser, moment: { market, now } }: Trial, schedule: Schedule | undefined): Iterable<Change> {
  if (!schedule) return;
  const zone = schedule.timezone ?? market.contracts.get(loser.contractId)!.client.zone;
  const date = localDate(now, zone);
  const at = { kind: 'contract' as const, id: loser.contractId };
  if (schedule.closed?.includes(date)) yield { ...at, path: 'schedule.closed', to: schedule.closed.filter((day) => day !== date),
    words: `open on ${date}` };
  const minute = Math.floor((localMs(now, zone) - dayNumber(date) * DAY_MS) / 60_000);
  const today = WEEKDAYS[weekdayOfDay(dayNumber(date))]!;
  const stretched: { change: Change; by: number }[] = [];
  for (const [days, intervals] of Object.entries(schedule.open)) {
    intervals.forEach((interval, place) => {
      const [from = '', to = ''] = interval.split('-').map((part) => part.trim());
      const [start, end] = [minutesOf(from), minutesOf(to)];
      // One that goes on past midnight is shut from its end to its beginning: what is nearer is stretched.
      const later = end > start ? minute >= end : minute + 1 - end < start - minute;
      const wider = later ? `${from}-${clock(minute + 1)}` : `${clock(minute)}-${to}`;
      const words = later ? `open until ${clock(minute + 1)}` : `open from ${clock(minute)}`;
      stretched.push({ by: later ? minute + 1 - end : start - minute,
        change: { ...at, path: `schedule.open.${days}.${place}`, to: wider, words } });
    });
  }
  for (const { change } of stretched.sort((a, b) => a.by - b.by)) yield change;
  yield { ...at, path: `schedule.open.${today}`, to: [`${clock(minute)}-${clock(minute + 1)}`],
    words: `open on ${today} at ${clock(minute)}` };
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

function* orderChanges(trial: Trial): Iterable<Change> {
  const { loser, bodies, moment: { market, state } } = trial;
  const { orders } = market.contracts.get(loser.contractId)!;
  for (const { id, status, quantity, amount } of orders) {
    if (status !== 'active') yield { kind: 'order', id, path: 'status', to: 'active', words: `order ${id} active` };
    const count = state.get(`order|${id}|count`) + 1;
    if (quantity !== Infinity) yield { kind: 'order', id, path: 'quantity', to: count, words: `order ${id}: ${quantity} → ${count}` };
    const { amount: booked = 0, overdraw = 0 } = bodies.get(`order|${id}`)!.body as Order;
    const { currency } = market.ground;
    const short = BigInt(state.get(`order|${id}|amount`)) + priceOf(trial) - parseMoney(overdraw, currency);
    const to = formatMoney(short, currency);
    const from = formatMoney(parseMoney(booked, currency), currency);
    if (amount !== Infinity) yield { kind: 'order', id, path: 'amount', to, words: `order ${id}: ${from} → ${to}` };
  }
  yield { kind: 'contract', id: loser.contractId, path: 'order', to: 'optional', words: 'no order required' };
}

/** The smallest percentage, of four decimals, whose share of the qualified leads, rounded up, has room for one more. */
function* percentChanges({ loser, moment: { market, state, now } }: Trial): Iterable<Change> {
  const { limit } = loser;
  const share = market.contracts.get(loser.contractId)!.qualified.find(({ scope, id }) => scope === limit?.scope && id === limit?.id);
  if (!limit || !share) return;
  const qualified = state.get(`pl|${share.scope}|${share.id}|q|${share.clock.at(now).name}`);
  for (const leads of [qualified + 1, qualified]) {
    const to = (Math.floor((limit.used * 1_000_000) / Math.max(1, leads)) + 1) / 10_000;
    yield { kind: share.scope, id: share.id, path: 'percentageLimit.percent', to, words: `percentage limit ${share.percent} → ${to}` };
  }
}

function* listChanges({ loser, bodies, moment: { market, lead } }: Trial): Iterable<Change> {
  for (const id of [market.campaigns.get(lead.campaignId)?.body.list, lead.list, lead.sourceList]) {
    const item = id === undefined ? undefined : bodies.get(`list|${id}`);
    if (!item?.body || item.kind !== 'list') continue;
    yield { kind: 'list', id: item.id, path: 'contracts', to: [...(item.body.contracts ?? []), loser.contractId],
      words: `in the list ${item.id}` };
  }
}

/** A change of the workflow that the decision was made by. */
export function* workflowChange({ moment: { market, lead, request } }: Trial, path: string, to: unknown, words: string): Iterable<Change> {
  const id = request.workflow ?? market.campaigns.get(lead.campaignId)?.body.workflow;
  if (id !== undefined) yield { kind: 'workflow', id, path, to, words };
}
