import type { ServiceDefinition } from '@sluice/runtime';
import { IntakeConfig } from './config.js';
import { IntakeModule } from './intake.module.js';
import { Intake1764000000002 } from './migrations/1764000000002-intake.js';
import { WithoutCampaign1764100000023 } from './migrations/1764100000023-without-campaign.js';
import { SourceAuthenticator } from './source-authenticator.service.js';
import { SourceKey } from './source-key.entity.js';
import { Source } from './source.entity.js';
import { SourcesService } from './sources.service.js';

/** What a composition root needs of intake. */
export const intakeService: ServiceDefinition<IntakeConfig> = {
  name: 'intake',
  migrations: [Intake1764000000002, WithoutCampaign1764100000023],
  entities: [Source, SourceKey],
  config: IntakeConfig,
  module: (config) => IntakeModule.with(config),
};

export { intakePaths, intakeSchemas } from './openapi.js';
export { IntakeModule, SourceAuthenticator, SourcesService, type IntakeConfig };
