import 'reflect-metadata';
import type { Database } from '@sluice/db';
import { busSuite } from './bus.suite.js';
import { databaseHarness } from './database-harness.suite.js';
import { PostgresBus } from './index.js';

const open = (database: Database) => PostgresBus.open(database, { leaseMs: 2_000, pollMs: 200 });

busSuite('in Postgres, said and heard by one process', () => databaseHarness(open));

/** What it appends another bus does: it knows of nothing but what it reads from the table. */
busSuite('read from the table in Postgres', () => databaseHarness(async (database) => {
  const [reader, writer] = [await open(database), await open(database)];
  const close = reader.close.bind(reader);
  return Object.assign(reader, {
    append: writer.append.bind(writer),
    close: async () => {
      await close();
      await writer.close();
    },
  });
}));
