/** How long scripts take, in this process: counts in steps of a quarter, so that a script's whole history is a hundred numbers. */
const STEP = 1.25;
const STEPS = 80;

export class Timings {
  private readonly counts = new Map<string, Uint32Array>();

  add(script: string, microseconds: number): void {
    let counts = this.counts.get(script);
    if (!counts) this.counts.set(script, (counts = new Uint32Array(STEPS)));
    const step = Math.floor(Math.log(Math.max(1, microseconds)) / Math.log(STEP));
    counts[Math.min(STEPS - 1, step)]! += 1;
  }

  /** Microseconds that a part of the calls stayed below, at most a quarter too high; null where none was made. */
  percentile(script: string, part: number): number | null {
    const counts = this.counts.get(script);
    if (!counts) return null;
    let left = counts.reduce((sum, count) => sum + count, 0) * part;
    for (let step = 0; step < STEPS; step++) {
      left -= counts[step]!;
      if (left <= 0) return Math.round(STEP ** (step + 1));
    }
    return null;
  }
}
