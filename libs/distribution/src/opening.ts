/** A schedule that remembers its last answer and until when it holds: a decision asks it in nanoseconds. */
import type { Schedule } from '@sluice/kernel';

export class Opening {
  private from = Infinity;
  private until = -Infinity;
  private open = false;

  constructor(private readonly schedule: Schedule) {}

  isOpen(now: number): boolean {
    if (now < this.from || now >= this.until) {
      this.open = this.schedule.isOpen(now);
      this.from = now;
      this.until = this.schedule.nextChange(now) ?? Infinity;
    }
    return this.open;
  }

  /** Until when the answer at `now` holds. */
  holdsUntil(now: number): number {
    this.isOpen(now);
    return this.until;
  }

  /** The first instant after `now` at which it opens; undefined where it never does. */
  opensAt(now: number): number | undefined {
    if (this.isOpen(now)) return now;
    return this.schedule.nextChange(now);
  }
}
