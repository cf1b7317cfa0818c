import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Hears, type Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import {
  LeadDistributed, LeadNotDistributed, LeadReceived, LeadRejected, OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected,
  OutboundLeadReleased, OutboundLeadReserved, OutboundLeadUnresolved,
} from '@sluice/events';
import { FoldedBatch } from './fold-batch.js';
import { ReadModelsStore } from './read-models.store.js';

/** Everything that the gateway listens to: the story of each lead. */
@Controller()
export class GatewayConsumer {
  constructor(private readonly store: ReadModelsStore) {}

  // Larger batches than elsewhere: fewer statements a lead, and nobody waits for a read model.
  @Hears({ group: 'gateway', batchMax: 1000 },
    LeadReceived, LeadRejected, LeadDistributed, LeadNotDistributed, OutboundLeadReserved, OutboundLeadReleased, OutboundLeadAccepted,
    OutboundLeadRejected, OutboundLeadFailed, OutboundLeadUnresolved)
  async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
    await this.store.project(tx, new FoldedBatch(batch.events));
  }
}
