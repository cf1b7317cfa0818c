/** How long a window may be, and how often it may try. */
import { parseDuration } from '@sluice/kernel';

/** More often, and the attempts of a million windows would be all that the engine does; what matters wakes a window anyway. */
const EVERY_MS_MIN = 60_000;
const LENGTH_MS_MAX = 366 * 86_400_000;

export interface BoundFault {
  readonly key: 'length' | 'every';
  readonly message: string;
}

/** What is wrong with the ISO 8601 durations of a window; those that are not given are not looked at. */
export function boundFaults(given: { readonly length?: string | undefined; readonly every?: string | undefined }): BoundFault[] {
  const { length, every } = given;
  const faults: BoundFault[] = [];
  const lengthMs = length === undefined ? undefined : parseDuration(length);
  const everyMs = every === undefined ? undefined : parseDuration(every);
  if (lengthMs !== undefined && lengthMs > LENGTH_MS_MAX) faults.push({ key: 'length', message: `expected at most P366D, got "${length}"` });
  if (lengthMs !== undefined && lengthMs < EVERY_MS_MIN) faults.push({ key: 'length', message: `expected at least PT1M, got "${length}"` });
  if (everyMs !== undefined && everyMs < EVERY_MS_MIN) {
    faults.push({ key: 'every', message: `expected at least PT1M, got "${every}"; what may end the wait of a lead has it tried at once anyway` });
  }
  if (everyMs !== undefined && lengthMs !== undefined && everyMs > lengthMs) {
    faults.push({ key: 'every', message: `expected at most the window's length "${length}", got "${every}"` });
  }
  return faults;
}
