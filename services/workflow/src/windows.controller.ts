import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Database } from '@sluice/db';
import { formatDuration, parseDuration } from '@sluice/kernel';
import { Allow, Caller, pageOf, Problem, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { inlineSchema } from './api-schema.js';
import { filterOf, GIVEN } from './distribution-filters.js';
import { duration } from './leaf.js';
import { boundFaults } from './window-bounds.js';
import { WindowCommands, type Terms } from './window-commands.service.js';
import type { HistoryEntry } from './window-said.js';
import { WindowsStore, type WindowRow } from './windows.store.js';

const NewWindow = z.strictObject({ length: duration.optional(), every: duration.optional() })
  .describe("ISO 8601 durations; those of the campaign's workflow unless given, else a day and a quarter of an hour.");
type NewWindow = z.output<typeof NewWindow>;
const Stop = z.strictObject({ campaign: z.string().min(1).max(200) });
type Stop = z.output<typeof Stop>;
type Given = Readonly<Record<string, string | undefined>>;

const STATES = ['open', 'paused', 'fulfilled', 'stopped', 'expired'] as const;
const filters = {
  state: `state = ${GIVEN}`, campaign: `campaign_id = ${GIVEN}`, lead: `lead_id = ${GIVEN}`, dueBefore: `due_at < ${GIVEN}::bigint`,
} as const;
/** One call stops so many; whoever has more calls again and sees how far it is. */
const STOP_MAX = 5_000;

/** Auto-distribution windows (A2): what is open, and what people do to it. */
@ApiTags('windows')
@Controller('v1')
@Allow('admin')
export class WindowsController {
  constructor(private readonly commands: WindowCommands, private readonly store: WindowsStore, private readonly database: Database) {}

  @Get('windows')
  @ApiOperation({ summary: 'Windows, those of the newest leads first' })
  @ApiQuery({ name: 'state', required: false, enum: [...STATES] })
  @ApiQuery({ name: 'campaign', required: false })
  @ApiQuery({ name: 'lead', required: false })
  @ApiQuery({ name: 'dueBefore', required: false, schema: { type: 'string', format: 'date-time' } })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer' } })
  @ApiQuery({ name: 'cursor', required: false })
  async list(@Caller() { tenantId }: Principal, @Query() query: Given): Promise<unknown> {
    const filter = filterOf(tenantId, checked(query), filters, 'lead_id');
    const rows = await this.reading(tenantId, (tx) => this.store.page(tx, filter));
    return pageOf(rows, filter.limit, shown, (row) => row.leadId);
  }

  @Post('windows::stop')
  @HttpCode(200)
  @ApiOperation({ summary: `Stops the windows of a campaign, ${STOP_MAX} a call: send it again while "more" is true` })
  @ApiBody({ schema: inlineSchema(Stop) })
  @ApiResponse({ status: 404, description: 'There is no such campaign, nor was there a window of one.' })
  stopAll(@Caller() caller: Principal, @Body({ schema: Stop }) { campaign }: Stop): Promise<{ stopped: number; more: boolean }> {
    return this.commands.stopAll(caller, campaign, STOP_MAX);
  }

  @Get('leads/:id/window')
  @ApiOperation({ summary: "A lead's window, with who did what to it" })
  async one(@Caller() { tenantId }: Principal, @Param('id') leadId: string): Promise<unknown> {
    return this.reading(tenantId, async (tx) => {
      const row = await this.store.one(tx, tenantId, leadId);
      if (!row) throw new Problem(404, 'no_window', `Lead ${JSON.stringify(leadId)} has no window; POST /v1/leads/{id}/window opens one.`);
      return { ...shown(row), history: (await this.store.history(tx, tenantId, leadId)).map(shownEntry) };
    });
  }

  @Post('leads/:id/window')
  @HttpCode(201)
  @ApiOperation({ summary: 'Opens a window on any lead with a campaign, and tries it at once' })
  @ApiBody({ schema: inlineSchema(NewWindow), required: false })
  @ApiResponse({ status: 409, description: 'One is open (window_open).' })
  @ApiResponse({ status: 422, description: 'The lead has no campaign.' })
  async open(@Caller() caller: Principal, @Param('id') leadId: string, @Body({ schema: NewWindow.optional() }) body: NewWindow | undefined): Promise<unknown> {
    return shown(await this.commands.open(caller, leadId, termsOf(body ?? {})));
  }

  @Post('leads/:id/window/pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Lets a window rest; its time goes on unless the workflow says pauseExtends' })
  async pause(@Caller() caller: Principal, @Param('id') leadId: string): Promise<unknown> {
    return shown(await this.commands.command(caller, leadId, { kind: 'pause' }));
  }

  @Post('leads/:id/window/resume')
  @HttpCode(200)
  @ApiOperation({ summary: 'Lets a window that rests go on, and tries it at once' })
  async resume(@Caller() caller: Principal, @Param('id') leadId: string): Promise<unknown> {
    return shown(await this.commands.command(caller, leadId, { kind: 'resume' }));
  }

  @Post('leads/:id/window/stop')
  @HttpCode(200)
  @ApiOperation({ summary: 'Ends a window; what it asked for before does nothing any more' })
  async stop(@Caller() caller: Principal, @Param('id') leadId: string): Promise<unknown> {
    return shown(await this.commands.command(caller, leadId, { kind: 'stop' }));
  }

  @Patch('leads/:id/window')
  @ApiOperation({ summary: 'Changes length (from the opening on) or interval of a window that is open or paused' })
  @ApiBody({ schema: inlineSchema(NewWindow) })
  async edit(@Caller() caller: Principal, @Param('id') leadId: string, @Body({ schema: NewWindow }) body: NewWindow): Promise<unknown> {
    const { lengthMs, everyMs } = termsOf(body);
    if (lengthMs === undefined && everyMs === undefined) throw new Problem(422, 'invalid', 'Send length, every, or both.');
    return shown(await this.commands.command(caller, leadId, {
      kind: 'edit', ...(lengthMs === undefined ? {} : { lengthMs }), ...(everyMs === undefined ? {} : { everyMs }),
    }));
  }

  private reading<T>(tenantId: string, work: Parameters<typeof this.database.transaction<T>>[1]): Promise<T> {
    return this.database.transaction({ service: 'workflow', tenants: [tenantId] }, work);
  }
}

function termsOf({ length, every }: NewWindow): Terms {
  const faults = boundFaults({ length, every });
  if (faults.length > 0) {
    throw new Problem(422, 'invalid', 'The request has faults; "errors" names each with its place.',
      faults.map(({ key, message }) => ({ pointer: `/${key}`, code: 'out_of_bounds', message })));
  }
  const ms = (text: string | undefined) => (text === undefined ? undefined : parseDuration(text));
  return { lengthMs: ms(length), everyMs: ms(every) };
}

/** Values that a filter cannot take are refused, so that nobody takes an empty list for an answer. */
function checked(query: Given): Given {
  const { state, dueBefore } = query;
  if (state !== undefined && !STATES.some((one) => one === state)) {
    throw new Problem(400, 'invalid_filter', `Expected state to be one of ${STATES.join(', ')}, got ${JSON.stringify(state)}.`);
  }
  if (dueBefore === undefined) return query;
  const at = /^\d{4}-\d{2}-\d{2}(T.+)?$/.test(dueBefore) ? Date.parse(dueBefore) : NaN;
  if (Number.isNaN(at)) throw new Problem(400, 'invalid_filter', `Expected dueBefore to be an instant such as 2026-03-01T09:00:00Z, got ${JSON.stringify(dueBefore)}.`);
  return { ...query, dueBefore: String(at) };
}

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

function shown(row: WindowRow): Record<string, unknown> {
  return {
    leadId: row.leadId, campaignId: row.campaignId, state: row.state, generation: row.generation, openedAt: iso(row.openedAt),
    openedBy: row.openedBy || null, length: formatDuration(row.expiresAt - row.openedAt - row.extendedMs),
    every: formatDuration(row.everyMs),
    expiresAt: iso(row.expiresAt), nextTryAt: iso(row.state === 'paused' ? null : row.dueAt), pausedAt: iso(row.pausedAt), pauseExtends: row.pauseExtends,
    extendedBy: formatDuration(row.extendedMs), endedAt: iso(row.endedAt), chanceAt: iso(row.chanceAt), waitsOn: row.waitsOn,
    // Why nobody got it at the last try: of a lead that has all the buyers it may have, that is over.
    reasons: row.state === 'fulfilled' ? [] : row.reasons, full: row.isFull, lastDecidedAt: iso(row.decidedAt),
  };
}

function shownEntry({ generation, what, at, actor, expiresAt, everyMs }: HistoryEntry): Record<string, unknown> {
  return { generation, what, at: iso(at), actor: actor || null, expiresAt: iso(expiresAt), every: formatDuration(everyMs) };
}
