import 'reflect-metadata';
import { busSuite } from './bus.suite.js';
import { databaseHarness } from './database-harness.suite.js';
import { PostgresBus } from './index.js';

busSuite('read from the table in Postgres', () => databaseHarness((database) => PostgresBus.open(database, { leaseMs: 2_000, pollMs: 200 })));
