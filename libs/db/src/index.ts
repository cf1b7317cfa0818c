export { Database, type DatabaseOptions, type QueryRunner, type Scope } from './database.js';
export type { Tx } from './transaction.js';
export { createService, protectTable } from './tenancy.js';
