/**
 * The best set instead of the best next one: exclusive against shared by revenue (price with `separate`, and turnover), and the most buyers
 * (leadCount). For each number k of new buyers the best contract of each client that accepts |P|+k buyers; then the best k of those. Exact,
 * because within one k sharing forbids nothing any more.
 */
import type { Phase } from './phases.js';
import type { Field, Plan } from './plan.js';
import { comparator, tieColumns, type Column, type Compare } from './ranking.js';
import type { Scene } from './scene.js';

/** The set, best first; numbers of candidates. `most` = the largest k that sharing and the take allow. */
export function bestSet(scene: Scene, field: Field, phase: Phase, candidates: readonly number[], most: number, plan: Plan): number[] {
  const ties = tieColumns(scene, field, phase, candidates);
  return phase.method === 'leadCount' ? mostBuyers(field, candidates, most, plan, ties) : richest(field, candidates, most, plan, ties);
}

/** Where all prices are flat, the sum only grows with k until a sharer drops out: one scan for each share limit that occurs. */
function richest(field: Field, candidates: readonly number[], most: number, plan: Plan, ties: readonly Column[]): number[] {
  const later = comparator(ties);
  const flat = candidates.every((candidate) => field.contracts[candidate]!.prices === null);
  const order = [...candidates.keys()];
  const ceiling = Math.min(most, clientsOf(field, candidates));
  let best: number[] = [];
  let bestSum = -1;
  for (const k of flat ? turningPoints(field, candidates, ceiling, plan) : Array.from({ length: ceiling }, (_, place) => place + 1)) {
    const buyers = plan.buyers + k;
    const price = (place: number) => priceOf(field, candidates[place]!, buyers);
    if (!flat || bestSum < 0) order.sort((a, b) => price(b) - price(a) || later(a, b));
    const set = firstOfClients(field, candidates, order, buyers, k, plan);
    if (set.length === 0 || (!flat && set.length < k)) continue;
    // Equal sums → smaller k: a sharer that pays nothing is not taken for its own sake.
    while (flat && set.length > 1 && price(set[set.length - 1]!) === 0) set.pop();
    const sum = set.reduce((total, place) => total + price(place), 0);
    if (sum > bestSum) { bestSum = sum; best = set; }
  }
  return best.map((place) => candidates[place]!);
}

function turningPoints(field: Field, candidates: readonly number[], ceiling: number, plan: Plan): number[] {
  const points = new Set([ceiling]);
  for (const candidate of candidates) points.add(Math.min(ceiling, field.contracts[candidate]!.maxShareCount - plan.buyers));
  return [...points].filter((k) => k >= 1).sort((a, b) => a - b);
}

function mostBuyers(field: Field, candidates: readonly number[], most: number, plan: Plan, ties: readonly Column[]): number[] {
  for (let k = Math.min(most, largestCount(field, candidates, plan.buyers)); k >= 1; k--) {
    const order = [...candidates.keys()].sort(byQuality(field, candidates, plan.buyers + k, comparator(ties)));
    const set = firstOfClients(field, candidates, order, plan.buyers + k, k, plan);
    if (set.length === k) return set.map((place) => candidates[place]!);
  }
  return [];
}

/** The largest k for which k clients have a contract that accepts `sold` + k buyers. */
export function largestCount(field: Field, candidates: readonly number[], sold: number): number {
  const limits = new Map<string, number>();
  for (const candidate of candidates) {
    const { client, maxShareCount } = field.contracts[candidate]!;
    limits.set(client.id, Math.max(limits.get(client.id) ?? 0, maxShareCount - sold));
  }
  const sorted = [...limits.values()].sort((a, b) => b - a);
  let k = 0;
  while (k < sorted.length && sorted[k]! >= k + 1) k++;
  return k;
}

function byQuality(field: Field, candidates: readonly number[], buyers: number, later: Compare): Compare {
  return (a, b) => field.contracts[candidates[b]!]!.quality - field.contracts[candidates[a]!]!.quality
    || priceOf(field, candidates[b]!, buyers) - priceOf(field, candidates[a]!, buyers) || later(a, b);
}

/** What it pays as one of `buyers`; nothing while it has free leads. */
function priceOf(field: Field, candidate: number, buyers: number): number {
  return field.trials !== null && field.trials[candidate] === 1 ? 0 : field.contracts[candidate]!.priceFor(buyers);
}

function clientsOf(field: Field, candidates: readonly number[]): number {
  return new Set(candidates.map((candidate) => field.contracts[candidate]!.client.id)).size;
}

/** The first k in the order that accept so many buyers, one a client (or contract group), within limits they share. */
function firstOfClients(
  field: Field, candidates: readonly number[], order: readonly number[], buyers: number, k: number, plan: Plan,
): number[] {
  const set: number[] = [];
  const clients = new Set<string>();
  const trial = plan.trial();
  for (const place of order) {
    if (set.length === k) break;
    const contract = field.contracts[candidates[place]!]!;
    if (contract.maxShareCount < buyers || clients.has(contract.client.id)) continue;
    if (!trial.tryPick(candidates[place]!, 0, false)) continue;
    clients.add(contract.client.id);
    set.push(place);
  }
  return set;
}
