import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { IntakeConfigured, type ConfigurationChanged, type Heard } from '@sluice/events';
import { isKnownZone, sha256, utf8, uuidFrom } from '@sluice/kernel';
import { Clock, Log } from '@sluice/runtime';
import { SettingsDocument } from './campaign.js';
import { compileCampaign, noCampaign, type CompiledCampaign, type TenantDefaults } from './check-lead.js';
import { ConfigurationStore, type ConfigurationRow, type PartRow } from './configuration.store.js';
import { SourcesStore } from './sources.store.js';

export interface TenantConfiguration {
  readonly version: number;
  readonly campaigns: ReadonlyMap<string, CompiledCampaign>;
  /** The terms of leads that have no campaign. */
  readonly none: CompiledCampaign;
}

const KINDS = new Set(['settings', 'campaign']);
type Item = NonNullable<ConfigurationChanged['items']>[number];

/** The tenants' campaigns as they stand, compiled; and how they come to stand: whole versions, each reported once. */
@Injectable()
export class ConfigurationService {
  private readonly compiled = new Map<string, TenantConfiguration>();
  private readonly reading = new Map<string, Promise<TenantConfiguration>>();
  private readonly store = new ConfigurationStore();

  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock, private readonly log: Log,
    private readonly sources: SourcesStore,
  ) {}

  /** What is at hand; it may be a version old, which the commit of a lead finds out. */
  cached(tenantId: string): TenantConfiguration | undefined {
    return this.compiled.get(tenantId);
  }

  async of(tenantId: string): Promise<TenantConfiguration> {
    const cached = this.cached(tenantId);
    if (cached) return cached;
    const reading = this.reading.get(tenantId)
      ?? this.database.transaction({ service: 'intake', tenants: [tenantId] }, (tx) => this.load(tx, tenantId)).finally(() => this.reading.delete(tenantId));
    this.reading.set(tenantId, reading);
    return reading;
  }

  /** Reads and compiles a tenant's configuration anew. */
  async load(tx: Tx, tenantId: string): Promise<TenantConfiguration> {
    const { version, items } = await this.store.load(tx, tenantId);
    const defaults = defaultsOf(items);
    const campaigns = new Map<string, CompiledCampaign>();
    for (const item of items) {
      if (item.kind !== 'campaign') continue;
      try {
        campaigns.set(item.id, compileCampaign(item.id, JSON.parse(item.body), defaults));
      } catch (error) {
        // One campaign that cannot be compiled must not close the others: its leads are refused as of an unknown campaign.
        this.log.error({ tenantId, campaignId: item.id, version, reason: error instanceof Error ? error.message : 'unknown' }, 'a campaign cannot be compiled');
      }
    }
    const configuration = { version, campaigns, none: noCampaign(defaults) };
    if (version > 0) this.compiled.set(tenantId, configuration);
    return configuration;
  }

  lockVersions(tx: Tx, tenants: readonly string[]): Promise<Map<string, number>> {
    return this.store.lockVersions(tx, tenants);
  }

  /** Stores the parts, takes each version that is whole by now, and says so. */
  async take(events: readonly Heard<ConfigurationChanged>[], tx: Tx): Promise<void> {
    if (events.length === 0) return;
    await this.store.addParts(tx, events.map(({ data }) => ({
      tenantId: data.tenantId, version: data.version, part: data.part, parts: data.parts, items: JSON.stringify(data.items),
    })));
    for (const tenantId of new Set(events.map(({ data }) => data.tenantId))) {
      const whole = await this.store.wholeVersions(tx, tenantId);
      let current = await this.store.currentVersion(tx, tenantId);
      for (const version of new Set(whole.map((part) => part.version))) {
        // A version that is said again, as after a reset, is as good as taken.
        if (version > current) await this.apply(tx, tenantId, version, whole.filter((part) => part.version === version));
        current = Math.max(current, version);
        this.bus.append(tx, [this.configured(tenantId, version)]);
      }
      await this.store.dropParts(tx, tenantId, current);
      tx.afterCommit(() => this.compiled.delete(tenantId));
    }
  }

  private async apply(tx: Tx, tenantId: string, version: number, parts: readonly PartRow[]): Promise<void> {
    const items = parts.flatMap((part) => JSON.parse(part.items) as Item[]);
    const ours = items.filter((item) => KINDS.has(item.kind ?? ''));
    // An item that stands twice in one version (moved between parts) counts as it stands last.
    const kept = new Map(ours.filter((item) => !item.removed).map((item) => [`${item.kind} ${item.id}`, rowOf(item)]));
    await this.store.apply(tx, tenantId, version, [...kept.values()], ours.filter((item) => item.removed).map(rowOf));
    await this.sources.takeConfigured(tx, tenantId, items.filter((item) => item.kind === 'source').map((item) => (
      { id: item.id ?? '', removed: item.removed ?? false, body: item.body ?? {} })), this.clock.now());
  }

  private configured(tenantId: string, version: number) {
    // The id derives from the cause: said twice, it is the same event.
    const id = uuidFrom(sha256(utf8(`intake configured ${tenantId} ${version}`)).subarray(0, 16));
    return IntakeConfigured.make({ tenantId, version }, { id, time: this.clock.now() });
  }
}

function rowOf(item: Item): ConfigurationRow {
  return { kind: item.kind ?? '', id: item.id ?? '', body: JSON.stringify(item.body ?? {}) };
}

function defaultsOf(items: readonly ConfigurationRow[]): TenantDefaults {
  const row = items.find((item) => item.kind === 'settings');
  const settings = SettingsDocument.safeParse(row ? JSON.parse(row.body) : {});
  const { timezone = 'UTC', country = 'US' } = settings.success ? settings.data : {};
  return { timezone: isKnownZone(timezone) ? timezone : 'UTC', country };
}
