import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';
import { IsNull, MoreThan } from 'typeorm';
import { SourceDocument } from './campaign.js';
import { SourceKey } from './source-key.entity.js';
import { Source } from './source.entity.js';

export interface ConfiguredSource {
  readonly id: string;
  readonly removed: boolean;
  readonly body: unknown;
}

/** SQL of sources and their keys. Keys have no row-level security, since they tell the tenant: every query here names it. */
@Injectable()
export class SourcesStore {
  async add(tx: Tx, source: Source): Promise<boolean> {
    const result = await tx.manager.createQueryBuilder().insert().into(Source).values(source).orIgnore().returning('source_id').execute();
    return (result.raw as unknown[]).length > 0;
  }

  find(tx: Tx, tenantId: string, sourceId: string): Promise<Source | null> {
    return tx.manager.findOneBy(Source, { tenantId, sourceId });
  }

  list(tx: Tx, tenantId: string, after: string | undefined, limit: number): Promise<Source[]> {
    return tx.manager.find(Source, {
      where: { tenantId, ...(after === undefined ? {} : { sourceId: MoreThan(after) }) }, order: { sourceId: 'ASC' }, take: limit,
    });
  }

  async change(tx: Tx, tenantId: string, sourceId: string, change: Partial<Source>): Promise<void> {
    if (Object.keys(change).length > 0) await tx.manager.update(Source, { tenantId, sourceId }, change);
  }

  async addKey(tx: Tx, key: SourceKey): Promise<void> {
    await tx.manager.insert(SourceKey, key);
  }

  keys(tx: Tx, tenantId: string, sourceIds: readonly string[]): Promise<SourceKey[]> {
    return tx.manager.createQueryBuilder(SourceKey, 'k')
      .where('k.tenant_id = :tenantId AND k.source_id = ANY(:sourceIds)', { tenantId, sourceIds }).orderBy('k.created_at', 'ASC').addOrderBy('k.key_id').getMany();
  }

  /** Lets every valid key of the source end at an instant, unless it ends before. */
  async expireKeys(tx: Tx, tenantId: string, sourceId: string, at: Date): Promise<void> {
    await tx.query(`
      UPDATE intake.source_keys SET expires_at = least(expires_at, $3)
      WHERE tenant_id = $1 AND source_id = $2 AND revoked_at IS NULL`, [tenantId, sourceId, at]);
  }

  /** Answers how many keys it ended. */
  async revokeKeys(tx: Tx, tenantId: string, sourceId: string, keyId: string | undefined, at: Date): Promise<number> {
    const result = await tx.manager.update(SourceKey,
      { tenantId, sourceId, revokedAt: IsNull(), ...(keyId === undefined ? {} : { keyId }) }, { revokedAt: at });
    return result.affected ?? 0;
  }

  findKey(tx: Tx, keyId: string): Promise<SourceKey | null> {
    return tx.manager.findOneBy(SourceKey, { keyId });
  }

  /** Every tenant that ever had a source: for jobs that go through all of them. */
  async tenants(tx: Tx): Promise<string[]> {
    return (await tx.query<{ tenant_id: string }>(`SELECT DISTINCT tenant_id FROM intake.source_keys ORDER BY tenant_id`)).map((row) => row.tenant_id);
  }

  /** Sources that stand in the configuration document: made or changed. One that leaves it is paused, since its leads stay. */
  async takeConfigured(tx: Tx, tenantId: string, sources: readonly ConfiguredSource[], now: number): Promise<void> {
    for (const { id, removed, body } of sources) {
      if (removed) {
        await tx.query(`UPDATE intake.sources SET status = 'paused' WHERE tenant_id = $1 AND source_id = $2`, [tenantId, id]);
        continue;
      }
      const parsed = SourceDocument.safeParse(body);
      const document = parsed.success ? parsed.data : {};
      await tx.query(`
        INSERT INTO intake.sources (tenant_id, source_id, name, campaign_id, channel, list_id, status, created_at, without_campaign)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id, source_id) DO UPDATE SET name = excluded.name, campaign_id = excluded.campaign_id,
          channel = excluded.channel, list_id = excluded.list_id, status = excluded.status, without_campaign = excluded.without_campaign`,
      [tenantId, id, document.name ?? id, document.campaign ?? null, document.channel ?? null, document.list ?? null,
        document.status ?? 'active', new Date(now), document.allowWithoutCampaign ?? false]);
    }
  }
}
