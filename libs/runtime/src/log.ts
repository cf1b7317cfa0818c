import { pino, type DestinationStream, type Logger } from 'pino';

type Fields = Readonly<Record<string, unknown>>;

/** One JSON line an entry. Nothing personal is ever passed to it: ids, codes and counts only. */
export abstract class Log {
  abstract info(fields: Fields, message: string): void;
  abstract warn(fields: Fields, message: string): void;
  abstract error(fields: Fields, message: string): void;
}

export class PinoLog extends Log {
  private readonly logger: Logger;

  /** `role` is the service, or `all`; without a destination it writes to standard output. */
  constructor(role: string, level = 'info', destination?: DestinationStream) {
    super();
    const options = { level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime };
    this.logger = destination ? pino(options, destination) : pino(options);
  }

  override info(fields: Fields, message: string): void {
    this.logger.info(fields, message);
  }

  override warn(fields: Fields, message: string): void {
    this.logger.warn(fields, message);
  }

  override error(fields: Fields, message: string): void {
    this.logger.error(fields, message);
  }
}
