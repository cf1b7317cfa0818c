/** Presence is in no history: who was given a lead was there when he was, unless it came to him because nobody was. */
import type { HistoryLine, HistoryPick } from './history.js';
import type { Market } from './market.js';
import type { Simulation } from './simulation.js';

export class InferredPresence {
  /** Recipients, and for how long they count as there after they were seen. */
  private readonly spans = new Map<string, number>();

  constructor(private readonly market: Market, private readonly simulation: Simulation) {
    for (const { recipients, activeWithinMs } of market.strategies.values()) {
      for (const { to } of recipients) this.spans.set(to, Math.min(activeWithinMs, this.spans.get(to) ?? Infinity));
    }
  }

  /** Picks that show that somebody was there at their instant. */
  shownBy({ lead, picks }: HistoryLine): HistoryPick[] {
    return picks.filter(({ contractId, rule, at }) => {
      const timeout = this.market.strategies.get(rule)?.timeout;
      const wasLate = timeout?.to === contractId && at - lead.receivedAt >= timeout.afterMs;
      return this.spans.has(contractId) && !wasLate;
    });
  }

  /** Was there now. Leads that are held are tried only where that is news: it was asked of them otherwise. */
  seen({ contractId }: HistoryPick): void {
    const { state, now } = this.simulation;
    const before = state.get(`seen|${contractId}`);
    state.seen(contractId, now);
    if (before === 0 || now - before > (this.spans.get(contractId) ?? 0)) this.simulation.wakeHeld();
  }
}
