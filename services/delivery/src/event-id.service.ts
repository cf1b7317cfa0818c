import { hash } from 'node:crypto';
import { uuidFrom } from '@sluice/kernel';

/** The id of an event from what it says: said twice, it is one event. The platform's own SHA-256, since one is made for every lead. */
export function eventIdOf(text: string): string {
  return uuidFrom(hash('sha256', text, 'buffer').subarray(0, 16));
}
