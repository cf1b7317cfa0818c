/**
 * One comparator everywhere (F3): the rule's method, its secondary method, quality score, price, order of entry. Each part is a column of
 * numbers, lower is better; so ranking never calls a rule, and the numbers are the rank keys of the receipt.
 */
import type { Method } from './document.js';
import type { Phase } from './phases.js';
import type { Field } from './plan.js';
import type { Scene } from './scene.js';
import { turnColumn } from './rotation.js';
import type { ContractTerms } from './terms.js';

/** `compare`: the last one, which is asked by call, because ties down to it are rare. */
export interface Column { name: string; values: number[]; compare?: Compare }

/** Columns of a phase for its candidates, in order of precedence. `lead` columns come from the method, e.g. a percentage's shortfall. */
export function columnsOf(scene: Scene, field: Field, phase: Phase, candidates: readonly number[]): Column[] {
  const columns: Column[] = [];
  if (field.scores) columns.push(column('score', candidates, (candidate) => -field.scores![candidate]!));
  for (const one of methodColumns(phase.method, scene, field, phase, candidates)) columns.push(one);
  addTies(columns, scene, field, phase, candidates);
  return columns;
}

/** What decides where the method finds two equal: base (weighted and percentage, W4), secondary, then F3's tail. */
export function tieColumns(scene: Scene, field: Field, phase: Phase, candidates: readonly number[]): Column[] {
  const columns: Column[] = [];
  addTies(columns, scene, field, phase, candidates);
  return columns;
}

function addTies(columns: Column[], scene: Scene, field: Field, phase: Phase, candidates: readonly number[]): void {
  if (phase.base && (phase.method === 'weighted' || phase.method === 'percentage')) {
    columns.push(...methodColumns(phase.base, scene, field, phase, candidates));
  }
  if (phase.secondary) columns.push(...methodColumns(phase.secondary, scene, field, phase, candidates));
  columns.push(tail(scene, field, candidates));
}

/** Quality score and price, high first; order of entry, low first. */
export function tail(scene: Scene, field: Field, candidates: readonly number[]): Column {
  const { contracts, prices } = field;
  const byEntry = scene.market.ground.tiesByEntry;
  const compare = (a: number, b: number) => {
    const left = candidates[a]!;
    const right = candidates[b]!;
    const one = contracts[left]!;
    const other = contracts[right]!;
    if (byEntry) return one.entry - other.entry;
    return other.quality - one.quality || prices[right]! - prices[left]! || one.entry - other.entry;
  };
  return { name: TAIL, values: [], compare };
}
export const TAIL = 'tail';

function negated(name: string, of: readonly number[], candidates: readonly number[]): Column {
  const values = new Array<number>(candidates.length);
  for (let place = 0; place < candidates.length; place++) values[place] = -of[candidates[place]!]!;
  return { name, values };
}

export function column(name: string, candidates: readonly number[], value: (candidate: number) => number): Column {
  const values = new Array<number>(candidates.length);
  for (let place = 0; place < candidates.length; place++) values[place] = value(candidates[place]!);
  return { name, values };
}

/** The columns of one method. Weighted and percentage as a tie-break go by weight and share; their own picking is elsewhere. */
export function methodColumns(method: Method, scene: Scene, field: Field, phase: Phase, candidates: readonly number[]): Column[] {
  const of = (name: string, value: (candidate: number) => number) => column(name, candidates, value);
  const { contracts, prices, trials } = field;
  switch (method) {
    case 'price': case 'turnover': return [negated('price', prices, candidates)];
    case 'priority': {
      const client = of('clientPriority', (candidate) => contracts[candidate]!.client.priority);
      return [client, of('priority', (candidate) => contracts[candidate]!.priority)];
    }
    case 'roundRobin': return [turnColumn(scene, field, phase, candidates)];
    case 'weighted': return [of('weight', (candidate) => -(phase.byClient ? contracts[candidate]!.client : contracts[candidate]!).weight)];
    case 'percentage': return [of('percentage', (candidate) =>
      -(phase.byClient ? contracts[candidate]!.client : contracts[candidate]!).percentage)];
    case 'distance': return [of('distance', (candidate) => contracts[candidate]!.distanceTo(scene.place()))];
    // Equal → higher price, by the tail: a second method that was asked for comes before it (F3).
    case 'qualityScore': return [of('qualityScore', (candidate) => -contracts[candidate]!.quality)];
    case 'leadCount': return [of('qualityScore', (candidate) => -contracts[candidate]!.quality), negated('price', prices, candidates)];
    case 'random': return [of('draw', (candidate) => drawOf(scene, phase, contracts[candidate]!.id))];
    case 'freeTrial': {
      const free = (candidate: number) => trials !== null && trials[candidate] === 1;
      return [
        of('paid', (candidate) => (free(candidate) ? 0 : 1)),
        of('qualityScore', (candidate) => (free(candidate) ? -contracts[candidate]!.quality : 0)),
        of('price', (candidate) => -highestPossible(scene, contracts[candidate]!)),
      ];
    }
  }
}

/** What it could pay at most, among as many buyers as the lead and the contract itself still allow. */
function highestPossible({ sold, most }: Scene, contract: ContractTerms): number {
  return contract.highestPrice(sold + 1, Math.min(most, contract.maxShareCount));
}

/** F6: whatever is drawn can be drawn again. */
function drawOf({ lead, life, seed }: Scene, phase: Phase, contractId: string): number {
  return seed(`${lead.leadId}|${phase.key}|${life.rounds}|${contractId}`);
}

/** Two places are equal in all columns before the one at `end`. */
export function equalBefore(columns: readonly Column[], end: number, a: number, b: number): boolean {
  return columns.slice(0, end).every(({ values }) => values[a] === values[b]);
}

export type Compare = (a: number, b: number) => number;

/** Compares places in the candidates' list. Total, because entries differ. */
export function comparator(columns: readonly Column[]): Compare {
  return (a, b) => {
    for (let place = 0; place < columns.length; place++) {
      const { values, compare } = columns[place]!;
      if (compare) return compare(a, b);
      const left = values[a]!;
      const right = values[b]!;
      if (left < right) return -1;
      if (left > right) return 1;
    }
    return 0;
  };
}

let room = new Int32Array(256);

/** So many are found by looking through all: most rules take few, and one look costs less than half a heap. */
const LOOKS = 4;

/** Hands out places best first, and sorts no more than it is asked for: rules take a few of many. */
export class Ranked {
  private readonly heap: Int32Array;
  private size: number;
  private looks = 0;
  private readonly compare: Compare;
  /** Values of the first column: they settle nearly every comparison, without a call. */
  private readonly first: readonly number[];

  constructor(length: number, columns: readonly Column[]) {
    this.compare = comparator(columns);
    this.first = columns[0]!.compare ? NO_VALUES : columns[0]!.values;
    // One ranking is used up before the next is made, so that all can use the same room.
    if (room.length < length) room = new Int32Array(2 * length);
    this.heap = room;
    for (let place = 0; place < length; place++) this.heap[place] = place;
    this.size = length;
  }

  /** The next best, or −1. */
  next(): number {
    if (this.size === 0) return -1;
    const at = this.bestAt();
    const best = this.heap[at]!;
    this.heap[at] = this.heap[--this.size]!;
    if (this.looks < LOOKS) this.looks++;
    else if (this.looks === LOOKS) this.pile();
    else this.sink(0);
    return best;
  }

  /** The one that would come next, or −1. */
  peek(): number {
    return this.size === 0 ? -1 : this.heap[this.bestAt()]!;
  }

  private bestAt(): number {
    if (this.looks > LOOKS) return 0;
    const { heap, size, first, compare } = this;
    let best = 0;
    let least = first[heap[0]!]!;
    for (let place = 1; place < size; place++) {
      const value = first[heap[place]!]!;
      if (value > least) continue;
      if (value < least || compare(heap[place]!, heap[best]!) < 0) { best = place; least = value; }
    }
    return best;
  }

  private isBefore(a: number, b: number): boolean {
    const left = this.first[a]!;
    const right = this.first[b]!;
    return left < right || (!(left > right) && this.compare(a, b) < 0);
  }

  private pile(): void {
    this.looks++;
    for (let place = (this.size >> 1) - 1; place >= 0; place--) this.sink(place);
  }

  private sink(from: number): void {
    const { heap, size } = this;
    const moving = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.isBefore(heap[child]!, moving)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    if (size > 0) heap[at] = moving;
  }
}

/** Where nothing but the tail ranks: every value is then undefined, and the comparison is asked. */
const NO_VALUES: readonly number[] = [];
