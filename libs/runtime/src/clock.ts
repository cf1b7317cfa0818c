/** Time as a seam. Instants are epoch milliseconds. */
export abstract class Clock {
  abstract now(): number;
}

export class SystemClock extends Clock {
  override now(): number {
    return Date.now();
  }
}

/** For tests: stands still until it is moved. */
export class VirtualClock extends Clock {
  constructor(private instant: number) {
    super();
  }

  override now(): number {
    return this.instant;
  }

  moveTo(instant: number): void {
    this.instant = instant;
  }
}
