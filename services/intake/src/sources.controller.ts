import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { formatDuration, parseDuration } from '@sluice/kernel';
import { Allow, Caller, pageOf, PageQuery, Problem, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { afterOf } from './page.js';
import type { SourceKey } from './source-key.entity.js';
import type { Source } from './source.entity.js';
import { SourcesService } from './sources.service.js';

const id = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected a slug of lower-case letters, digits, - and _');
const text = z.string().min(1).max(128);

const NewSource = z.strictObject({
  id: id.optional().describe('A stable slug; made of the name where it is left out.'),
  name: text,
  campaign: text.optional().describe('The campaign of leads that name none.'),
  allowWithoutCampaign: z.boolean().optional().describe(
    'Takes leads that have no campaign: all their fields are sealed, and they are distributed by hand or cherry-picked.'),
  channel: text.optional(),
  list: text.optional().describe('The distribution list of its leads.'),
});
const SourceChange = z.strictObject({
  name: text.optional(), campaign: text.nullable().optional(), allowWithoutCampaign: z.boolean().optional(),
  channel: text.nullable().optional(), list: text.nullable().optional(), status: z.enum(['active', 'paused']).optional(),
});
const Rotation = z.strictObject({ overlap: z.string().default('P1D').describe('How long the old keys go on, such as PT1H.') }).default({ overlap: 'P1D' });
const Revocation = z.strictObject({ keyId: text.optional().describe('The key to end; all of the source where it is left out.') }).default({});
const OVERLAP_MAX_MS = parseDuration('P30D');

/** Sources and their API keys. A key is in the answer that makes it, and never again. */
@Controller('/v1/sources')
@Allow('admin')
export class SourcesController {
  constructor(private readonly sources: SourcesService) {}

  @Post()
  async create(@Caller() caller: Principal, @Body({ schema: NewSource }) body: z.infer<typeof NewSource>) {
    const { source, key } = await this.sources.create(caller.tenantId, body);
    return { ...shown(source), key };
  }

  @Get()
  async list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    const rows = await this.sources.list(caller.tenantId, afterOf(query), query.limit + 1);
    return pageOf(rows, query.limit, shown, (row) => row.sourceId);
  }

  @Get(':id')
  async one(@Caller() caller: Principal, @Param('id') sourceId: string) {
    const { source, keys } = await this.sources.find(caller.tenantId, sourceId);
    return { ...shown(source), keys: keys.map(shownKey) };
  }

  @Patch(':id')
  async change(@Caller() caller: Principal, @Param('id') sourceId: string, @Body({ schema: SourceChange }) body: z.infer<typeof SourceChange>) {
    return shown(await this.sources.change(caller.tenantId, sourceId, body));
  }

  @Post(':id/rotate')
  @HttpCode(200)
  async rotate(@Caller() caller: Principal, @Param('id') sourceId: string, @Body({ schema: Rotation }) body: z.infer<typeof Rotation>) {
    const overlapMs = overlapOf(body.overlap);
    return { key: await this.sources.rotate(caller.tenantId, sourceId, overlapMs), overlap: formatDuration(overlapMs) };
  }

  @Post(':id/revoke')
  @HttpCode(200)
  async revoke(@Caller() caller: Principal, @Param('id') sourceId: string, @Body({ schema: Revocation }) body: z.infer<typeof Revocation>) {
    return { revoked: await this.sources.revoke(caller.tenantId, sourceId, body.keyId) };
  }
}

function overlapOf(given: string): number {
  try {
    return Math.min(parseDuration(given), OVERLAP_MAX_MS);
  } catch {
    throw new Problem(422, 'invalid_overlap', 'Expected a duration such as PT1H or P1D.', [{ pointer: '/overlap', code: 'duration', message: 'Expected a duration.' }]);
  }
}

function shown(source: Source) {
  const { sourceId, name, campaignId, withoutCampaign, channel, listId, status, createdAt } = source;
  return {
    id: sourceId, name, campaign: campaignId, allowWithoutCampaign: withoutCampaign, channel, list: listId, status,
    createdAt: createdAt.toISOString(),
  };
}

function shownKey({ keyId, createdAt, expiresAt, revokedAt }: SourceKey) {
  const [expires, revoked] = [expiresAt?.toISOString() ?? null, revokedAt?.toISOString() ?? null];
  return { keyId, createdAt: createdAt.toISOString(), expiresAt: expires, revokedAt: revoked };
}
