import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { parseDuration } from '@sluice/kernel';
import { Allow, Caller, Clock, Problem, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import { funnelOf, type Funnel } from './funnel.js';
import { LeadsStore } from './leads.store.js';

const MINUTE_MS = 60_000;
const TICK_MS = 1_000;
/** A line now and then keeps proxies from closing a quiet stream. */
const QUIET_TICKS = 15;

/** How many leads came to each stage. */
@ApiTags('leads')
@Controller('v1')
@Allow('admin')
export class FunnelController {
  constructor(private readonly store: LeadsStore, private readonly clock: Clock) {}

  @Get('funnel')
  @ApiOperation({ summary: 'Counts by stage and by refusal reason' })
  @ApiQuery({ name: 'since', required: false, description: 'An instant, or a duration back from now such as PT1H; all time unless given. To the minute.' })
  funnel(@Caller() { tenantId }: Principal, @Query('since') since?: string): Promise<Funnel> {
    return this.counts(tenantId, this.minuteOf(since));
  }

  @Get('stream')
  @ApiOperation({ summary: 'The funnel as server-sent events: at once, then whenever it has changed' })
  @ApiQuery({ name: 'since', required: false })
  async stream(@Caller() { tenantId }: Principal, @Res() reply: FastifyReply, @Query('since') since?: string): Promise<void> {
    const minute = this.minuteOf(since);
    reply.hijack();
    const out = reply.raw;
    out.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    let last = '';
    let quiet = 0;
    while (!out.destroyed) {
      const text = JSON.stringify(await this.counts(tenantId, minute));
      // Who does not read gets the newest when he reads again, not all that was in between.
      if (text !== last && !out.writableNeedDrain) {
        out.write(`event: funnel\ndata: ${text}\n\n`);
        last = text;
        quiet = 0;
      } else if (++quiet % QUIET_TICKS === 0) {
        out.write(': \n\n');
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TICK_MS);
        out.once('close', () => { clearTimeout(timer); resolve(); });
      });
    }
  }

  private async counts(tenantId: string, minute: number | undefined): Promise<Funnel> {
    return funnelOf(await this.store.funnel(tenantId, minute));
  }

  private minuteOf(since: string | undefined): number | undefined {
    if (since === undefined) return undefined;
    return Math.floor(instantOf(since, this.clock.now()) / MINUTE_MS);
  }
}

function instantOf(since: string, now: number): number {
  try {
    if (since.startsWith('P')) return now - parseDuration(since);
  } catch {
    // Refused below.
  }
  const instant = /^\d{4}-\d{2}-\d{2}(T.+)?$/.test(since) ? Date.parse(since) : NaN;
  if (Number.isNaN(instant)) throw new Problem(400, 'invalid_since', `Expected an instant or a duration such as PT1H, got ${JSON.stringify(since)}.`);
  return instant;
}
