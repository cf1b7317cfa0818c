/**
 * A second reading of the distribution rules, slow and obvious: everything is worked out anew from the list of all that happened. It has no
 * index, no counters and no state, and shares no code with the live decision; the two are compared on random scenarios.
 */
import type { Client, ConfigDocument, Contract, Workflow } from '../document.js';
import type { CaseLead } from './case.js';

/** What a rule or group phase saw of a lead in one attempt: what weights and percentages are reckoned from. */
export interface Reached {
  rule: string;
  /** Weighted: what each eligible recipient earned for this lead, and how many the rule picked. */
  earned?: ReadonlyMap<string, Fraction>;
  picked: number;
}

export interface Reservation {
  type: 'reserved';
  at: number;
  lead: string;
  campaign: string;
  contract: string;
  client: string;
  contractGroup?: string;
  /** Delivery group at the time, for the caps of a group. */
  group?: string;
  rule: string;
  priceMinor: bigint;
  trial: boolean;
  maxShareCount?: number;
  order?: string;
  /** Attempt that made it. */
  round: number;
  persons: readonly string[];
  /** What the contract offered at the time. */
  terms: string;
  /** A rule's own rotation moved by it (RR6). */
  turned: boolean;
}

export type Fact =
  | { type: 'configured'; at: number; document: ConfigDocument }
  | { type: 'arrived'; at: number; lead: CaseLead }
  | { type: 'attempted'; at: number; lead: string; campaign: string; qualified: readonly string[]; reached: readonly Reached[];
      minimumsMet: boolean; rulesMet: readonly string[] }
  | Reservation
  | { type: 'turnedDown'; at: number; lead: string; contract: string; how: 'rejected' | 'failed' | 'released' }
  /** After a silence. */
  | { type: 'accepted'; at: number; lead: string; contract: string }
  | { type: 'suspended'; at: number; method: string; until: number }
  | { type: 'returned'; at: number; lead: string; contract: string }
  | CherryPick;

export interface CherryPick {
  type: 'cherryPicked'; at: number; lead: string; contract: string; client: string; contractGroup?: string; maxShareCount?: number;
  persons: readonly string[]; priceMinor: bigint;
}

export type History = readonly Fact[];

/** Who takes turns, has a weight, a percentage: a contract, or with `by: client` a client. */
export interface Recipient { id: string; contract: Contract; client: Client }

/** An exact fraction; the denominator is positive. */
export interface Fraction { readonly n: bigint; readonly d: bigint }

export const fraction = (n: bigint | number, d: bigint | number = 1n): Fraction => reduce(BigInt(n), BigInt(d));
export const add = (a: Fraction, b: Fraction): Fraction => reduce(a.n * b.d + b.n * a.d, a.d * b.d);
export const minus = (a: Fraction, b: Fraction): Fraction => reduce(a.n * b.d - b.n * a.d, a.d * b.d);
export const times = (a: Fraction, b: Fraction): Fraction => reduce(a.n * b.n, a.d * b.d);
export const over = (a: Fraction, b: Fraction): Fraction => reduce(a.n * b.d, a.d * b.n);
/** Negative, 0 or positive as a is less than, equal to or greater than b. */
export const compareFractions = (a: Fraction, b: Fraction): number => sign(a.n * b.d - b.n * a.d);
/** A decimal number as the fraction it is written as: 33.3 → 333/10. */
export function decimal(value: number): Fraction {
  const [whole = '0', digits = ''] = String(value).split('.');
  return fraction(BigInt(whole + digits), 10n ** BigInt(digits.length));
}
/** Smallest whole number that is not less. */
export const ceil = (a: Fraction): bigint => (a.n % a.d === 0n || a.n < 0n ? a.n / a.d : a.n / a.d + 1n);

function reduce(n: bigint, d: bigint): Fraction {
  let [a, b] = [n < 0n ? -n : n, d < 0n ? -d : d];
  while (b !== 0n) [a, b] = [b, a % b];
  const common = a === 0n ? 1n : d < 0n ? -a : a;
  return { n: n / common, d: d / common };
}

function sign(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** The configuration in force: the last one. */
export function documentNow(history: History): ConfigDocument {
  return documentAt(history, history.length);
}

/** The configuration in force when a fact came, by its place. */
export function documentAt(history: History, place: number): ConfigDocument {
  for (let before = place - 1; before >= 0; before--) {
    const fact = history[before];
    if (fact?.type === 'configured') return fact.document;
  }
  throw new Error('nothing is configured');
}

/** The client of a contract, also of one that is gone. */
export function clientIdOf(history: History, contract: string): string | undefined {
  for (const fact of history) {
    const known = fact.type === 'configured' ? fact.document.contracts?.find(({ id }) => id === contract) : undefined;
    if (known) return known.client;
  }
  return undefined;
}

/** Order of entry (F3): place of the first configuration that named it, in document order, clients before contracts. */
export function entryOf(history: History, kind: 'clients' | 'contracts', id: string): number {
  const seen: string[] = [];
  for (const fact of history) {
    if (fact.type !== 'configured') continue;
    for (const each of ['clients', 'contracts'] as const) {
      for (const thing of fact.document[each] ?? []) if (!seen.includes(`${each}/${thing.id}`)) seen.push(`${each}/${thing.id}`);
    }
  }
  return seen.indexOf(`${kind}/${id}`);
}

export function reservations(history: History): Reservation[] {
  return history.filter((fact) => fact.type === 'reserved');
}

/** True unless the client turned it down or nothing reached it. */
export function stands(history: History, reservation: Reservation): boolean {
  return !history.some((fact) => fact.type === 'turnedDown' && fact.lead === reservation.lead && fact.contract === reservation.contract
    && history.indexOf(fact) > history.indexOf(reservation));
}

/** Picks of a lead that takes and minimums count: those that stand and were not returned, though a returned lead keeps its share slot. */
export function kept(history: History, lead: string): Reservation[] {
  return standing(history, lead).filter((each) => !history.some((fact) => (
    fact.type === 'returned' && fact.lead === each.lead && fact.contract === each.contract)));
}

/** Who shares a lead: a reservation, or where the workflow counts them what was taken from the pool. */
export type Sharer = Reservation | (CherryPick & { rule?: undefined });

/** Who shares a lead: the sold set P of M2. A returned lead keeps its share slot. */
export function soldSet(history: History, lead: string, workflow: Workflow | undefined): Sharer[] {
  const picked = workflow?.cherryPickCountsForShare ? history.filter((fact) => fact.type === 'cherryPicked') : [];
  return [...standing(history, lead), ...picked.filter((fact) => fact.lead === lead)];
}

/** Standing reservations of a lead. */
export function standing(history: History, lead: string): Reservation[] {
  return reservations(history).filter((each) => each.lead === lead && stands(history, each));
}

export function clientOf(document: ConfigDocument, contract: Contract): Client {
  const client = document.clients?.find(({ id }) => id === contract.client);
  if (!client) throw new Error(`no client ${contract.client}`);
  return client;
}

/** Delivery group: the contract's own overrides its client's (D1). */
export function groupOf(document: ConfigDocument, contract: Contract): string | undefined {
  return contract.group ?? clientOf(document, contract).group;
}

export function zoneOf(document: ConfigDocument, thing: { timezone?: string } | undefined): string {
  return thing?.timezone ?? document.timezone ?? 'UTC';
}
