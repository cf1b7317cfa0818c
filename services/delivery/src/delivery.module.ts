import { Module, type DynamicModule } from '@nestjs/common';
import { MasterKey } from '@sluice/runtime';
import { AttemptDelivery } from './attempt-delivery.service.js';
import { DeliverySettings, type DeliveryConfig } from './config.js';
import { ConfigurationService } from './configuration.service.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveriesStore } from './deliveries.store.js';
import { DeliveryMethodsController } from './delivery-methods.controller.js';
import { DeliveryConsumer } from './delivery.consumer.js';
import { AttemptStages, DeliveryJob } from './delivery.job.js';
import { EndpointBook } from './endpoint-book.service.js';
import { EndpointHealth } from './endpoint-health.service.js';
import { EndpointSecrets } from './endpoint-secrets.service.js';
import { EndpointsStore } from './endpoints.store.js';
import { JobInfra } from './job-infra.service.js';
import { PersonalFields } from './personal-fields.service.js';
import { ReservationsService } from './reservations.service.js';
import { ReservationsStore } from './reservations.store.js';
import { Sealer } from './sealer.service.js';
import { SettleAttempts } from './settle-attempts.service.js';
import { WorkSignal } from './work-signal.service.js';
import { WorkStore } from './work.store.js';

/** Delivery as a Nest module; the composition root gives database, bus, clock, sender, log and the client of the other services. */
@Module({})
export class DeliveryModule {
  static with(config: DeliveryConfig): DynamicModule {
    return {
      module: DeliveryModule,
      controllers: [DeadLettersController, DeliveriesController, DeliveryConsumer, DeliveryMethodsController],
      providers: [
        { provide: DeliverySettings, useValue: new DeliverySettings(config) },
        { provide: Sealer, useFactory: () => new Sealer(MasterKey.load(config)) },
        AttemptDelivery, AttemptStages, ConfigurationService, DeliveriesService, DeliveriesStore, DeliveryJob, EndpointBook,
          EndpointHealth, EndpointSecrets,
        EndpointsStore, JobInfra, PersonalFields, ReservationsService, ReservationsStore, SettleAttempts, WorkSignal, WorkStore,
      ],
    };
  }
}
