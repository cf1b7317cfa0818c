/** The index over the criteria of one campaign's contracts (or of those that serve every campaign): which contracts let a lead in. */
import type { Atom, RangeAtom, SetAtom } from './atoms.js';
import { holds } from './conditions.js';
import type { Conjunction } from './criteria.js';
import { fieldOf } from './fields.js';
import type { Lead } from './lead.js';
import { RangeNode, SetNode, type Node } from './nodes.js';
import { grown, Survivors } from './rows.js';
import type { Values } from './values.js';

const WORDS_MIN = 4;

/** What stands in a slot besides its owner: its alternative, and what is left to test once the bits have let it through. */
interface Slot { conjunction: Conjunction; tests: Atom[] | null }

/** Numbers of owners found, growing as they come; kept from match to match. */
export class Found {
  owners = new Int32Array(256);
  count = 0;

  /** Makes room for so many more. */
  widen(more: number): void {
    if (this.count + more <= this.owners.length) return;
    const wider = new Int32Array((this.count + more) * 2);
    wider.set(this.owners);
    this.owners = wider;
  }
}

/** Bits of one match; decisions do not overlap in time, so one is enough for all partitions. */
const survivors = new Survivors();

export class Partition {
  private words: number;
  private live: Int32Array;
  private readonly slots: (Slot | undefined)[] = [];
  private owners: Int32Array;
  /** Slots that have tests: most have none, and then nothing but bits is read. */
  private tested: Int32Array;
  private readonly free: number[] = [];
  private nodes: Node[] = [];
  private changes = 0;
  /** How many contracts it holds, whatever the number of their alternatives; the market counts them. */
  contracts = 0;

  /** `values`: those of all partitions. `expected`: how many slots it will hold, so that it does not grow while it is built. */
  constructor(private readonly values: Values, expected = 0) {
    this.words = Math.max(WORDS_MIN, Math.ceil((expected * 1.25) / 32));
    this.live = new Int32Array(this.words);
    this.tested = new Int32Array(this.words);
    this.owners = new Int32Array(this.words * 32);
  }

  get size(): number {
    return this.slots.length - this.free.length;
  }

  /** Puts an alternative of an owner, a number, in; its slot's number. */
  add(owner: number, conjunction: Conjunction): number {
    const slot = this.free.pop() ?? this.slots.length;
    if (slot >= this.words * 32) this.grow();
    let tests: Atom[] | null = null;
    for (const atom of conjunction) if (atom.kind === 'test') (tests ??= []).push(atom); else this.nodeFor(atom);
    for (const node of this.nodes) {
      const atom = atomFor(node, conjunction);
      if (node instanceof SetNode) node.add(slot, atom as SetAtom | undefined);
      else if (node.add(slot, atom as RangeAtom | undefined)) (tests ??= []).push(atom!);
    }
    this.live[slot >> 5]! |= 1 << (slot & 31);
    this.slots[slot] = { conjunction, tests };
    this.owners[slot] = owner;
    if (tests !== null) this.tested[slot >> 5]! |= 1 << (slot & 31);
    this.sortNow();
    return slot;
  }

  remove(slot: number): void {
    const gone = this.slots[slot];
    if (!gone) return;
    for (const node of this.nodes) {
      const atom = atomFor(node, gone.conjunction);
      if (node instanceof SetNode) node.remove(slot, atom as SetAtom | undefined);
      else node.remove(slot, atom as RangeAtom | undefined);
    }
    this.live[slot >> 5]! &= ~(1 << (slot & 31));
    this.tested[slot >> 5]! &= ~(1 << (slot & 31));
    this.slots[slot] = undefined;
    this.free.push(slot);
    this.sortNow();
  }

  /** Appends the owners whose criteria let the lead in, one for each alternative that does, in no particular order. */
  match(lead: Lead, into: Found): void {
    survivors.start(this.live, this.words);
    const { nodes, owners, tested } = this;
    for (let place = 0; place < nodes.length && survivors.size > 0; place++) {
      const node = nodes[place]!;
      if (node.constrained > 0) node.narrow(survivors, fieldOf(lead, node.field));
    }
    const { bits, active } = survivors;
    into.widen(survivors.size * 32);
    const found = into.owners;
    let { count } = into;
    for (let place = 0; place < survivors.size; place++) {
      const word = active[place]!;
      const check = tested[word]!;
      for (let left = bits[word]!; left !== 0; left &= left - 1) {
        const bit = left & -left;
        const slot = (word << 5) | (31 - Math.clz32(bit));
        if ((check & bit) === 0 || passes(this.slots[slot]!.tests!, lead)) found[count++] = owners[slot]!;
      }
    }
    into.count = count;
  }

  private nodeFor(atom: SetAtom | RangeAtom): void {
    for (const node of this.nodes) if (serves(node, atom)) return;
    this.nodes.push(atom.kind === 'set' ? new SetNode(atom.field, this.words, this.live, this.values)
      : new RangeNode(atom.field, atom.kind, this.words, this.live));
  }

  private grow(): void {
    this.words *= 2;
    this.live = grown(this.live, this.words);
    this.tested = grown(this.tested, this.words);
    this.owners = grown(this.owners, this.words * 32);
    for (const node of this.nodes) node.grow(this.words);
  }

  /**
   * The field that most slots constrain comes first: it leaves the fewest words for the others. Not with every change, or it would cost.
   */
  private sortNow(): void {
    if (++this.changes % 256 === 0 || this.changes < 16) this.nodes.sort((a, b) => b.constrained - a.constrained);
  }
}

function serves(node: Node, atom: Atom): boolean {
  return node.field === atom.field && (node instanceof SetNode ? 'set' : node.kind) === atom.kind;
}

function atomFor(node: Node, conjunction: Conjunction): Atom | undefined {
  for (const atom of conjunction) if (serves(node, atom)) return atom;
  return undefined;
}

function passes(tests: readonly Atom[], lead: Lead): boolean {
  for (const atom of tests) if (!holds(atom, fieldOf(lead, atom.field), lead)) return false;
  return true;
}
