import { type Bus, KafkaBus, type KafkaBusOptions, PostgresBus, Relay } from '@sluice/bus';
import type { Database } from '@sluice/db';
import type { Clock, Log } from '@sluice/runtime';
import type { Settings } from './config.js';

export interface BusParts {
  readonly settings: Settings;
  readonly database: Database;
  readonly log: Log;
  readonly clock: Clock;
}

/** The driver of the log: Kafka where brokers are given, else Postgres. */
export function openBus({ settings, database, log, clock }: BusParts): Promise<Bus> {
  const options = { clock, log, onFatal: endProcess(log) };
  if (!settings.KAFKA_BROKERS) return PostgresBus.open(database, options);
  return KafkaBus.open(database, { ...options, ...kafkaOf(settings) });
}

/** Carries the log to Kafka. */
export function startRelay({ settings, database, log }: BusParts): Promise<Relay> {
  return Relay.start(database, { log, onFatal: endProcess(log), ...kafkaOf(settings) });
}

function kafkaOf(settings: Settings): Pick<KafkaBusOptions, 'brokers' | 'prefix' | 'sessionTimeoutMs'> {
  return { brokers: settings.KAFKA_BROKERS!.split(',').map((broker) => broker.trim()), prefix: settings.SLUICE_KAFKA_PREFIX, sessionTimeoutMs: settings.SLUICE_KAFKA_SESSION_MS };
}

/** A reader that cannot go on, or makes no progress, ends the process: whoever watches over it starts it again. */
function endProcess(log: Log): (error: Error) => void {
  return (error) => {
    log.error({ error: error.message }, 'the log cannot be read on; the process ends');
    process.exit(70);
  };
}
