import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { eventsOf, Hears, type Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import {
  DeliveryConfigured, EndpointResumed, EngineConfigured, IntakeConfigured, LeadDistributed, LeadFulfilled, LeadNotDistributed, LeadReturned,
  OutboundLeadReleased,
} from '@sluice/events';
import { ConfigurationStore } from './configuration.store.js';
import { DistributionOutcomesService } from './distribution-outcomes.service.js';
import { TakenService } from './taken.service.js';
import { WindowOutcomes } from './window-outcomes.service.js';

/**
 * Everything that workflow listens to: which service has taken which version in, what became of leads that people asked for, and what
 * opens, wakes and ends windows.
 */
@Controller()
export class WorkflowConsumer {
  constructor(
    private readonly store: ConfigurationStore, private readonly taken: TakenService,
    private readonly outcomes: DistributionOutcomesService, private readonly windows: WindowOutcomes,
  ) {}

  @Hears(
    'workflow', IntakeConfigured, EngineConfigured, DeliveryConfigured, LeadDistributed, LeadNotDistributed, LeadFulfilled, OutboundLeadReleased,
    LeadReturned, EndpointResumed,
  )
  async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
    await this.windows.take(batch, tx);
    await this.outcomes.take(batch, tx);
    const services = { intake: IntakeConfigured, engine: EngineConfigured, delivery: DeliveryConfigured } as const;
    const reports = Object.entries(services).flatMap(([service, definition]) =>
      eventsOf(batch, definition).map(({ data, time }) => ({ tenantId: data.tenantId, service, version: data.version, at: time })));
    if (reports.length === 0) return;
    await this.store.report(tx, reports);
    tx.afterCommit(() => this.taken.wake());
  }
}
