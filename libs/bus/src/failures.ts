/** The group's position is not where this member read it: another member has gone on, or it was reset. */
export class StaleReader extends Error {
  override readonly name = 'StaleReader';
}

/** A sequence is missing in what a reader was given. It stops: going on would skip events for ever. */
export class LogGap extends Error {
  override readonly name = 'LogGap';
}

/** A group asks for events that retention has dropped. Their owners must publish their state anew first. */
export class BelowRetained extends Error {
  override readonly name = 'BelowRetained';
}

// 08 connection, 40 rollback by conflict, 53 resources, 57P0x shutdown, 55P03 lock not available: of the moment, not of the event.
const passing = /^(08...|40001|40P01|53...|57P0.|55P03)$/;
const network = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** True where the world around failed and not the event: retried for as long as it takes, never a reason to park. */
export function isPassing(error: unknown): boolean {
  if (error instanceof StaleReader) return true;
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return passing.test(code) || network.has(code)
    || /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(error.message);
}

/** What is kept with a parked event. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 500);
}
