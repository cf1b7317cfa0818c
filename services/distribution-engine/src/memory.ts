/**
 * What the engine holds of a partition while it owns it: each tenant's market and counters, and the records that wait. Leads are not
 * here. It moves with every batch that is decided, and is thrown away when a commit fails.
 */
import { Market, State, type ConfigItem, type MarketOptions, type StateEntry } from '@sluice/distribution';
import { parseDuration } from '@sluice/kernel';
import type { Heard } from '@sluice/events';
import type { WaitingRow } from './changes.js';
import { HeldLeads, type HeldLead } from './held.js';

export interface TenantMemory {
  readonly tenantId: string;
  /** The last configuration version that was taken whole; 0 = none. */
  version: number;
  readonly market: Market;
  readonly state: State;
  /** What `deadlineOf` found, by campaign; emptied by a change of configuration. */
  readonly deadlines: Map<string, number | undefined>;
  /** Versions that are not whole yet. */
  readonly incomplete: Map<number, IncompleteVersion>;
  readonly held: HeldLeads;
}

export interface IncompleteVersion {
  /** How many parts it has. */
  readonly parts: number;
  readonly got: Map<number, readonly ConfigItem[]>;
}

export interface WaitingRecord extends WaitingRow {
  readonly heard: Heard;
}

export interface PartitionMemory {
  readonly partition: number;
  readonly epoch: number;
  /** The last batch that was decided, committed or not. */
  batchNo: number;
  /** The instant of that batch: time never goes back within a partition. */
  now: number;
  readonly tenants: Map<string, TenantMemory>;
  /** By `waitsFor`. */
  readonly waiting: Map<string, WaitingRecord[]>;
}

export interface PartRecord {
  readonly version: number;
  readonly part: number;
  readonly parts: number;
  readonly items: readonly ConfigItem[];
}

/** What a load found of one tenant. */
export interface TenantRecord {
  readonly tenantId: string;
  readonly version: number;
  readonly items: readonly ConfigItem[];
  readonly state: Iterable<StateEntry>;
  readonly parts: readonly PartRecord[];
  readonly held: readonly HeldLead[];
}

export interface PartitionRecord {
  readonly tenants: readonly TenantRecord[];
  readonly waiting: readonly WaitingRecord[];
}

/** What a load or a snapshot found → the memory to go on from. */
export function partitionMemory(
  partition: number, link: { readonly epoch: number; readonly batchNo: number; readonly now: number }, record: PartitionRecord,
  options: MarketOptions,
): PartitionMemory {
  const memory: PartitionMemory = { partition, ...link, tenants: new Map(), waiting: new Map() };
  for (const tenant of record.tenants) memory.tenants.set(tenant.tenantId, tenantMemory(tenant, link.now, options));
  for (const waiting of record.waiting) addWaiting(memory.waiting, waiting);
  return memory;
}

/** `now`: the instant of the last batch, from which newcomers count where the state has not met them yet. */
export function tenantMemory(record: TenantRecord, now: number, options: MarketOptions): TenantMemory {
  const tenant: TenantMemory = {
    tenantId: record.tenantId,
    version: record.version,
    market: Market.compile(record.items, options),
    state: State.load(record.state),
    deadlines: new Map(),
    incomplete: new Map(),
    held: new HeldLeads(record.held),
  };
  tenant.state.follow(tenant.market, now);
  for (const part of record.parts) addPart(tenant, part);
  return tenant;
}

/**
 * How long after its arrival a lead without a window may fall back (F5), in ms: the campaign's deadline; undefined = for ever. Where the
 * workflow opens a window, that begins when the first round is over, and lasts from then.
 */
export function deadlineOf(tenant: TenantMemory, campaignId: string): number | undefined {
  const { market, deadlines } = tenant;
  if (!deadlines.has(campaignId)) {
    const length = market.workflowOf(campaignId)?.mode === 'window' ? undefined : market.campaigns.get(campaignId)?.body.deadline;
    deadlines.set(campaignId, length === undefined ? undefined : parseDuration(length));
  }
  return deadlines.get(campaignId);
}

export function addPart(tenant: TenantMemory, { version, part, parts, items }: PartRecord): void {
  let incomplete = tenant.incomplete.get(version);
  if (!incomplete) tenant.incomplete.set(version, (incomplete = { parts, got: new Map() }));
  incomplete.got.set(part, items);
}

/** The lowest version that waits, if it is whole: versions are taken in order, since each says only what it changed. */
export function firstWhole(tenant: TenantMemory): number | undefined {
  if (tenant.incomplete.size === 0) return undefined;
  const first = Math.min(...tenant.incomplete.keys());
  const { parts, got } = tenant.incomplete.get(first)!;
  return got.size === parts ? first : undefined;
}

/** Under what a record waits: all that rest on a tenant's version wait in one line, those that rest on a lead in that lead's. */
export function waitsFor(row: { readonly tenantId: string; readonly kind: WaitingRow['kind']; readonly restsOn: string }): string {
  return row.kind === 'version' ? `${row.tenantId}\nversion` : `${row.tenantId}\nlead\n${row.restsOn}`;
}

export function addWaiting(waiting: Map<string, WaitingRecord[]>, record: WaitingRecord): void {
  const key = waitsFor(record);
  const line = waiting.get(key);
  if (line) line.push(record);
  else waiting.set(key, [record]);
}
