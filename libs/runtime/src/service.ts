import type { DynamicModule } from '@nestjs/common';
import type { z } from 'zod';

/** What a service package offers to a composition root. */
export interface ServiceDefinition<Config = unknown> {
  /** Its name, its schema's and its consumer group's. */
  readonly name: 'intake' | 'workflow' | 'engine' | 'delivery' | 'gateway' | 'billing' | 'notifications';
  /** TypeORM migration classes, in order. */
  readonly migrations: readonly (new () => never)[] | readonly (new () => object)[];
  readonly entities: readonly (abstract new (...args: never[]) => object)[];
  /** Its settings, parsed from the environment; every field has a default and a sentence. */
  readonly config: z.ZodType<Config>;
  module(config: Config): DynamicModule;
}
