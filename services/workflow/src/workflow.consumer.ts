import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { eventsOf, Hears, type Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import { DeliveryConfigured, EngineConfigured, IntakeConfigured, LeadDistributed, LeadNotDistributed } from '@sluice/events';
import { ConfigurationStore } from './configuration.store.js';
import { DistributionOutcomesService } from './distribution-outcomes.service.js';
import { TakenService } from './taken.service.js';

/** Everything that workflow listens to: which service has taken which version in, and what became of leads that people asked for. */
@Controller()
export class WorkflowConsumer {
  constructor(
    private readonly store: ConfigurationStore, private readonly taken: TakenService,
    private readonly outcomes: DistributionOutcomesService,
  ) {}

  @Hears('workflow', IntakeConfigured, EngineConfigured, DeliveryConfigured, LeadDistributed, LeadNotDistributed)
  async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
    await this.outcomes.take(batch, tx);
    const services = { intake: IntakeConfigured, engine: EngineConfigured, delivery: DeliveryConfigured } as const;
    const reports = Object.entries(services).flatMap(([service, definition]) =>
      eventsOf(batch, definition).map(({ data, time }) => ({ tenantId: data.tenantId, service, version: data.version, at: time })));
    if (reports.length === 0) return;
    await this.store.report(tx, reports);
    tx.afterCommit(() => this.taken.wake());
  }
}
