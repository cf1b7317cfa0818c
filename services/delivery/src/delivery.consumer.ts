import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { eventsOf, Hears } from '@sluice/bus';
import type { Batch } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import { ConfigurationChanged, OutboundLeadReleased, OutboundLeadReserved } from '@sluice/events';
import { ConfigurationService } from './configuration.service.js';
import { ReservationsService } from './reservations.service.js';

/** Everything that delivery listens to. A batch is of one topic, so that the order of these lines decides nothing. */
@Controller()
export class DeliveryConsumer {
  constructor(private readonly configuration: ConfigurationService, private readonly reservations: ReservationsService) {}

  @Hears('delivery', ConfigurationChanged, OutboundLeadReserved, OutboundLeadReleased)
  async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
    await this.configuration.take(tx, eventsOf(batch, ConfigurationChanged));
    await this.reservations.take(tx, eventsOf(batch, OutboundLeadReserved));
    await this.reservations.release(tx, eventsOf(batch, OutboundLeadReleased));
  }
}
