import { z } from 'zod';

/** What the environment says about the servers of the tests. */
const schema = z.object({
  TEST_DATABASE_URL: z.string().optional().describe('A PostgreSQL whose user may create databases and roles; else Docker, else the embedded one.'),
  TEST_KAFKA_BROKERS: z.string().optional().describe('host:port,host:port of an Apache Kafka; else Docker, else its Maven jars with Java 17.'),
  TEST_REDIS_URL: z.string().optional().describe('A Redis; else Docker, else redis-server on the PATH.'),
  SLUICE_TEST_KAFKA_VERSION: z.string().default('4.1.1').describe('The version of the broker that the tests start.'),
  SLUICE_REQUIRE_KAFKA: z.string().optional().describe('1: without a way to Kafka its tests fail instead of being skipped.'),
  SLUICE_TEST_DOCKER: z.string().optional().describe('0: no containers, even where an engine answers.'),
  SLUICE_TEST_KEEP: z.string().optional().describe('1: servers and databases of a run stay, and their addresses are printed.'),
  SLUICE_TEST_RUN: z.string().optional().describe('Folder of this run; set by its setup.'),
  SLUICE_TEST_RUN_OWNER: z.string().optional().describe('Process of this run; set by its setup.'),
  DOCKER_HOST: z.string().optional().describe('Where a Docker-compatible engine listens, if not at its usual socket.'),
  PATH: z.string().default('').describe('Where java, mvn and redis-server are looked for.'),
});

export type TestConfig = z.infer<typeof schema>;

/** Read at each call: the setup of a run sets some of it after this file was loaded. */
export function testConfig(): TestConfig {
  return schema.parse(process.env);
}
