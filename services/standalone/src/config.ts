import { z } from 'zod';

export const roles = ['intake', 'workflow', 'engine', 'delivery', 'gateway', 'relay'] as const;
export type Role = (typeof roles)[number];

/** Settings of a process, from the environment. Every one has a default that suits one machine. */
export const Settings = z.object({
  SLUICE_DATA: z.string().default('.sluice').describe('Folder of the local data: database, keys, logs. Made with rights 0700.'),
  SLUICE_HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  SLUICE_PORT: z.coerce.number().int().min(0).max(65_535).default(8080).describe('Port of the API; where it is taken the next free one is used.'),
  SLUICE_POOL: z.coerce.number().int().min(2).default(20).describe('Connections to Postgres of this process, at most.'),
  SLUICE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('What goes into the log.'),
  SLUICE_SERVICE_SECRET: z.string().min(32).optional().describe('What the services of one installation share; made at the first start of a single process.'),
  SLUICE_INTAKE_URL: z.url().optional().describe('Address of intake, where it is a process of its own.'),
  SLUICE_WORKFLOW_URL: z.url().optional().describe('Address of workflow, where it is a process of its own.'),
  SLUICE_ENGINE_URL: z.url().optional().describe('Address of the engine, where it is a process of its own.'),
  SLUICE_DELIVERY_URL: z.url().optional().describe('Address of delivery, where it is a process of its own.'),
  SLUICE_GATEWAY_URL: z.url().optional().describe('Address of the gateway, where it is a process of its own.'),
  SLUICE_ALLOW_PRIVATE: z.string().default('').describe('Private host:port pairs that webhooks may go to, separated by commas; all others are refused.'),
  SLUICE_KAFKA_SESSION_MS: z.coerce.number().int().min(1_000).default(45_000).describe('How long Kafka waits for a silent member.'),
  SLUICE_KAFKA_PREFIX: z.string().default('').describe('Stands before the names of topics and groups, where installations share a cluster.'),
  SLUICE_CRASH_AT: z.string().optional().describe('For tests: the crash point at which the process kills itself.'),
  SLUICE_TRACE_RATIO: z.coerce.number().min(0).max(1).default(1).describe('Share of traces that are kept.'),
  DATABASE_URL: z.string().optional().describe('Postgres; without it the embedded one is started in the data folder.'),
  KAFKA_BROKERS: z.string().optional().describe('Kafka, host:port separated by commas; without it the log is read from Postgres.'),
  REDIS_URL: z.string().optional().describe('Redis, shared by replicas for rate limits and caches; without it each process has its own.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional().describe('Where traces go (OTLP over HTTP); without it none are made.'),
});
export type Settings = z.infer<typeof Settings>;

/** The environment of this process, for what passes it on: to the services' own settings, to child processes. */
export const environment: NodeJS.ProcessEnv = process.env;

/** The settings of an environment; throws with every fault named. An empty variable counts as absent. */
export function readSettings(environment: Readonly<Record<string, string | undefined>> = process.env): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = Settings.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The environment has settings that cannot be used:\n${faults.join('\n')}`);
}
