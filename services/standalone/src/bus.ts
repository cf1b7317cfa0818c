import { type Bus, PostgresBus } from '@sluice/bus';
import type { Database } from '@sluice/db';
import type { Clock, Log } from '@sluice/runtime';
import type { Settings } from './config.js';

export interface BusParts {
  readonly settings: Settings;
  readonly database: Database;
  readonly log: Log;
  readonly clock: Clock;
}

/** The driver of the log: Kafka where brokers are given, else Postgres. A reader that makes no progress ends the process: whoever watches it starts it again. */
export async function openBus({ settings, database, log, clock }: BusParts): Promise<Bus> {
  const onFatal = (error: Error) => {
    log.error({ error: error.message }, 'the log is not read any more; the process ends');
    process.exit(70);
  };
  return PostgresBus.open(database, { clock, log, onFatal });
}

/** Carries the log to Kafka. */
export async function startRelay(_parts: BusParts): Promise<{ close(): Promise<void> }> {
  throw new Error('not yet');
}
