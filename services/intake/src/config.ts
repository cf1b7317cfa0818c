import { z } from 'zod';

/** Settings of intake, from the environment. */
export const IntakeConfig = z.object({
  SLUICE_MASTER_KEY: z.string().refine((text) => Buffer.from(text, 'base64').length === 32, 'expected 32 bytes in base64').optional()
    .describe('The master key of the vault, 32 bytes in base64; takes the place of the file.'),
  SLUICE_MASTER_KEY_FILE: z.string().default('.sluice/master.key')
    .describe('File with the master key of the vault (mode 0600), made at the first start. Whoever loses it loses all personal data.'),
  SLUICE_INTAKE_IN_FLIGHT_MAX: z.coerce.number().int().min(1).default(4000)
    .describe('Leads that may wait for their commit in this process; beyond it requests are answered 429.'),
  SLUICE_INTAKE_LAG_MAX_S: z.coerce.number().min(0).default(30)
    .describe('Seconds that the oldest undecided event may wait for the engine; beyond it requests are answered 429.'),
  SLUICE_INTAKE_COMMIT_MAX: z.coerce.number().int().min(1).max(5000).default(500)
    .describe('Most leads that share one transaction.'),
  SLUICE_INTAKE_COMMITS: z.coerce.number().int().min(1).max(8).default(2)
    .describe('Transactions that this process has under way at once: while one commits, the next is written.'),
});

export type IntakeConfig = z.infer<typeof IntakeConfig>;

export const defaultIntakeConfig = (): IntakeConfig => IntakeConfig.parse({});
