export { Database, type DatabaseOptions, type QueryRunner, type Scope } from './database.js';
export type { Tx } from './transaction.js';
export { createRole, createService, LOG_ROLE, protectTable } from './tenancy.js';
export { hexArray, plainArray, textArray } from './array-literal.js';
export { Statistics } from './statistics.js';
