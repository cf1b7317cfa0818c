import { Module, type DynamicModule } from '@nestjs/common';
import type { ServiceDefinition } from '@sluice/runtime';
import { AdminAuthenticator } from './admin-authenticator.service.js';
import { AdminKeysController } from './admin-keys.controller.js';
import { ApiKey } from './api-key.entity.js';
import { AuditEntry } from './audit-entry.entity.js';
import { GatewayConfig, GatewaySettings } from './config.js';
import { ForwardService, ForwardTools } from './forward.service.js';
import { FunnelController } from './funnel.controller.js';
import { GatewayConsumer } from './gateway.consumer.js';
import { LeadsController } from './leads.controller.js';
import { LeadsStore } from './leads.store.js';
import { Gateway1764000000004 } from './migrations/1764000000004-gateway.js';
import { PresenceService } from './presence.service.js';
import { LeadStories1764100000022 } from './migrations/1764100000022-lead-stories.js';
import { ReadModelsStore } from './read-models.store.js';
import { RebuildService } from './rebuild.service.js';
import { Tenant } from './tenant.entity.js';
import { TenantsStore } from './tenants.store.js';
import { UsersController } from './users.controller.js';

/** The gateway as a Nest module; the composition root gives database, bus, clock, log, access rules, and takes the keys' authenticator. */
@Module({})
export class GatewayModule {
  static with(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [AdminKeysController, LeadsController, FunnelController, UsersController, GatewayConsumer],
      providers: [
        { provide: GatewaySettings, useValue: new GatewaySettings(config) },
        AdminAuthenticator, ForwardService, ForwardTools, LeadsStore, PresenceService, ReadModelsStore, RebuildService, TenantsStore,
      ],
      exports: [AdminAuthenticator, RebuildService],
    };
  }
}

export const gatewayService: ServiceDefinition<GatewayConfig> = {
  name: 'gateway',
  migrations: [Gateway1764000000004, LeadStories1764100000022],
  entities: [Tenant, ApiKey, AuditEntry],
  config: GatewayConfig,
  module: (config) => GatewayModule.with(config),
};
