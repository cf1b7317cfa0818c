import { Injectable } from '@nestjs/common';
import type { Tx } from '@sluice/db';
import { ApiKey } from './api-key.entity.js';
import type { NewKey } from './admin-key.service.js';
import { AuditEntry } from './audit-entry.entity.js';

/** All SQL on tenants, keys and the audit log. */
@Injectable()
export class TenantsStore {
  /** One who makes the first tenant keeps all others waiting. */
  async lock(tx: Tx): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('sluice.first-tenant'))`);
  }

  async firstTenant(tx: Tx): Promise<string | undefined> {
    const [row] = await tx.query<{ tenant_id: string }>('SELECT tenant_id FROM gateway.tenants ORDER BY created_at, tenant_id LIMIT 1');
    return row?.tenant_id;
  }

  async addTenant(tx: Tx, tenantId: string, name: string, now: number): Promise<void> {
    await tx.query('INSERT INTO gateway.tenants (tenant_id, name, created_at) VALUES ($1, $2, to_timestamp($3::double precision / 1000))',
      [tenantId, name, now]);
  }

  async addKey(tx: Tx, tenantId: string, key: NewKey, about: { name: string; by: string; now: number }): Promise<void> {
    await tx.query(
      `INSERT INTO gateway.api_keys (key_id, tenant_id, name, hash, created_at, created_by)
       VALUES ($1, $2, $3, $4, to_timestamp($5::double precision / 1000), $6)`,
      [key.keyId, tenantId, about.name, key.hash, about.now, about.by]);
  }

  /** A key that is valid; the tenant comes from it. */
  async validKey(tx: Tx, keyId: string): Promise<{ readonly tenantId: string; readonly hash: Buffer } | undefined> {
    const [row] = await tx.query<{ tenant_id: string; hash: Buffer }>(
      'SELECT tenant_id, hash FROM gateway.api_keys WHERE key_id = $1 AND revoked_at IS NULL', [keyId]);
    return row && { tenantId: row.tenant_id, hash: row.hash };
  }

  /** Answers whether it was valid until now. The last valid key of a tenant stays: without it nobody could make another. */
  async revokeKey(tx: Tx, tenantId: string, keyId: string, by: string, now: number): Promise<'revoked' | 'absent' | 'last'> {
    const keys = await tx.query<{ key_id: string }>(
      'SELECT key_id FROM gateway.api_keys WHERE tenant_id = $1 AND revoked_at IS NULL ORDER BY key_id FOR UPDATE', [tenantId]);
    if (!keys.some((key) => key.key_id === keyId)) return 'absent';
    if (keys.length === 1) return 'last';
    await tx.query('UPDATE gateway.api_keys SET revoked_at = to_timestamp($3::double precision / 1000), revoked_by = $4 WHERE tenant_id = $1 AND key_id = $2',
      [tenantId, keyId, now, by]);
    return 'revoked';
  }

  keys(tx: Tx, tenantId: string): Promise<ApiKey[]> {
    return tx.manager.find(ApiKey, { where: { tenantId }, order: { createdAt: 'ASC', keyId: 'ASC' } });
  }

  async audit(tx: Tx, tenantId: string, entry: { actor: string; action: string; target: string; now: number }): Promise<void> {
    await tx.query('INSERT INTO gateway.audit_log (tenant_id, at, actor, action, target) VALUES ($1, to_timestamp($2::double precision / 1000), $3, $4, $5)',
      [tenantId, entry.now, entry.actor, entry.action, entry.target]);
  }

  audited(tx: Tx, tenantId: string, before: string | undefined, limit: number): Promise<AuditEntry[]> {
    const query = tx.manager.createQueryBuilder(AuditEntry, 'entry').where('entry.tenantId = :tenantId', { tenantId })
      .orderBy('entry.entryId', 'DESC').take(limit);
    if (before !== undefined) query.andWhere('entry.entryId < :before', { before });
    return query.getMany();
  }
}
