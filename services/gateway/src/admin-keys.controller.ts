import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database, type Tx } from '@sluice/db';
import { Allow, Caller, Clock, pageOf, pageSizeOf, Problem, readCursor, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { AdminAuthenticator } from './admin-authenticator.service.js';
import { newKey } from './admin-key.service.js';
import { Tenant } from './tenant.entity.js';
import { TenantsStore } from './tenants.store.js';

const NewAdminKey = z.strictObject({ name: z.string().min(1).max(100) });

/** The caller's tenant, its admin keys, and what was done with them. */
@ApiTags('administration')
@Controller('v1')
@Allow('admin')
export class AdminKeysController {
  constructor(
    private readonly database: Database, private readonly store: TenantsStore, private readonly authenticator: AdminAuthenticator,
    private readonly clock: Clock,
  ) {}

  @Get('tenant')
  @ApiOperation({ summary: "The caller's tenant" })
  async tenant(@Caller() caller: Principal): Promise<unknown> {
    const tenant = await this.as(caller, (tx) => tx.manager.findOneBy(Tenant, { tenantId: caller.tenantId }));
    if (!tenant) throw new Problem(404, 'not_found', 'The tenant of this key is not there any more.');
    return { id: tenant.tenantId, name: tenant.name, createdAt: tenant.createdAt.toISOString() };
  }

  @Get('admin-keys')
  @ApiOperation({ summary: 'Admin keys of the tenant, without the keys themselves' })
  async list(@Caller() caller: Principal): Promise<unknown> {
    const keys = await this.as(caller, (tx) => this.store.keys(tx, caller.tenantId));
    const data = keys.map((key) => ({
      id: key.keyId, name: key.name, createdAt: key.createdAt.toISOString(), createdBy: key.createdBy,
      revokedAt: key.revokedAt?.toISOString() ?? null, revokedBy: key.revokedBy,
    }));
    return { data, nextCursor: null };
  }

  @Post('admin-keys')
  @HttpCode(201)
  @ApiOperation({ summary: 'Makes an admin key; it is shown this once' })
  async create(@Caller() caller: Principal, @Body({ schema: NewAdminKey }) body: z.output<typeof NewAdminKey>): Promise<unknown> {
    const made = newKey();
    const now = this.clock.now();
    await this.as(caller, async (tx) => {
      await this.store.addKey(tx, caller.tenantId, made, { name: body.name, by: caller.id, now });
      await this.store.audit(tx, caller.tenantId, { actor: caller.id, action: 'admin-key.created', target: made.keyId, now });
    });
    return { id: made.keyId, name: body.name, key: made.key };
  }

  @Delete('admin-keys/:id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revokes an admin key; the last one of a tenant stays' })
  async revoke(@Caller() caller: Principal, @Param('id') id: string): Promise<void> {
    const now = this.clock.now();
    await this.as(caller, async (tx) => {
      const outcome = await this.store.revokeKey(tx, caller.tenantId, id, caller.id, now);
      if (outcome === 'absent') throw new Problem(404, 'not_found', `There is no valid admin key "${id}".`);
      if (outcome === 'last') throw new Problem(409, 'last_key', 'This is the last admin key; make another before this one is revoked.');
      await this.store.audit(tx, caller.tenantId, { actor: caller.id, action: 'admin-key.revoked', target: id, now });
    });
    this.authenticator.forget(id);
  }

  @Get('audit-log')
  @ApiOperation({ summary: 'Privileged changes, newest first' })
  async audit(@Caller() caller: Principal, @Query('limit') limit?: string, @Query('cursor') cursor?: string): Promise<unknown> {
    const size = pageSizeOf(limit);
    const [before] = readCursor(cursor, [/^\d{1,18}$/]) ?? [];
    const rows = await this.as(caller, (tx) => this.store.audited(tx, caller.tenantId, before, size + 1));
    return pageOf(rows, size, ({ at, actor, action, target, detail }) => (
      { at: at.toISOString(), actor, action, target, ...(detail === null ? {} : { detail: JSON.parse(detail) as unknown }) }),
    ({ entryId }) => entryId);
  }

  private as<T>(caller: Principal, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'gateway', tenants: [caller.tenantId] }, work);
  }
}
