/** Presence is in no history: who was given a lead was there when he was, unless it came to him because nobody was. */
import type { HistoryLine, HistoryPick } from './history.js';
import type { Market } from './market.js';
import type { Simulation } from './simulation.js';

export class InferredPresence {
  private readonly recipients: ReadonlySet<string>;
  /** For how long somebody counts as there after he was seen, wherever that is asked for the shortest time. */
  private readonly spanMs: number;

  constructor(private readonly market: Market, private readonly simulation: Simulation) {
    const strategies = [...market.strategies.values()];
    this.recipients = new Set(strategies.flatMap(({ recipients }) => recipients.map(({ to }) => to)));
    this.spanMs = Math.min(...strategies.map(({ activeWithinMs }) => activeWithinMs));
  }

  /** Picks that show that somebody was there at their instant. */
  shownBy({ lead, picks }: HistoryLine): HistoryPick[] {
    return picks.filter(({ contractId, rule, at }) => {
      const timeout = this.market.strategies.get(rule)?.timeout;
      const wasLate = timeout?.to === contractId && at - lead.receivedAt >= timeout.afterMs;
      return this.recipients.has(contractId) && !wasLate;
    });
  }

  /** Was there now. Leads that are held are tried only where that is news: it was asked of them otherwise. */
  seen({ contractId }: HistoryPick): void {
    const { state, now } = this.simulation;
    const before = state.get(`seen|${contractId}`);
    state.seen(contractId, now);
    if (before === 0 || now - before > this.spanMs) this.simulation.wakeHeld();
  }
}
