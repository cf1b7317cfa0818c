import { pino, type Logger } from 'pino';

export type { Logger };

/** One JSON line an entry. Nothing personal is ever passed to it: ids, codes and counts only. */
export function createLogger(role: string, level = 'info', destination?: pino.DestinationStream): Logger {
  const options = { level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}
