import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Database } from '@sluice/db';
import { Allow, Caller, pageOf, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import { inlineSchema } from './api-schema.js';
import { filterOf } from './distribution-filters.js';
import { IdInPath, NewReturn } from './distribution-request.js';
import { ReturnsService } from './returns.service.js';
import { returnFilters, ReturnsStore, type ReturnRow } from './returns.store.js';

/** Approved returns of outbound leads. */
@ApiTags('returns')
@Controller('v1')
@Allow('admin')
export class ReturnsController {
  constructor(private readonly returns: ReturnsService, private readonly store: ReturnsStore, private readonly database: Database) {}

  @Post('outbound-leads/:id/return')
  @HttpCode(200)
  @ApiOperation({ summary: 'Gives an accepted outbound lead back: its caps and orders have the unit again, the share slot stays used' })
  @ApiBody({ schema: inlineSchema(NewReturn) })
  @ApiResponse({ status: 201, description: 'Returned.' })
  @ApiResponse({ status: 200, description: 'It was returned already; nothing more happens.' })
  async giveBack(
    @Caller() caller: Principal, @Param('id', { schema: IdInPath }) id: string, @Body({ schema: NewReturn }) body: NewReturn, @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const { row, isNew } = await this.returns.giveBack(caller, id, body);
    if (isNew) void reply.status(201);
    return shownReturn(row);
  }

  @Get('returns')
  @ApiOperation({ summary: 'Returns, newest first' })
  @ApiQuery({ name: 'lead', required: false })
  @ApiQuery({ name: 'contract', required: false })
  @ApiQuery({ name: 'client', required: false })
  @ApiQuery({ name: 'actor', required: false })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'cursor', required: false })
  async list(@Caller() { tenantId }: Principal, @Query() query: Record<string, string>): Promise<unknown> {
    const filter = filterOf(tenantId, query, returnFilters, 'return_id');
    const rows = await this.database.transaction({ service: 'workflow', tenants: [tenantId] }, (tx) => this.store.page(tx, filter, filter.limit + 1));
    return pageOf(rows, filter.limit, shownReturn, (row) => row.returnId);
  }
}

function shownReturn({ returnedAt, ...row }: ReturnRow) {
  return { ...row, at: new Date(returnedAt).toISOString() };
}
