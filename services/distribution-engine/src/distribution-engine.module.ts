import { Module, type DynamicModule } from '@nestjs/common';
import type { EngineConfig } from './config.js';
import { EngineConsumer, EngineSettings } from './engine.consumer.js';

/** The engine as a Nest module; the composition root gives database, bus, clock and log. */
@Module({})
export class DistributionEngineModule {
  static with(config: EngineConfig): DynamicModule {
    return {
      module: DistributionEngineModule,
      providers: [{ provide: EngineSettings, useValue: new EngineSettings(config) }, EngineConsumer],
    };
  }
}
