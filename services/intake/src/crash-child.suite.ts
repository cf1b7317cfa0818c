/** Intake in a process that a test can kill: run-ts.cjs crash-child.suite.ts DATABASE_URL CRASH_POINT. Says its address and waits. */
import { armCrashPoint } from '@sluice/runtime';
import { Booted } from './booted.suite.js';

const [, , , url, point] = process.argv;

Booted.start({ database: { url: url ?? '', drop: () => Promise.resolve() } }).then(
  (intake) => {
    armCrashPoint(point);
    process.stdout.write(`${intake.url}\n`);
  },
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
