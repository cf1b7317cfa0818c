import { Injectable } from '@nestjs/common';

/** Tells the timer of this process that something may be due earlier than it thinks; other processes find it by looking. */
@Injectable()
export class WindowSignal {
  private readonly waiting = new Set<() => void>();
  private count = 0;

  /** What `wait` is to be told, so that no wake between a look and the wait after it is missed. */
  get mark(): number {
    return this.count;
  }

  wake(): void {
    this.count++;
    for (const go of [...this.waiting]) go();
  }

  /** Waits for a wake after `mark`, at most so many ms. */
  async wait(mark: number, timeoutMs: number): Promise<void> {
    if (this.count !== mark || timeoutMs <= 0) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, timeoutMs);
      this.waiting.add(go);
    });
  }
}
