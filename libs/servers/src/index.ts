export { fetchKafka, kafkaVersion, startKafka, whyNoKafka, type KafkaOptions, type RunningKafka } from './kafka.js';
export { startPostgres, type PostgresOptions, type RunningPostgres } from './postgres.js';
export { redisIsThere, startRedis, type RedisOptions, type RunningRedis } from './redis.js';
export { freePort, type Say } from './process.js';
