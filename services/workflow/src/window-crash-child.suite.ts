/**
 * Timers of windows in a process that a test can kill: run-ts.cjs window-crash-child.suite.ts DATABASE_URL CRASH_POINT NOW. Looks for
 * what is due at an instant until it dies.
 */
import 'reflect-metadata';
import { PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { armCrashPoint, VirtualClock } from '@sluice/runtime';
import { triesOn } from './windows.suite.js';

const [, , , url, point, now] = process.argv;

async function run(): Promise<void> {
  const database = await Database.open({ url: url! });
  const tries = triesOn(database, await PostgresBus.open(database), new VirtualClock(Number(now)));
  armCrashPoint(point);
  for (;;) {
    await tries.workOffWake();
    await tries.claim(50);
  }
}

run().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
