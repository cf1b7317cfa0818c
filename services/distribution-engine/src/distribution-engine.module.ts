import { Module, type DynamicModule } from '@nestjs/common';
import { AnswersStore } from './answers.store.js';
import { AttemptsController } from './attempts.controller.js';
import { AttemptsStore } from './attempts.store.js';
import type { EngineConfig } from './config.js';
import { EngineConsumer } from './engine.consumer.js';
import { EngineController } from './engine.controller.js';
import { Engine, EngineSettings } from './engine.service.js';
import { ExplanationService } from './explanation.service.js';
import { HistoryController } from './history.controller.js';
import { HistoryStore } from './history.store.js';
import { LeadFactsStore } from './lead-facts.store.js';
import { LeadsController } from './leads.controller.js';
import { PoolController } from './pool.controller.js';
import { PoolStore } from './pool.store.js';
import { PreviewController } from './preview.controller.js';
import { RebuildService } from './rebuild.service.js';
import { ScriptReportsController } from './scripts.controller.js';
import { ScriptsStore } from './scripts.store.js';
import { SnapshotJob } from './snapshot.job.js';
import { SnapshotService } from './snapshot.service.js';

/** The engine as a Nest module; the composition root gives database, bus, clock and log. */
@Module({})
export class DistributionEngineModule {
  static with(config: EngineConfig): DynamicModule {
    return {
      module: DistributionEngineModule,
      controllers: [
        AttemptsController, EngineController, HistoryController, LeadsController, PoolController, PreviewController,
        ScriptReportsController,
      ],
      providers: [
        { provide: EngineSettings, useValue: new EngineSettings(config) },
        Engine, EngineConsumer, SnapshotService, SnapshotJob,
        AnswersStore, AttemptsStore, ExplanationService, HistoryStore, LeadFactsStore, PoolStore, RebuildService, ScriptsStore,
      ],
    };
  }
}
