import type { ServiceDefinition } from '@sluice/runtime';
import { deliveryConfig, type DeliveryConfig } from './config.js';
import { DeliveryModule } from './delivery.module.js';
import { Delivery1764000000003 } from './migrations/1764000000003-delivery.js';
import { StartedByClaim1764200000003 } from './migrations/1764200000003-started-by-claim.js';

/** What a composition root needs of delivery. */
export const deliveryService: ServiceDefinition<DeliveryConfig> = {
  name: 'delivery',
  migrations: [Delivery1764000000003, StartedByClaim1764200000003],
  entities: [],
  config: deliveryConfig,
  module: (config) => DeliveryModule.with(config),
};

export { DeliveryModule };
