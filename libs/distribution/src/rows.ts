/**
 * Rows of bits, one bit a slot, all of one width. A value few contracts name keeps a short list of slots instead: ten thousand postal
 * codes as full rows would be megabytes that every change has to walk through.
 */

/** Slots that one value lets in (or shuts out). Exactly one of the two forms is in use. */
export class Posting {
  bits: Int32Array | null = null;
  list: number[] = [];
  count = 0;

  /** A slot that is in already, because its contract names the value twice, was the last to come. */
  add(slot: number, words: number): void {
    if (this.bits) {
      const bit = 1 << (slot & 31);
      if ((this.bits[slot >> 5]! & bit) !== 0) return;
      this.bits[slot >> 5]! |= bit;
      this.count++;
      return;
    }
    if (this.list[this.list.length - 1] === slot) return;
    this.count++;
    this.list.push(slot);
    // A list longer than a quarter of the row's words is slower to walk than the row.
    if (this.list.length > 8 && this.list.length > words >> 2) this.widen(words);
  }

  remove(slot: number): void {
    if (this.bits) {
      const bit = 1 << (slot & 31);
      if ((this.bits[slot >> 5]! & bit) === 0) return;
      this.bits[slot >> 5]! &= ~bit;
      this.count--;
      return;
    }
    const place = this.list.indexOf(slot);
    if (place < 0) return;
    this.list[place] = this.list[this.list.length - 1]!;
    this.list.pop();
    this.count--;
  }

  grow(words: number): void {
    if (this.bits) this.bits = grown(this.bits, words);
  }

  private widen(words: number): void {
    this.bits = new Int32Array(words);
    for (const slot of this.list) this.bits[slot >> 5]! |= 1 << (slot & 31);
    this.list = [];
  }
}

export function grown(row: Int32Array, words: number): Int32Array {
  const wider = new Int32Array(words);
  wider.set(row);
  return wider;
}

/**
 * The slots still in the running during one match: a row of bits, and the list of its words that are not 0 yet. After the first selective
 * field few words are left, and every further field costs only those.
 */
export class Survivors {
  bits = new Int32Array(0);
  /** Numbers of the words in use; the first `size` count. */
  active = new Int32Array(0);
  size = 0;
  private rescued: number[] = [];

  start(live: Int32Array, words: number): void {
    if (this.bits.length < words) {
      this.bits = new Int32Array(words);
      this.active = new Int32Array(words);
    }
    const { bits, active } = this;
    let size = 0;
    for (let word = 0; word < words; word++) {
      const left = live[word]!;
      bits[word] = left;
      if (left !== 0) active[size++] = word;
    }
    this.size = size;
  }

  keep(row: Int32Array): void {
    const { bits, active } = this;
    let size = 0;
    for (let place = 0; place < this.size; place++) {
      const word = active[place]!;
      const left = bits[word]! & row[word]!;
      bits[word] = left;
      if (left !== 0) active[size++] = word;
    }
    this.size = size;
  }

  /** Keeps what is open to any value and not shut out, and what names this one. */
  keepValue(open: Int32Array, accept: Posting | undefined, exclude: Posting | undefined): void {
    if (exclude && exclude.count > 0) {
      if (exclude.bits && accept?.bits) { this.keepAll(open, accept.bits, exclude.bits); return; }
      this.drop(exclude);
    }
    if (!accept || accept.count === 0) { this.keep(open); return; }
    if (accept.bits) { this.keepRows(open, accept.bits); return; }
    this.keepListed(open, accept.list);
  }

  /** Keeps what is in either row. */
  keepRows(open: Int32Array, accept: Int32Array): void {
    const { bits, active } = this;
    let size = 0;
    for (let place = 0; place < this.size; place++) {
      const word = active[place]!;
      const left = bits[word]! & (open[word]! | accept[word]!);
      bits[word] = left;
      if (left !== 0) active[size++] = word;
    }
    this.size = size;
  }

  /** In one pass, as it is the most frequent. */
  private keepAll(open: Int32Array, accept: Int32Array, exclude: Int32Array): void {
    const { bits, active } = this;
    let size = 0;
    for (let place = 0; place < this.size; place++) {
      const word = active[place]!;
      const left = bits[word]! & ((open[word]! & ~exclude[word]!) | accept[word]!);
      bits[word] = left;
      if (left !== 0) active[size++] = word;
    }
    this.size = size;
  }

  private keepListed(open: Int32Array, list: readonly number[]): void {
    const { bits, active, rescued } = this;
    rescued.length = 0;
    // A word outside the active ones is 0, so only slots that still run are rescued.
    for (let place = 0; place < list.length; place++) {
      const slot = list[place]!;
      if (this.has(slot)) rescued.push(slot);
    }
    let size = 0;
    for (let place = 0; place < this.size; place++) {
      const word = active[place]!;
      const left = bits[word]! & open[word]!;
      bits[word] = left;
      if (left !== 0) active[size++] = word;
    }
    for (let place = 0; place < rescued.length; place++) {
      const slot = rescued[place]!;
      const word = slot >> 5;
      if (bits[word] === 0) active[size++] = word;
      bits[word]! |= 1 << (slot & 31);
    }
    this.size = size;
  }

  private drop(exclude: Posting): void {
    const { bits } = this;
    if (exclude.bits) {
      for (let place = 0; place < this.size; place++) {
        const word = this.active[place]!;
        bits[word]! &= ~exclude.bits[word]!;
      }
      return;
    }
    for (const slot of exclude.list) bits[slot >> 5]! &= ~(1 << (slot & 31));
  }

  private has(slot: number): boolean {
    return (this.bits[slot >> 5]! & (1 << (slot & 31))) !== 0;
  }
}
