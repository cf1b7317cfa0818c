export { testDatabase, testServer, type TestDatabase, type TestDatabaseOptions } from './database.js';
export { describeWithKafka, describeWithOwnKafka, ownKafka, testKafka, whyNoTestKafka, type TestKafka } from './kafka.js';
export { describeWithRedis, testRedis } from './redis.js';
