/** What the generators of random cases share: the seeded draw, what a case may contain, and the values it is made of. */
import type { SeededRandom } from '@sluice/kernel';
import type { Method } from '../document.js';

/** What a scenario may contain; a case draws some of them, so that a failing one is small. */
export const FEATURES = [
  'criteria', 'schedules', 'caps', 'sharing', 'distance', 'rejections', 'minimums', 'secondary', 'manyRules', 'filters', 'status',
  'changes', 'quality', 'orders', 'percentageLimit', 'lists', 'groups', 'tiers', 'byClient', 'priceTables', 'returns', 'manual',
  'cherryPick', 'lookBack', 'wideCaps', 'consent', 'resets', 'contractGroups', 'amountCaps', 'rolling', 'force', 'pointer', 'credit',
  'scripts', 'late', 'suspensions', 'removals', 'fallback',
] as const;
export type Feature = (typeof FEATURES)[number];

/** What no scenario can say, so that only the live functions can be asked. */
export const ONLY_LIVE: readonly Feature[] = ['scripts', 'late', 'suspensions'];

export const METHODS: readonly Method[] = [
  'price', 'priority', 'roundRobin', 'weighted', 'qualityScore', 'distance', 'percentage', 'turnover', 'leadCount', 'freeTrial',
  'random',
];

export const SETS: readonly Method[] = ['price', 'turnover', 'leadCount'];
export const TIE_BREAKS = ['price', 'priority', 'roundRobin', 'qualityScore', 'distance'] as const;
export const STATES = ['NY', 'NJ', 'TX', 'CA'];
export const ZONES = ['America/New_York', 'America/Los_Angeles', 'UTC', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Europe/Berlin'];
export const PLACES = [
  { lat: 40.71, lon: -74.01 }, { lat: 40.74, lon: -74.17 }, { lat: 39.95, lon: -75.17 }, { lat: 34.05, lon: -118.24 },
  { lat: 41.88, lon: -87.63 },
];

export interface Draw {
  random: SeededRandom;
  has: (feature: Feature) => boolean;
  methods: readonly Method[];
  windows: boolean;
  /** Leads wait in windows, or for the client they name. */
  waits: boolean;
  /** First instant: a day or two before a clock is changed in one of the zones, or an ordinary day. */
  start: number;
}

export const STARTS = [
  '2026-03-06T15:00:00Z', '2026-03-06T15:00:00Z', '2026-03-28T09:00:00Z', '2026-04-03T20:00:00Z', '2026-06-30T12:00:00Z',
  '2026-10-02T18:00:00Z', '2026-10-30T15:00:00Z',
].map((text) => Date.parse(text));

export function some<T>({ random }: Pick<Draw, 'random'>, chance: number, make: () => T): T | undefined {
  return random.chance(chance) ? make() : undefined;
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** Without the keys that are undefined: a scenario is printed as JSON, and must mean the same when read back. */
export function clean<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
