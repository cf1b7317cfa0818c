import { Readable } from 'node:stream';
import { applyDecorators, Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { queryDocs } from './api-schema.js';
import { HistoryStore } from './history.store.js';
import { instant } from './pages.js';

const exportQuery = z.strictObject({
  from: instant.optional().describe('Leads received at or after this instant.'),
  to: instant.optional().describe('Leads received before this instant.'),
  campaign: z.string().optional(),
});

/** The past, to be run again through another configuration. */
@ApiTags('distribution')
@Controller()
export class HistoryController {
  constructor(private readonly history: HistoryStore) {}

  @Get('/v1/history')
  @Allow('admin')
  @ApiOperation({
    summary: 'What happened, one line a lead in order of arrival: the lead, its attempts, who got it',
    description: 'NDJSON, for `sluice replay`. It holds routing attributes and keyed hashes, nothing personal.',
  })
  @ApiProduces('application/x-ndjson')
  @applyDecorators(...queryDocs(exportQuery))
  export(@Caller() { tenantId }: Principal, @Query({ schema: exportQuery }) query: z.infer<typeof exportQuery>): StreamableFile {
    return new StreamableFile(Readable.from(this.lines(tenantId, query), { highWaterMark: 1 }), { type: 'application/x-ndjson' });
  }

  private async *lines(tenantId: string, query: z.infer<typeof exportQuery>): AsyncGenerator<string> {
    for await (const page of this.history.pages(tenantId, query)) yield page.map((line) => `${JSON.stringify(line)}\n`).join('');
  }
}
