/** A process of the engine that a test can kill: run-ts.cjs crash-child.suite.ts DATABASE_URL [CRASH_POINT]. */
import 'reflect-metadata';
import { armCrashPoint } from '@sluice/runtime';
import { openMember } from './rig.suite.js';

const [, , , url, point] = process.argv;

async function run(): Promise<void> {
  armCrashPoint(point);
  const member = await openMember(url!, { batchMax: 5 });
  await member.start();
}

run().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
