export { testDatabase, testServer, type TestDatabase, type TestDatabaseOptions } from './database.js';
