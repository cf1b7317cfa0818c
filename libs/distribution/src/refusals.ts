/** How clients answer leads of the past: as they did; and, where that is wanted, to leads that they never had as often as they did then. */
import type { HistoryPick } from './history.js';
import type { Answers } from './simulation.js';

/** Answers so far of a contract, and how many of them were a no. */
interface Answered { all: number; refused: number }

/** Of fewer answers than these no rate is told. */
const ANSWERS_MIN = 20;
const NOBODY: ReadonlySet<string> = new Set();
const REFUSED: ReadonlySet<string> = new Set(['rejected', 'failed', 'released']);

export class Refusals {
  private readonly answered = new Map<string, Answered>();

  /** `chance`: uniform in [0, 1) from a text; absent = who never had a lead accepts it. */
  constructor(private readonly chance?: (text: string) => number) {}

  /** What the clients said to a lead counts for those that come after it. */
  learn(picks: readonly HistoryPick[]): void {
    if (!this.chance) return;
    for (const { contractId, state } of picks) {
      if (state === 'reserved' || state === 'unresolved' || state === 'cherryPicked') continue;
      const answered = this.answered.get(contractId) ?? { all: 0, refused: 0 };
      answered.all++;
      if (REFUSED.has(state)) answered.refused++;
      this.answered.set(contractId, answered);
    }
  }

  answersTo(leadId: string, picks: readonly HistoryPick[]): Answers {
    // Who turned it down and took it later, on other terms, took it.
    const last = new Map(picks.map(({ contractId, state }) => [contractId, state]));
    const who = (...states: string[]): ReadonlySet<string> => {
      const ids = [...last].filter(([, state]) => states.includes(state)).map(([id]) => id);
      return ids.length === 0 ? NOBODY : new Set(ids);
    };
    const rejectedBy = who('rejected');
    return {
      rejectedBy: this.chance ? new Likely(rejectedBy, (id) => !last.has(id) && this.refuses(leadId, id)) : rejectedBy,
      failedBy: who('failed', 'released'), unansweredBy: who('unresolved'),
    };
  }

  private refuses(leadId: string, contractId: string): boolean {
    const { all, refused } = this.answered.get(contractId) ?? { all: 0, refused: 0 };
    return all >= ANSWERS_MIN && this.chance!(`${leadId}|refuses|${contractId}`) < refused / all;
  }
}

/** Those who are known to be in it, and who is likely to be: asked of the few that get the lead, not of all. */
class Likely extends Set<string> {
  constructor(known: Iterable<string>, private readonly isLikely: (id: string) => boolean) {
    super(known);
  }

  override has(id: string): boolean {
    return super.has(id) || this.isLikely(id);
  }
}
