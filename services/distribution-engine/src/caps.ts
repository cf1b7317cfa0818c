/** Counters of caps as they stand at an instant: which limits there are, under which keys they count, and what the keys hold. */
import type { Market } from '@sluice/distribution';

type Limit = Market['campaigns'] extends Map<string, infer Terms extends { limits: unknown[] }> ? Terms['limits'][number] : never;

const ROLLING_MS = 3_600_000;

/** One limit with its bucket of the moment. */
export interface CapLine {
  readonly scope: string;
  readonly id: string;
  readonly window: string;
  readonly metric: 'count' | 'amount';
  /** Leads, or minor units of the currency. */
  readonly limit: number;
  /** The key that counts now; of a rolling hour the prefix of all its keys. */
  readonly key: string;
  readonly rolling: boolean;
  /** Name of the bucket, `rolling` for the rolling hour. */
  readonly bucket: string;
  /** Epoch ms; undefined where the bucket never ends or moves along. */
  readonly endsAt: number | undefined;
}

/** Whose limits are asked for; nothing set = all of the market. A contract has its client's and group's as well. */
export interface CapFilter {
  /** Or a recipient of push strategies, who has those of each strategy. */
  readonly contract?: string;
  readonly client?: string;
  readonly campaign?: string;
}

/** The limits that the filter asks for, by scope, id and window; each once. */
export function capLines(market: Market, now: number, filter: CapFilter = {}): CapLine[] {
  const isAll = filter.contract === undefined && filter.client === undefined && filter.campaign === undefined;
  const lines = new Map<string, CapLine>();
  const add = (limits: readonly Limit[]) => {
    for (const limit of limits) if (!lines.has(limit.prefix)) lines.set(limit.prefix, lineOf(limit, now));
  };
  for (const contract of market.contracts.values()) {
    if (isAll || contract.id === filter.contract || contract.client.id === filter.client) add(contract.limits);
  }
  for (const { recipients } of market.strategies.values()) {
    for (const { to, limits } of recipients) if (isAll || to === filter.contract) add(limits);
  }
  for (const [id, campaign] of market.campaigns) if (isAll || id === filter.campaign) add(campaign.limits);
  return [...lines.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What the filter names that is not there; undefined where all of it is. */
export function missingOf(
  market: Market, { contract, client, campaign }: CapFilter,
): { readonly what: string; readonly id: string } | undefined {
  const isRecipient = () => [...market.strategies.values()].some(({ recipients }) => recipients.some(({ to }) => to === contract));
  if (contract !== undefined && !market.contracts.has(contract) && !isRecipient()) return { what: 'contract', id: contract };
  if (client !== undefined && !market.links.clients.has(client)) return { what: 'client', id: client };
  return campaign !== undefined && !market.campaigns.has(campaign) ? { what: 'campaign', id: campaign } : undefined;
}

function lineOf({ scope, id, window, metric, limit, prefix, clock }: Limit, now: number): CapLine {
  const bucket = clock?.at(now);
  return {
    scope, id, window, metric, limit,
    key: bucket ? prefix + bucket.name : prefix,
    rolling: !bucket,
    bucket: bucket?.name ?? 'rolling',
    endsAt: bucket && Number.isFinite(bucket.until) ? bucket.until : undefined,
  };
}

/** What of a rolling hour still counts: the keys end in the instants of the reservations. */
export function rollingUse(entries: readonly { readonly key: string; readonly value: number }[], now: number): number {
  let used = 0;
  for (const { key, value } of entries) if (Number(key.slice(key.lastIndexOf('|') + 1)) > now - ROLLING_MS) used += value;
  return used;
}
