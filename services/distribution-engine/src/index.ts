import type { ServiceDefinition } from '@sluice/runtime';
import { engineConfig, type EngineConfig } from './config.js';
import { DistributionEngineModule } from './distribution-engine.module.js';
import { engineMigrations } from './migrations/index.js';

/** What a composition root needs of the engine. */
export const engineService: ServiceDefinition<EngineConfig> = {
  name: 'engine',
  migrations: engineMigrations,
  entities: [],
  config: engineConfig,
  module: (config) => DistributionEngineModule.with(config),
};

export { DistributionEngineModule };
export { benchEngine, type EngineBenchOptions } from './engine.bench.js';
export { benchScripts } from './scripts.bench.js';
