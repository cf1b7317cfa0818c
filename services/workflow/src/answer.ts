/** How a write of configuration is answered, and how long it waits. */
import type { Finding } from '@sluice/distribution';
import type { Change } from './changes.js';

export interface Answer {
  readonly version: number;
  /** How many items differ. */
  readonly changed: number;
  readonly changes: readonly Change[];
  /** Whether intake, engine and delivery have taken the version in. */
  readonly taken: boolean;
  /** What is hardly meant in a document that is sound: applied all the same. */
  readonly warnings: readonly Finding[];
  /** Where to look whether it is taken. */
  readonly link: string;
}

export const linkOf = (version: number) => `/v1/configuration/versions/${version}`;

const WAIT_S_MAX = 600;

/** `Prefer: wait=N` in seconds, or `respond-async` → milliseconds to wait. */
export function waitMsOf(prefer: string | string[] | undefined, defaultMs: number): number {
  const words = (Array.isArray(prefer) ? prefer.join(',') : prefer ?? '').split(/[,;]/).map((word) => word.trim().toLowerCase());
  const wait = words.map((word) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(word)?.[1]).find((seconds) => seconds !== undefined);
  if (wait !== undefined) return Math.min(Number(wait), WAIT_S_MAX) * 1000;
  return words.includes('respond-async') ? 0 : defaultMs;
}
