import { z } from 'zod';

/** Delivery's settings, from the environment. */
export const deliveryConfig = z.object({
  SLUICE_MASTER_KEY: z.string().refine((text) => Buffer.from(text, 'base64').length === 32, 'expected 32 bytes in base64').optional()
    .describe('The key that seals the secrets of endpoints, 32 bytes in base64. Without it the file is used.'),
  SLUICE_MASTER_KEY_FILE: z.string().default('.sluice/master.key')
    .describe('File with the master key, made with rights 0600 where there is none. It never goes into the database.'),
  DELIVERY_CONCURRENCY: z.coerce.number().int().min(1).max(10_000).default(256)
    .describe('Requests to clients at a time, of this process. Those that hang for more than a second are counted apart.'),
  DELIVERY_ENDPOINT_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(32)
    .describe('Requests to one endpoint at a time, at most; one that fails or hangs is given fewer.'),
  DELIVERY_LEASE_MS: z.coerce.number().int().min(26_000).default(30_000)
    .describe('How long a claimed delivery is left to its process. More than the longest request, or a slow answer would be sent twice.'),
  DELIVERY_POLL_MS: z.coerce.number().int().min(10).default(250)
    .describe('How often due deliveries are looked for where nobody woke the job.'),
  DELIVERY_SUSPEND_MS: z.coerce.number().int().min(1).default(60_000)
    .describe('How long an endpoint is left alone after too many failures; doubled each time in a row.'),
  DELIVERY_SUSPEND_MS_MAX: z.coerce.number().int().min(1).default(3_600_000)
    .describe('The longest that a suspended endpoint is left alone before it is tried again.'),
  DELIVERY_DISABLE_AFTER_DAYS: z.coerce.number().min(0.001).default(5)
    .describe('After so many days of suspension an endpoint is disabled, until its secret or method is changed.'),
  DELIVERY_SECRET_OVERLAP_HOURS: z.coerce.number().min(0).default(24)
    .describe('How long requests carry the signature of the old secret too after a rotation.'),
});

export type DeliveryConfig = z.infer<typeof deliveryConfig>;

/** The settings as a provider: Nest injects by class. */
export class DeliverySettings {
  constructor(readonly value: DeliveryConfig) {}
}
