import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Allow, Caller, pageOf, pageSizeOf, Problem, readCursor, type Principal } from '@sluice/runtime';
import { LeadsStore } from './leads.store.js';
import { shownLead, shownOutbound } from './shown.js';
import { timelineOf } from './timeline.js';

type Filters = Readonly<Record<string, string | string[]>>;

const leadStatuses = ['received', 'distributed', 'unsold', 'accepted', 'held', 'returned'];
const outboundStatuses = ['reserved', 'accepted', 'rejected', 'failed', 'unresolved', 'withdrawn', 'returned'];
const windowStates = ['open', 'paused', 'stopped', 'fulfilled', 'expired'];
const leadFilters = ['status', 'campaign', 'source', 'from', 'to', 'window', 'held', 'limit', 'cursor'] as const;

/** Leads and what became of them. */
@ApiTags('leads')
@Controller('v1')
@Allow('admin')
export class LeadsController {
  constructor(private readonly store: LeadsStore) {}

  @Get('leads')
  @ApiOperation({ summary: 'Inbound leads, newest first' })
  @ApiQuery({ name: 'status', required: false, enum: leadStatuses })
  @ApiQuery({ name: 'campaign', required: false, description: 'Empty: leads that came without one.' })
  @ApiQuery({ name: 'source', required: false })
  @ApiQuery({ name: 'window', required: false, enum: windowStates })
  @ApiQuery({ name: 'held', required: false, enum: ['true', 'false'], description: 'Whether nobody was there for it, and it waits.' })
  @ApiQuery({ name: 'from', required: false, description: 'Received at or after this instant.' })
  @ApiQuery({ name: 'to', required: false, description: 'Received before this instant.' })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'cursor', required: false })
  async list(@Caller() { tenantId }: Principal, @Query() query: Filters): Promise<unknown> {
    const { status, campaign, source, from, to, window, held, limit, cursor } = only(query, leadFilters);
    const size = pageSizeOf(limit);
    const isHeld = oneOf(held, ['true', 'false']);
    const filter = {
      status: oneOf(status, leadStatuses), campaign, source, from: instantOf('from', from), to: instantOf('to', to),
      window: oneOf(window, windowStates), held: isHeld === undefined ? undefined : isHeld === 'true',
    };
    const rows = await this.store.leads(tenantId, filter, afterOf(cursor), size + 1);
    return pageOf(rows, size, shownLead, (row) => row.lead_id);
  }

  @Get('leads/:id')
  @ApiOperation({ summary: 'An inbound lead with its timeline and its outbound leads' })
  async one(@Caller() { tenantId }: Principal, @Param('id') id: string): Promise<unknown> {
    const found = await this.store.lead(tenantId, id);
    if (!found) throw new Problem(404, 'not_found', `There is no lead ${JSON.stringify(id)}. A lead that was accepted just now takes a moment to show.`);
    const { lead, outbound } = found;
    return {
      ...shownLead(lead),
      timeline: timelineOf(lead, outbound),
      outboundLeads: outbound.map(shownOutbound),
      links: {
        self: `/v1/leads/${id}`, attempts: `/v1/leads/${id}/attempts`, explanation: `/v1/leads/${id}/explanation`, window: `/v1/leads/${id}/window`,
        requests: `/v1/distribution-requests?lead=${encodeURIComponent(id)}`,
      },
    };
  }

  @Get('contracts/:id/outbound-leads')
  @ApiOperation({ summary: 'What a contract was given, newest first' })
  @ApiQuery({ name: 'status', required: false, enum: outboundStatuses })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'cursor', required: false })
  async ofContract(@Caller() { tenantId }: Principal, @Param('id') id: string, @Query() query: Filters): Promise<unknown> {
    const { status, limit, cursor } = only(query, ['status', 'limit', 'cursor']);
    const size = pageSizeOf(limit);
    const rows = await this.store.outboundOf(tenantId, id, oneOf(status, outboundStatuses), afterOf(cursor), size + 1);
    return pageOf(rows, size, shownOutbound, (row) => row.outbound_lead_id);
  }
}

function afterOf(cursor: string | undefined): string | undefined {
  return readCursor(cursor, [/^[^\s]{1,200}$/])?.[0];
}

/** A filter that is not known is refused: who mistypes one must not take the whole list for its answer. */
function only<const K extends string>(query: Filters, names: readonly K[]): Partial<Record<K, string>> {
  for (const [name, value] of Object.entries(query)) {
    if (!(names as readonly string[]).includes(name)) throw new Problem(400, 'unknown_filter', `"${name}" is no filter here; there are ${names.join(', ')}.`);
    if (typeof value !== 'string') throw new Problem(400, 'repeated_filter', `"${name}" stands more than once; send it once.`);
  }
  return query as Partial<Record<K, string>>;
}

function oneOf(value: string | undefined, allowed: readonly string[]): string | undefined {
  if (value === undefined || allowed.includes(value)) return value;
  throw new Problem(400, 'invalid_status', `Expected one of ${allowed.join(', ')}, got ${JSON.stringify(value)}.`);
}

function instantOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const instant = /^\d{4}-\d{2}-\d{2}(T.+)?$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(instant)) throw new Problem(400, 'invalid_instant', `Expected "${name}" as an instant such as 2026-03-01T09:00:00Z, got ${JSON.stringify(text)}.`);
  return instant;
}
