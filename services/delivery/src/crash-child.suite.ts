/**
 * A process of delivery that a test can kill: run-ts.cjs crash-child.suite.ts DATABASE_URL VAULT_URL [CRASH_POINT]. Says "ready" once
 * it listens.
 */
import 'reflect-metadata';
import { armCrashPoint } from '@sluice/runtime';
import { Booted } from './booted.suite.js';

const [, , , url, vaultUrl, point] = process.argv;

async function run(): Promise<void> {
  armCrashPoint(point);
  await Booted.start({ database: { url: url!, drop: async () => undefined }, vaultUrl: vaultUrl! });
  process.stdout.write('ready\n');
}

run().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
