import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Hears, type Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import {
  DistributionRequested, LeadDistributed, LeadFulfilled, LeadNotDistributed, LeadReceived, LeadRejected, LeadReturned, OutboundLeadAccepted,
  OutboundLeadFailed, OutboundLeadRejected, OutboundLeadReleased, OutboundLeadReserved, OutboundLeadUnresolved, ScriptFailed, WindowEdited,
  WindowExpired, WindowFulfilled, WindowOpened, WindowPaused, WindowResumed, WindowStopped,
} from '@sluice/events';
import { FoldedBatch } from './fold-batch.js';
import { ReadModelsStore } from './read-models.store.js';

/** Everything that the gateway listens to: the story of each lead, and what people did to it. */
@Controller()
export class GatewayConsumer {
  constructor(private readonly store: ReadModelsStore) {}

  // Larger batches than elsewhere: fewer statements a lead, and nobody waits for a read model.
  @Hears({ group: 'gateway', batchMax: 1000 },
    LeadReceived, LeadRejected, LeadDistributed, LeadNotDistributed, OutboundLeadReserved, OutboundLeadReleased, OutboundLeadAccepted,
    OutboundLeadRejected, OutboundLeadFailed, OutboundLeadUnresolved, LeadFulfilled, ScriptFailed, LeadReturned, DistributionRequested,
    WindowOpened, WindowPaused, WindowResumed, WindowEdited, WindowStopped, WindowFulfilled, WindowExpired)
  async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
    await this.store.project(tx, new FoldedBatch(batch.events));
  }
}
