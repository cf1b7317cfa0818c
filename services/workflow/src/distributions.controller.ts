import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Database } from '@sluice/db';
import { Allow, Caller, pageOf, Problem, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import { waitMsOf } from './answer.js';
import { inlineSchema } from './api-schema.js';
import { filterOf } from './distribution-filters.js';
import { DistributionOutcomesService } from './distribution-outcomes.service.js';
import { askedOf, cherryPickOf, IdInPath, NewCherryPick, NewDistribution, type Asked } from './distribution-request.js';
import { DistributionsService } from './distributions.service.js';
import { DistributionsStore, requestFilters, type RequestRow } from './distributions.store.js';
import { EngineQueries } from './engine-queries.service.js';
import { requestLink, shownRequest } from './shown-request.js';

type Given = Readonly<Record<string, string | undefined>>;

const passthrough = { passthrough: true } as const;
const KEY = /^[\x21-\x7e]{1,200}$/;
const KINDS = ['manual', 'cherryPick'];
const STATES = ['pending', 'distributed', 'notDistributed'];
const WAIT_MS_MAX = 60_000;

const prefer = { name: 'Prefer', required: false, description: 'wait=SECONDS for the outcome.' } as const;
const idempotency = { name: 'Idempotency-Key', required: false, description: 'The same key with the same body is one request.' } as const;

/** Distribution by hand (A3) and cherry-picking (A4): what people ask of leads, and what became of it. */
@ApiTags('distribution')
@Controller('v1')
@Allow('admin')
export class DistributionsController {
  constructor(
    private readonly distributions: DistributionsService, private readonly outcomes: DistributionOutcomesService,
    private readonly store: DistributionsStore, private readonly engine: EngineQueries, private readonly database: Database,
  ) {}

  @Post('leads/:id/distributions')
  @HttpCode(202)
  @ApiOperation({ summary: 'Distributes a lead by hand: to chosen contracts, or by the rules of a workflow; gates may be passed over, with a reason' })
  @ApiBody({ schema: inlineSchema(NewDistribution) })
  @ApiHeader(prefer)
  @ApiHeader(idempotency)
  @ApiResponse({ status: 202, description: 'Asked; the link says what becomes of it.' })
  @ApiResponse({ status: 200, description: 'Decided within the time that Prefer gave: picks with their prices, or why not.' })
  distribute(
    @Caller() caller: Principal, @Param('id', { schema: IdInPath }) leadId: string, @Body({ schema: NewDistribution }) body: NewDistribution, @Headers() given: Given,
    @Res(passthrough) reply: FastifyReply,
  ): Promise<unknown> {
    const read = askedOf(body);
    if ('faults' in read) throw new Problem(422, 'invalid', 'The request has faults; "errors" names each with its place.', read.faults);
    return this.ask(caller, leadId, read.asked, given, reply);
  }

  @Post('leads/:id/cherry-picks')
  @HttpCode(202)
  @ApiOperation({ summary: 'A client takes a lead from the pool: no distribution, in no cap, share count or rotation' })
  @ApiBody({ schema: inlineSchema(NewCherryPick) })
  @ApiHeader(prefer)
  @ApiHeader(idempotency)
  cherryPick(
    @Caller() caller: Principal, @Param('id', { schema: IdInPath }) leadId: string, @Body({ schema: NewCherryPick }) body: NewCherryPick, @Headers() given: Given,
    @Res(passthrough) reply: FastifyReply,
  ): Promise<unknown> {
    return this.ask(caller, leadId, cherryPickOf(body), given, reply);
  }

  @Get('distribution-requests')
  @ApiOperation({ summary: 'What people asked for, newest first' })
  @ApiQuery({ name: 'lead', required: false })
  @ApiQuery({ name: 'actor', required: false })
  @ApiQuery({ name: 'kind', required: false, enum: KINDS })
  @ApiQuery({ name: 'state', required: false, enum: STATES })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'cursor', required: false })
  async list(@Caller() { tenantId }: Principal, @Query() query: Given): Promise<unknown> {
    const filter = filterOf(tenantId, query, requestFilters, 'request_id', { kind: KINDS, state: STATES });
    const rows = await this.database.transaction({ service: 'workflow', tenants: [tenantId] }, (tx) => this.store.page(tx, filter, filter.limit + 1));
    return pageOf(rows, filter.limit, (row) => shownRequest(row), (row) => row.requestId);
  }

  @Get('distribution-requests/:id')
  @ApiOperation({ summary: 'One request with its outcome, the gates that refused, and whether the minimums were met' })
  async one(@Caller() { tenantId }: Principal, @Param('id', { schema: IdInPath }) requestId: string): Promise<unknown> {
    return this.inFull(tenantId, await this.distributions.one(tenantId, requestId));
  }

  private async ask(caller: Principal, leadId: string, asked: Asked, given: Given, reply: FastifyReply): Promise<unknown> {
    const waitMs = Math.min(waitMsOf(given['prefer'], 0), WAIT_MS_MAX);
    const { row, replayed } = await this.distributions.ask(caller, leadId, asked, keyOf(given['idempotency-key']));
    void reply.header('location', requestLink(row.requestId));
    if (replayed) void reply.header('idempotency-replayed', 'true');
    if (waitMs === 0) return shownRequest(row);
    void reply.header('preference-applied', `wait=${waitMs / 1000}`);
    const { tenantId } = caller;
    if (row.outcome === null && !(await this.outcomes.until(tenantId, row.requestId, waitMs))) return shownRequest(row);
    void reply.status(200);
    return this.inFull(tenantId, row.outcome === null ? await this.distributions.one(tenantId, row.requestId) : row);
  }

  /** The engine keeps the receipt; where it does not answer, the outcome is told without the gates. */
  private async inFull(tenantId: string, row: RequestRow): Promise<unknown> {
    if (row.attemptId === null) return shownRequest(row);
    const [attempt] = await this.engine.attempts(tenantId, [row.attemptId]).catch(() => []);
    return shownRequest(row, attempt);
  }
}

function keyOf(key: string | undefined): string | undefined {
  if (key === undefined || KEY.test(key)) return key;
  throw new Problem(400, 'invalid_idempotency_key', 'An Idempotency-Key has 1 to 200 visible ASCII characters.');
}
