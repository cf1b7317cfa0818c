import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import type { ConfigItem } from '@sluice/distribution';
import { z } from 'zod';
import { ConfigurationService } from './configuration.service.js';

const Query = z.object({ version: z.int().min(0).optional() });

/** What other services ask of a configuration; the tenant is the credential's. */
@Controller('internal/v1/workflow')
@Allow('service')
export class InternalController {
  constructor(private readonly configurations: ConfigurationService) {}

  @Post('configuration')
  @HttpCode(200)
  items(
    @Caller() caller: Principal, @Body({ schema: Query }) query: z.output<typeof Query>,
  ): Promise<{ version: number; items: readonly ConfigItem[] }> {
    return this.configurations.itemsAt(caller.tenantId, query.version);
  }
}
