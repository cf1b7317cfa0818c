/**
 * What a script gets to see: of a lead its routing attributes and what is known of it besides, of a contract its terms. Nothing personal,
 * nothing that moves, and of time only the instant of the decision.
 */
import type { AskedContract, Campaign, Lead, MoneyText } from '@sluice/distribution';
import { localDate, localMs, localWeekday, WEEKDAYS } from '@sluice/kernel';

/** The first argument of every hook. */
export interface ScriptLead {
  id: string;
  campaign: string;
  /** By name, as the campaign declares them, and what is derived of them (`zip.state`). */
  fields: Readonly<Record<string, string | number | boolean | null>>;
  source?: string;
  channel?: string;
  country?: string;
  score?: number;
  duplicate: boolean;
  lat?: number;
  lon?: number;
  /** Epoch milliseconds: when it came, and when it is decided. */
  receivedAt: number;
  now: number;
  /** The same in the default zone: `2026-03-02`, `09:30`, `mon`. */
  date: string;
  time: string;
  weekday: string;
}

/** The second argument of `filter` and `score`, and the members of the plan that `afterPlan` gets. */
export interface ScriptContract {
  id: string;
  client: string;
  name?: string;
  clientName?: string;
  /** Delivery group: the contract's own, else its client's. */
  group?: string;
  clientGroup?: string;
  contractGroup?: string;
  tags: readonly string[];
  campaigns?: readonly string[];
  /** In units of the currency. */
  price: number;
  /** By number of sharers, where it has such. */
  prices?: Readonly<Record<string, number>>;
  qualityScore: number;
  priority?: number;
  weight?: number;
  percentage?: number;
  maxShareCount?: number;
  minScore?: number;
}

const personalOf = new WeakMap<Campaign, ReadonlySet<string>>();

export function leadFacts(lead: Lead, campaign: Campaign | undefined, now: number, zone: string): ScriptLead {
  const { leadId, campaignId, sourceId, channel, country, score, duplicate, lat, lon, receivedAt } = lead;
  const personal = campaign && personalFields(campaign);
  const fields = personal && personal.size > 0
    ? Object.fromEntries(Object.entries(lead.attributes).filter(([name]) => !personal.has(name))) : lead.attributes;
  return {
    id: leadId, campaign: campaignId, fields, source: sourceId, channel, country, score, duplicate: duplicate ?? false, lat, lon,
    receivedAt, now, ...localTime(now, zone),
  };
}

type LocalTime = Pick<ScriptLead, 'date' | 'time' | 'weekday'>;
/** All leads of a batch are decided at one instant. */
let known: { now: number; zone: string; local: LocalTime } | undefined;

function localTime(now: number, zone: string): LocalTime {
  if (known?.now !== now || known.zone !== zone) {
    const local = { date: localDate(now, zone), time: timeOf(localMs(now, zone)), weekday: WEEKDAYS[localWeekday(now, zone)]! };
    known = { now, zone, local };
  }
  return known.local;
}

function personalFields(campaign: Campaign): ReadonlySet<string> {
  let names = personalOf.get(campaign);
  if (!names) {
    names = new Set(Object.entries(campaign.fields ?? {}).flatMap(([name, { personal }]) => (personal === true ? [name] : [])));
    personalOf.set(campaign, names);
  }
  return names;
}

function timeOf(local: number): string {
  const minutes = Math.floor((((local % 86_400_000) + 86_400_000) % 86_400_000) / 60_000);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

export function contractFacts({ id, body, client }: AskedContract): ScriptContract {
  const { name, contractGroup, campaigns, priority, weight, percentage, maxShareCount, minScore } = body;
  return {
    id, client: client.id, name, clientName: client.body.name, group: body.group ?? client.body.group,
    clientGroup: client.body.clientGroup, contractGroup, tags: body.tags ?? [], campaigns,
    // Without a price of its own, what a single buyer pays.
    price: body.price === undefined ? amountOf(body.prices?.['1']) : amountOf(body.price),
    prices: body.prices && Object.fromEntries(Object.entries(body.prices).map(([buyers, price]) => [buyers, amountOf(price)])),
    qualityScore: body.qualityScore ?? 100, priority, weight, percentage, maxShareCount, minScore,
  };
}

function amountOf(money: MoneyText | undefined): number {
  const amount = Number(money ?? 0);
  return Number.isFinite(amount) ? amount : 0;
}
