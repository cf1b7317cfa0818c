import { Module, type DynamicModule } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Clock, Log, MasterKey } from '@sluice/runtime';
import { AcceptLead } from './accept-lead.service.js';
import { CommitFresh } from './commit-fresh.service.js';
import { CommitLeads } from './commit-leads.service.js';
import type { IntakeConfig } from './config.js';
import { ConfigurationService } from './configuration.service.js';
import { InboundLeadsController } from './inbound-leads.controller.js';
import { IntakeConsumer } from './intake.consumer.js';
import { IntakeStore } from './intake.store.js';
import { MasterKeyCheck } from './master-key-check.service.js';
import { OutcomesService } from './outcomes.service.js';
import { Overload } from './overload.service.js';
import { PersonalFieldsController } from './personal-fields.controller.js';
import { PersonalFieldsService } from './personal-fields.service.js';
import { PrepareLead } from './prepare-lead.service.js';
import { ReceiveBatch } from './receive-batch.service.js';
import { ReceiveLead } from './receive-lead.service.js';
import { RejectionsController } from './rejections.controller.js';
import { RejectionsStore } from './rejections.store.js';
import { RetentionJob } from './retention.job.js';
import { SaveLeads } from './save-leads.service.js';
import { SourceAuthenticator } from './source-authenticator.service.js';
import { SourcesController } from './sources.controller.js';
import { SourcesService } from './sources.service.js';
import { SourcesStore } from './sources.store.js';
import { Vault } from './vault.service.js';

/** Intake as a Nest module; the composition root gives database, bus, clock and log, and takes the authenticator of source keys. */
@Module({})
export class IntakeModule {
  static with(config: IntakeConfig): DynamicModule {
    return {
      module: IntakeModule,
      controllers: [IntakeConsumer, SourcesController, RejectionsController, PersonalFieldsController],
      providers: [
        { provide: Vault, useFactory: () => new Vault(MasterKey.load(config)) },
        { provide: AcceptLead, inject: [CommitLeads, Log],
          useFactory: (commits: CommitLeads, log: Log) => new AcceptLead(commits, log, config) },
        { provide: Overload, inject: [Bus, Clock, AcceptLead],
          useFactory: (bus: Bus, clock: Clock, accept: AcceptLead) => new Overload(bus, clock, accept, config) },
        { provide: ReceiveLead, inject: [PrepareLead, AcceptLead, Overload, OutcomesService],
          useFactory: (...parts: ConstructorParameters<typeof ReceiveLead>) => new ReceiveLead(...parts) },
        { provide: ReceiveBatch, inject: [PrepareLead, AcceptLead, Overload],
          useFactory: (...parts: ConstructorParameters<typeof ReceiveBatch>) => new ReceiveBatch(...parts) },
        CommitFresh, CommitLeads, ConfigurationService, InboundLeadsController, IntakeStore, MasterKeyCheck, OutcomesService,
        PersonalFieldsService, PrepareLead, RejectionsStore, RetentionJob, SaveLeads, SourceAuthenticator, SourcesService, SourcesStore,
      ],
      exports: [SourceAuthenticator, SourcesService],
    };
  }
}
