/**
 * Workflow in a process that a test can kill: run-ts.cjs crash-child.suite.ts DATABASE_URL CRASH_POINT [OTHERS_URL]. Says its address and
 * waits.
 */
import { armCrashPoint } from '@sluice/runtime';
import { bootWorkflow } from './booted.suite.js';

const [, , , url, point, others] = process.argv;

bootWorkflow(url ?? '', others).then(
  async ({ app }) => {
    await app.listen(0, '127.0.0.1');
    armCrashPoint(point);
    process.stdout.write(`${await app.getUrl()}\n`);
  },
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
