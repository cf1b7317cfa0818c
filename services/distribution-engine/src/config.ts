import { z } from 'zod';

/** The engine's settings, from the environment. */
export const engineConfig = z.object({
  ENGINE_BATCH_MAX: z.coerce.number().int().min(1).max(5000).default(1000)
    .describe('Most records decided and committed together; none waits for more. 1000 was a third faster than 250, 2000 no faster.'),
  ENGINE_SEED_SECRET: z.string().min(16).optional()
    .describe('Secret from which each tenant\'s chance is drawn (method random). Unset: generated once and kept in the database.'),
  ENGINE_SNAPSHOT_EVERY_HOURS: z.coerce.number().min(0).default(24)
    .describe('How often each partition is snapshotted for replays; 0 = never. The log is kept back to the oldest snapshot.'),
  ENGINE_SNAPSHOTS_KEPT: z.coerce.number().int().min(1).default(2)
    .describe('Snapshots kept of each partition. A decision younger than the oldest can be made again to the byte, for its explanation.'),
  ENGINE_SNAPSHOT_LEAD_DAYS: z.coerce.number().min(0).default(7)
    .describe('Leads received within this many days are part of a snapshot; 0 = all. A replay cannot follow what happens to older ones.'),
});

export type EngineConfig = z.infer<typeof engineConfig>;
