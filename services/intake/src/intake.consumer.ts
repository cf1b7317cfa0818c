import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { eventsOf, Hears, type Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import { ConfigurationChanged, LeadDistributed, LeadNotDistributed } from '@sluice/events';
import { ConfigurationService } from './configuration.service.js';
import { OutcomesService } from './outcomes.service.js';

/** Everything that intake listens to. */
@Controller()
export class IntakeConsumer {
  constructor(private readonly configuration: ConfigurationService, private readonly outcomes: OutcomesService) {}

  @Hears('intake', ConfigurationChanged, LeadDistributed, LeadNotDistributed)
  async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
    await this.configuration.take(eventsOf(batch, ConfigurationChanged), tx);
    await this.outcomes.take(tx, eventsOf(batch, LeadDistributed), eventsOf(batch, LeadNotDistributed));
  }
}
