import { z } from 'zod';

/** Settings of workflow, from the environment. */
export const WorkflowConfig = z.object({
  SLUICE_CONFIGURATION_WAIT_MS: z.coerce.number().int().min(0).max(600_000).default(10_000)
    .describe('How long a change of configuration waits for intake, engine and delivery to take it in, in ms; a request says otherwise by "Prefer: wait=SECONDS".'),
  SLUICE_CONFIGURATION_MAX_BYTES: z.coerce.number().int().min(1024).default(64 * 1024 * 1024)
    .describe('Largest configuration document that is taken, in bytes.'),
});

export type WorkflowConfig = z.output<typeof WorkflowConfig>;

/** A class, so that Nest injects it by its type. */
export class WorkflowSettings {
  constructor(readonly values: WorkflowConfig) {}
}
