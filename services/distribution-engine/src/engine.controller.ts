import { applyDecorators, Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allow, Caller, Clock, Problem, readCursor, writeCursor, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { AnswersStore } from './answers.store.js';
import { queryDocs } from './api-schema.js';
import { capLines, missingOf, rollingUse, type CapLine } from './caps.js';
import { cursor } from './pages.js';

const capsQuery = z.strictObject({
  contract: z.string().optional().describe('Limits of this contract, its client\'s and its group\'s among them; or of a recipient of push strategies.'),
  client: z.string().optional().describe('Limits of this client and of all its contracts.'),
  campaign: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor,
});

/** Where the counters stand. Answered from the tables, so that any replica can. */
@ApiTags('distribution')
@Controller()
export class EngineController {
  constructor(private readonly answers: AnswersStore, private readonly clock: Clock) {}

  /** Every limit with what is used of it now, reservations included. */
  @Get('/v1/caps')
  @Allow('admin')
  @ApiOperation({ summary: 'Every limit with what is used of it now, reservations included' })
  @applyDecorators(...queryDocs(capsQuery))
  async caps(@Caller() caller: Principal, @Query({ schema: capsQuery }) query: z.infer<typeof capsQuery>): Promise<object> {
    const now = this.clock.now();
    const market = await this.answers.market(caller.tenantId);
    const missing = missingOf(market, query);
    if (missing) throw new Problem(404, `unknown_${missing.what}`, `There is no ${missing.what} "${missing.id}"; GET /v1/${missing.what}s lists them.`);
    const [after = ''] = readCursor(query.cursor, ['string']) ?? [];
    const all = capLines(market, now, query).filter(({ key }) => key > after);
    const page = all.slice(0, query.limit);
    const entries = await this.answers.counters(
      caller.tenantId, page.filter((line) => !line.rolling).map(({ key }) => key),
        page.filter((line) => line.rolling).map(({ key }) => key));
    const usedOf = usage(entries, now);
    return { data: page.map((line) => capOf(line, usedOf(line), market.ground.currency)),
      nextCursor: all.length > page.length ? writeCursor([page.at(-1)!.key]) : null };
  }
}

function usage(entries: readonly { readonly key: string; readonly value: number }[], now: number): (line: CapLine) => number {
  const exact = new Map(entries.map(({ key, value }) => [key, value]));
  return ({ key, rolling }) => (rolling ? rollingUse(entries.filter((entry) => entry.key.startsWith(key)), now) : exact.get(key) ?? 0);
}

function capOf(line: CapLine, used: number, currency: string): object {
  const { scope, id, window, metric, limit, bucket, endsAt } = line;
  return {
    scope, id, window, metric, used, limit,
    // A limit that was lowered below its use leaves nothing, never less (C2).
    left: Math.max(0, limit - used),
    ...(metric === 'amount' ? { currency } : {}),
    bucket,
    endsAt: endsAt === undefined ? null : new Date(endsAt).toISOString(),
  };
}
