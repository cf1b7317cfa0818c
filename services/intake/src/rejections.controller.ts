import { Controller, Get, Query } from '@nestjs/common';
import { isUuid } from '@sluice/kernel';
import { Allow, Caller, pageOf, PageQuery, Problem, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { RejectionsStore, type ShownRejection } from './rejections.store.js';
import { afterOf } from './page.js';

const RejectionQuery = PageQuery.extend({
  source: z.string().max(128).optional(),
  campaign: z.string().max(128).optional(),
  reason: z.enum(['invalid', 'unknown_campaign', 'duplicate']).optional(),
});
type RejectionQuery = z.infer<typeof RejectionQuery>;

/** Leads that were turned away, the newest first: why and where, never with what values. */
@Controller('/v1/rejections')
@Allow('admin')
export class RejectionsController {
  constructor(private readonly store: RejectionsStore) {}

  @Get()
  async list(@Caller() caller: Principal, @Query({ schema: RejectionQuery }) query: RejectionQuery) {
    const before = afterOf(query);
    if (before !== undefined && !isUuid(before)) throw new Problem(400, 'invalid_cursor', 'Take the cursor from nextCursor of the page before.');
    const rows = await this.store.list(caller.tenantId, { ...query, before, limit: query.limit + 1 });
    return pageOf(rows, query.limit, (row: ShownRejection) => row, (row) => row.rejectionId);
  }
}
