import { Injectable } from '@nestjs/common';

/** Tells the job of this process that there is work; other processes find it by looking. */
@Injectable()
export class WorkSignal {
  private pending = false;
  private waiting: (() => void) | undefined;

  wake(): void {
    this.pending = true;
    this.waiting?.();
  }

  /** Waits for the next wake, at most so long; a wake since the last wait ends it at once. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.pending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.waiting = undefined;
    this.pending = false;
  }
}
