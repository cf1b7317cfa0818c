import { Readable } from 'node:stream';
import { applyDecorators, Controller, Get, Headers, Query, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Tx } from '@sluice/db';
import type { Market } from '@sluice/distribution';
import { Allow, Caller, Clock, Problem, readCursor, writeCursor, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AnswersStore } from './answers.store.js';
import { queryDocs } from './api-schema.js';
import { withCounters } from './counters.store.js';
import { Engine } from './engine.service.js';
import { cursor, format, formatOf, instant, limit, type Format } from './pages.js';
import { offeredOf, poolCsv, poolCsvHeader, poolView, type Offered, type ShownLead } from './pool.js';
import { PoolStore, type PoolFilter, type PoolPlace } from './pool.store.js';

const ATTRIBUTE = 'attributes.';
const poolQuery = z.object({
  client: z.string().optional().describe('Either this or `contract`.'),
  contract: z.string().optional(),
  campaign: z.string().optional().describe('Empty: leads without one.'),
  from: instant.optional().describe('Received at or after this instant.'),
  to: instant.optional().describe('Received before this instant.'),
  sold: z.enum(['any', 'none']).optional().describe('any: somebody has it already; none: nobody has.'),
  limit, cursor, format,
}).catchall(z.string());
type PoolQuery = z.output<typeof poolQuery>;

const NAMES = Object.keys(poolQuery.shape);
/** Leads that one page looks at before it says "nothing yet, go on from here". */
const LOOKED_AT_MAX = 20_000;
/** Leads that are decided on together, at least. */
const STRETCH_MIN = 50;
/** Stretches of one page: behind them it is short, and says where to go on. */
const STRETCHES_MAX = 20;
/** A lead is offered to so many contracts of a client. */
const CONTRACTS_MAX = 50;

interface Page<T> {
  readonly data: T[];
  readonly next?: PoolPlace | undefined;
}

/** Inbound leads that a client may take for itself (A4). */
@ApiTags('distribution')
@Controller()
export class PoolController {
  constructor(
    private readonly answers: AnswersStore, private readonly store: PoolStore, private readonly engine: Engine,
    private readonly clock: Clock,
  ) {}

  @Get('/v1/pool')
  @Allow('admin')
  @ApiOperation({
    summary: 'Leads that a client may take for itself, newest first, with the price of each of its contracts',
    description: 'What is listed can be taken: the gates are those of taking it. Routing attributes alone are shown, nothing personal. A '
      + 'page may be short and still have a nextCursor.',
  })
  @applyDecorators(...queryDocs(poolQuery))
  @ApiQuery({ name: 'attributes.NAME', required: false, schema: { type: 'string' },
    description: 'Any routing attribute, as in attributes.state=NY.' })
  async pool(
    @Caller() { tenantId }: Principal, @Query({ schema: poolQuery }) query: PoolQuery, @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const filter = filterOf(query);
    const after = readCursor(query.cursor, ['number', 'string']);
    await this.engine.open();
    const first = await this.shown(tenantId, query, filter, after);
    const wanted = formatOf(query.format, accept);
    if (wanted === 'json') return { data: first.data, nextCursor: first.next ? writeCursor(first.next) : null };
    void reply.header('content-disposition', `attachment; filename="pool.${wanted}"`);
    const lines = Readable.from(this.lines(tenantId, query, filter, first, wanted), { highWaterMark: 1 });
    return new StreamableFile(lines, { type: wanted === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson' });
  }

  private async *lines(
    tenantId: string, query: PoolQuery, filter: PoolFilter, first: Page<ShownLead>, wanted: Exclude<Format, 'json'>,
  ): AsyncGenerator<string> {
    if (wanted === 'csv') yield poolCsvHeader;
    for (let page = first; ; page = await this.shown(tenantId, query, filter, page.next)) {
      if (page.data.length > 0) yield page.data.map((lead) => (wanted === 'csv' ? poolCsv(lead) : `${JSON.stringify(lead)}\n`)).join('');
      if (!page.next) return;
    }
  }

  private shown(tenantId: string, query: PoolQuery, filter: PoolFilter, after: PoolPlace | undefined): Promise<Page<ShownLead>> {
    return this.answers.now(tenantId, async (tx, market) => {
      const { data, next } = await this.page(tx, tenantId, market, contractsOf(query, market), filter, after, query.limit);
      return { data: data.map((offered) => poolView(offered, market.ground.currency)), next };
    });
  }

  private async page(
    tx: Tx, tenantId: string, market: Market, contracts: readonly string[], filter: PoolFilter, after: PoolPlace | undefined, size: number,
  ): Promise<Page<Offered>> {
    const now = this.clock.now();
    const seed = this.engine.seeds.of(tenantId);
    const found: Offered[] = [];
    for (let stretch = 0, place = after; ; stretch++) {
      const { leads, next } = await this.store.leads(tx, tenantId, filter, place, Math.max(STRETCH_MIN, size + 1), LOOKED_AT_MAX);
      found.push(...await withCounters(tx, tenantId, (state) => offeredOf(leads, contracts, market, state, now, seed)));
      if (found.length > size) {
        const { lead } = found[size - 1]!;
        return { data: found.slice(0, size), next: [lead.receivedAt, lead.leadId] };
      }
      if (!next || stretch === STRETCHES_MAX - 1) return { data: found, next };
      place = next;
    }
  }
}

function filterOf(query: PoolQuery): PoolFilter {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (NAMES.includes(name)) continue;
    if (!name.startsWith(ATTRIBUTE) || typeof value !== 'string') {
      throw new Problem(400, 'unknown_filter', `"${name}" is no filter here; there are ${NAMES.join(', ')} and attributes.NAME.`);
    }
    attributes[name.slice(ATTRIBUTE.length)] = value;
  }
  const { campaign, from, to, sold } = query;
  return { campaign, from, to, sold, attributes };
}

function contractsOf({ client, contract }: PoolQuery, market: Market): string[] {
  if (contract !== undefined) {
    const terms = market.contracts.get(contract);
    if (!terms || (client !== undefined && terms.client.id !== client)) {
      throw new Problem(404, 'unknown_contract', `There is no contract "${contract}"${client === undefined ? '' : ` of client "${client}"`}.`);
    }
    return [contract];
  }
  if (client === undefined) throw new Problem(400, 'invalid', 'Send "client" or "contract": the pool is somebody\'s.');
  if (!market.links.clients.has(client)) throw new Problem(404, 'unknown_client', `There is no client "${client}".`);
  const all = [...market.contracts.values()].filter((terms) => terms.client.id === client).sort((a, b) => a.entry - b.entry);
  return all.slice(0, CONTRACTS_MAX).map(({ id }) => id);
}
