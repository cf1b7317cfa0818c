import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Clock, Log } from '@sluice/runtime';
import { WindowSignal } from './window-signal.service.js';
import { WindowTries } from './window-tries.service.js';

/** What another process makes due is found by looking. */
const LOOK_MS = 250;
/** A row that is due may be another process's, which has yet to commit. */
const MOMENT_MS = 10;
const AFTER_FAILURE_MS = 1_000;

/** The timers of windows: sleeps until the next is due, and asks for what is. Every replica runs it; they leave each other's rows alone. */
@Injectable()
export class WindowTimerJob implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loops: Promise<void>[] = [];
  private stopping = false;

  constructor(
    private readonly tries: WindowTries, private readonly signal: WindowSignal, private readonly clock: Clock, private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.loops.push(this.loop('due windows cannot be claimed', () => this.claim()), this.loop('windows cannot be woken', () => this.wake()));
  }

  /** What runs is finished; nothing more is claimed. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.signal.wake();
    await Promise.all(this.loops);
  }

  private async loop(failure: string, step: () => Promise<void>): Promise<void> {
    while (!this.stopping) {
      try {
        await step();
      } catch (error) {
        this.log.error({ error: error instanceof Error ? error.message : 'unknown' }, failure);
        if (!this.stopping) await this.signal.wait(this.signal.mark, AFTER_FAILURE_MS);
      }
    }
  }

  private async claim(): Promise<void> {
    const { mark } = this.signal;
    const nextAt = await this.tries.nextDue();
    const inMs = nextAt === null ? LOOK_MS : nextAt - this.clock.now();
    if (inMs > 0 || (await this.tries.claim()).tried === 0) await this.rest(mark, inMs);
  }

  private async wake(): Promise<void> {
    const { mark } = this.signal;
    if (await this.tries.workOffWake()) this.signal.wake();
    else await this.rest(mark, LOOK_MS);
  }

  private async rest(mark: number, ms: number): Promise<void> {
    if (!this.stopping) await this.signal.wait(mark, Math.max(MOMENT_MS, Math.min(LOOK_MS, ms)));
  }
}
