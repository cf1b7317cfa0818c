import { Module, type DynamicModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ServiceDefinition } from '@sluice/runtime';
import type { FastifyInstance } from 'fastify';
import { WorkflowConfig, WorkflowSettings } from './config.js';
import { ConfigurationController } from './configuration.controller.js';
import { ConfigurationItem } from './configuration-item.entity.js';
import { ConfigurationService } from './configuration.service.js';
import { ConfigurationStore } from './configuration.store.js';
import { ConfigurationVersion } from './configuration-version.entity.js';
import { DistributionOutcomesService } from './distribution-outcomes.service.js';
import { DistributionsController } from './distributions.controller.js';
import { DistributionsService } from './distributions.service.js';
import { DistributionsStore } from './distributions.store.js';
import { sections, type Section } from './document.js';
import { EngineQueries } from './engine-queries.service.js';
import { InternalController } from './internal.controller.js';
import { itemsControllerOf } from './items.controller.js';
import { ItemsService } from './items.service.js';
import { Workflow1764000000002 } from './migrations/1764000000002-workflow.js';
import { Distributions1764100000020 } from './migrations/1764100000020-distributions.js';
import { Windows1764100000030 } from './migrations/1764100000030-windows.js';
import { ReturnsController } from './returns.controller.js';
import { ReturnsService } from './returns.service.js';
import { ReturnsStore } from './returns.store.js';
import { ScriptTests } from './script-tests.service.js';
import { ScriptTestsController } from './scripts.controller.js';
import { TakenService } from './taken.service.js';
import { WindowCommands } from './window-commands.service.js';
import { WindowOutcomes, WindowStores } from './window-outcomes.service.js';
import { WindowSignal } from './window-signal.service.js';
import { WindowTerms } from './window-terms.service.js';
import { WindowTimerJob } from './window-timer.job.js';
import { WindowTimersStore } from './window-timers.store.js';
import { WindowTries } from './window-tries.service.js';
import { WindowWakes } from './window-wakes.service.js';
import { WindowsController } from './windows.controller.js';
import { WindowsStore } from './windows.store.js';
import { WorkflowConsumer } from './workflow.consumer.js';
import { WriteService } from './write.service.js';

/** Workflow as a Nest module; the composition root gives database, bus, clock and log. */
@Module({})
export class WorkflowModule {
  constructor(host: HttpAdapterHost, settings: WorkflowSettings) {
    const server = host.httpAdapter?.getInstance() as FastifyInstance | undefined;
    if (server) takeDocuments(server, settings.values.SLUICE_CONFIGURATION_MAX_BYTES);
  }

  static with(config: WorkflowConfig): DynamicModule {
    return {
      module: WorkflowModule,
      controllers: [
        ConfigurationController, DistributionsController, InternalController, ReturnsController, ScriptTestsController, WindowsController,
        WorkflowConsumer,
        ...(Object.keys(sections) as Section[]).map(itemsControllerOf),
      ],
      providers: [
        { provide: WorkflowSettings, useValue: new WorkflowSettings(config) },
        ConfigurationStore, ConfigurationService, TakenService, WriteService, ItemsService,
        DistributionsStore, DistributionsService, DistributionOutcomesService, EngineQueries, ReturnsStore, ReturnsService, ScriptTests,
        WindowsStore, WindowTimersStore, WindowTerms, WindowStores, WindowSignal, WindowOutcomes, WindowTries, WindowTimerJob, WindowWakes,
        WindowCommands,
      ],
    };
  }
}

/** Documents come as YAML, which Fastify does not know, and are larger than other bodies. Patches have a type of their own. */
function takeDocuments(server: FastifyInstance, bodyLimit: number): void {
  for (const type of ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml']) {
    if (!server.hasContentTypeParser(type)) server.addContentTypeParser(type, { parseAs: 'string', bodyLimit }, (_, body, done) => done(null, body));
  }
  if (!server.hasContentTypeParser('application/merge-patch+json')) {
    server.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, server.getDefaultJsonParser('error', 'error'));
  }
  server.addHook('onRoute', (route) => {
    if (/^\/v1\/configuration(:diff|::diff)?$/.test(route.url)) route.bodyLimit = bodyLimit;
  });
}

export const workflowService: ServiceDefinition<WorkflowConfig> = {
  name: 'workflow',
  migrations: [Workflow1764000000002, Distributions1764100000020, Windows1764100000030],
  entities: [ConfigurationItem, ConfigurationVersion],
  config: WorkflowConfig,
  module: (config) => WorkflowModule.with(config),
};
