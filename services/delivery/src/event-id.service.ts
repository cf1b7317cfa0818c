import { hash } from 'node:crypto';

/** The id of an event from what it says: said twice, it is one event. The platform's own SHA-256, since one is made for every lead. */
export function eventIdOf(text: string): string {
  const digest = hash('sha256', text, 'hex');
  return [digest.slice(0, 8), digest.slice(8, 12), digest.slice(12, 16), digest.slice(16, 20), digest.slice(20, 32)].join('-');
}
