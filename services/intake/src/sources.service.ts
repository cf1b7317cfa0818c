import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';
import { Clock, Problem } from '@sluice/runtime';
import type { CallingSource } from './prepare-lead.service.js';
import { SourceKey } from './source-key.entity.js';
import { Source } from './source.entity.js';
import { SourcesStore } from './sources.store.js';

export interface NewSource {
  readonly id?: string | undefined;
  readonly name: string;
  readonly campaign?: string | undefined;
  readonly allowWithoutCampaign?: boolean | undefined;
  readonly channel?: string | undefined;
  readonly list?: string | undefined;
}

export interface SourceChange {
  readonly name?: string | undefined;
  readonly campaign?: string | null | undefined;
  readonly allowWithoutCampaign?: boolean | undefined;
  readonly channel?: string | null | undefined;
  readonly list?: string | null | undefined;
  readonly status?: 'active' | 'paused' | undefined;
}

/** A source whose key was shown. */
export interface KnownSource extends CallingSource {
  readonly paused: boolean;
}

interface CachedKey {
  readonly until: number;
  readonly source: KnownSource | undefined;
}

const KEY = /^sluice_src_([a-z0-9]{16})_([A-Za-z0-9_-]{43})$/;
/** How long a replica goes on with what it knows of a key: a revoked one dies everywhere within this. */
const CACHE_MS = 5_000;
const CACHED_MAX = 10_000;

/** Sources and their keys: made, changed, renewed with an overlap, revoked, and found by key. A key is shown once; its hash is kept. */
@Injectable()
export class SourcesService {
  private readonly cache = new Map<string, CachedKey>();
  private generation = 0;
  private readonly asking = new Map<string, Promise<KnownSource | undefined>>();

  constructor(private readonly database: Database, private readonly store: SourcesStore, private readonly clock: Clock) {}

  async create(tenantId: string, given: NewSource): Promise<{ source: Source; key: string }> {
    const now = new Date(this.clock.now());
    const source: Source = {
      tenantId, sourceId: given.id ?? slug(given.name), name: given.name, campaignId: given.campaign ?? null,
      withoutCampaign: given.allowWithoutCampaign ?? false,
      channel: given.channel ?? null, listId: given.list ?? null, status: 'active', createdAt: now,
    };
    return this.write(tenantId, async (tx) => {
      if (!(await this.store.add(tx, source))) {
        throw new Problem(409, 'source_exists', `There is a source "${source.sourceId}" already; choose another id.`, [{ pointer: '/id', code: 'exists', message: 'Taken.' }]);
      }
      return { source, key: await this.addKey(tx, tenantId, source.sourceId, now) };
    });
  }

  async change(tenantId: string, sourceId: string, change: SourceChange): Promise<Source> {
    return this.write(tenantId, async (tx) => {
      await this.one(tx, tenantId, sourceId);
      const { name, campaign: campaignId, allowWithoutCampaign: withoutCampaign, channel, list: listId, status } = change;
      const given = Object.entries({ name, campaignId, withoutCampaign, channel, listId, status })
        .filter(([, value]) => value !== undefined);
      await this.store.change(tx, tenantId, sourceId, Object.fromEntries(given));
      return this.one(tx, tenantId, sourceId);
    });
  }

  /** A new key; the old ones go on for `overlapMs`, so that the sender can change over without a gap. */
  async rotate(tenantId: string, sourceId: string, overlapMs: number): Promise<string> {
    const now = this.clock.now();
    return this.write(tenantId, async (tx) => {
      await this.one(tx, tenantId, sourceId);
      await this.store.expireKeys(tx, tenantId, sourceId, new Date(now + overlapMs));
      return this.addKey(tx, tenantId, sourceId, new Date(now));
    });
  }

  /** Ends one key of a source, or all of them. Answers how many it ended. */
  async revoke(tenantId: string, sourceId: string, keyId: string | undefined): Promise<number> {
    return this.write(tenantId, async (tx) => {
      await this.one(tx, tenantId, sourceId);
      return this.store.revokeKeys(tx, tenantId, sourceId, keyId, new Date(this.clock.now()));
    });
  }

  async find(tenantId: string, sourceId: string): Promise<{ source: Source; keys: SourceKey[] }> {
    return this.database.transaction({ service: 'intake', tenants: [tenantId] }, async (tx) => (
      { source: await this.one(tx, tenantId, sourceId), keys: await this.store.keys(tx, tenantId, [sourceId]) }));
  }

  async list(tenantId: string, after: string | undefined, limit: number): Promise<Source[]> {
    return this.database.transaction({ service: 'intake', tenants: [tenantId] }, (tx) => this.store.list(tx, tenantId, after, limit));
  }

  /** What is known of a key without asking the database; undefined = nothing is. */
  known(key: string): { readonly source: KnownSource | undefined } | undefined {
    const cached = this.cache.get(digest(key));
    return cached && cached.until > this.clock.now() ? cached : undefined;
  }

  /** The source that holds a key; undefined where it is malformed, unknown, revoked or over. */
  async byKey(key: string): Promise<KnownSource | undefined> {
    const known = this.known(key);
    if (known) return known.source;
    const keyId = KEY.exec(key)?.[1];
    if (keyId === undefined) return undefined;
    // However many requests meet a key that has to be looked up again, one of them does it.
    const asked = this.asking.get(key) ?? this.lookUp(key, keyId).finally(() => this.asking.delete(key));
    this.asking.set(key, asked);
    return asked;
  }

  private async lookUp(key: string, keyId: string): Promise<KnownSource | undefined> {
    const { generation } = this;
    const now = this.clock.now();
    const row = await this.database.transaction({ service: 'intake', tenants: [] }, (tx) => this.store.findKey(tx, keyId));
    const hash = digest(key);
    const ends = Math.min(row?.expiresAt?.getTime() ?? Infinity, now + CACHE_MS);
    const holds = row !== null && row.revokedAt === null && ends > now && timingSafeEqual(row.hash, Buffer.from(hash, 'hex'));
    const source = holds ? await this.sourceOf(row) : undefined;
    // What was read before a change of this process is not kept beyond it.
    if (generation !== this.generation) return source;
    if (this.cache.size >= CACHED_MAX) this.cache.delete(this.cache.keys().next().value ?? '');
    this.cache.set(hash, { until: holds ? ends : now + CACHE_MS, source });
    return source;
  }

  private async sourceOf({ tenantId, sourceId }: SourceKey): Promise<KnownSource | undefined> {
    const row = await this.database.transaction({ service: 'intake', tenants: [tenantId] }, (tx) => this.store.find(tx, tenantId, sourceId));
    return row === null ? undefined : {
      tenantId, sourceId, campaignId: row.campaignId ?? undefined, withoutCampaign: row.withoutCampaign, channel: row.channel ?? undefined,
      listId: row.listId ?? undefined, paused: row.status === 'paused',
    };
  }

  private async one(tx: Tx, tenantId: string, sourceId: string): Promise<Source> {
    const source = await this.store.find(tx, tenantId, sourceId);
    if (!source) throw new Problem(404, 'source_not_found', 'There is no such source.');
    return source;
  }

  private async addKey(tx: Tx, tenantId: string, sourceId: string, createdAt: Date): Promise<string> {
    const keyId = randomBytes(8).toString('hex');
    const key = `sluice_src_${keyId}_${randomBytes(32).toString('base64url')}`;
    await this.store.addKey(tx, { keyId, tenantId, sourceId, hash: Buffer.from(digest(key), 'hex'), createdAt, expiresAt: null, revokedAt: null });
    return key;
  }

  private async write<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    const result = await this.database.transaction({ service: 'intake', tenants: [tenantId] }, work);
    this.generation++;
    this.asking.clear();
    this.cache.clear();
    return result;
  }
}

/** 256 bits of chance need no slow hash. */
function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function slug(name: string): string {
  return name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 60) || `source-${randomBytes(4).toString('hex')}`;
}
