import { Bus } from '@sluice/bus';
import { Clock } from '@sluice/runtime';
import { AcceptLead } from './accept-lead.service.js';
import type { IntakeConfig } from './config.js';

type Limits = Pick<IntakeConfig, 'SLUICE_INTAKE_IN_FLIGHT_MAX' | 'SLUICE_INTAKE_LAG_MAX_S'>;

/** The group whose lag counts: leads that nobody decides must not pile up behind a 202. */
const DECIDER = 'engine';
const LAG_EVERY_MS = 1_000;

/** Whether one more lead may come in. It is asked before a request is read, never after something was accepted. */
export class Overload {
  private lagMs = 0;
  private readAt = -Infinity;
  private reading = false;

  constructor(
    private readonly bus: Bus, private readonly clock: Clock, private readonly accept: AcceptLead, private readonly limits: Limits,
  ) {}

  /** Seconds after which to come again; undefined = welcome. */
  retryAfterS(): number | undefined {
    this.refresh();
    const overS = this.lagMs / 1000 - this.limits.SLUICE_INTAKE_LAG_MAX_S;
    // A lag does not go within a second; who comes again too early only costs.
    if (overS > 0) return Math.min(60, Math.max(1, Math.ceil(overS)));
    return this.accept.inFlight >= this.limits.SLUICE_INTAKE_IN_FLIGHT_MAX ? 1 : undefined;
  }

  /** Answers once there is room again; false where `gone` became true before. For a stream that has begun: it is paused, not cut. */
  async room(gone: () => boolean): Promise<boolean> {
    while (this.retryAfterS() !== undefined) {
      if (gone()) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return !gone();
  }

  /** Looks at most once a second, in the background: the figure of a second ago is good enough, a request that waits for it is not. */
  private refresh(): void {
    const now = this.clock.now();
    if (this.reading || now - this.readAt < LAG_EVERY_MS) return;
    this.reading = true;
    this.readAt = now;
    this.bus.lag(DECIDER)
      .then((lags) => { this.lagMs = lags.reduce((oldest, lag) => Math.max(oldest, lag.ageMs), 0); })
      // A log that cannot be asked will refuse the leads itself.
      .catch(() => { this.lagMs = 0; })
      .finally(() => { this.reading = false; });
  }
}
