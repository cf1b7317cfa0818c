/** What became of leads, added up by contract. */
import { eachCode } from './automatic.js';
import type { Decision } from './decision.js';
import type { HistoryLine } from './history.js';

export interface Outcome {
  readonly sold: readonly { readonly contractId: string; readonly priceMinor: bigint; readonly returned: boolean }[];
  /** Why nobody has it; null where somebody does. */
  readonly reason: string | null;
}

export interface ContractOutcome { leads: number; returned: number; turnoverMinor: bigint; reasons: Map<string, number> }

export class Outcomes {
  readonly contracts = new Map<string, ContractOutcome>();
  readonly unsold = new Map<string, number>();
  leads = 0;
  sold = 0;

  add({ sold, reason }: Outcome): void {
    this.leads++;
    if (reason !== null) this.unsold.set(reason, (this.unsold.get(reason) ?? 0) + 1); else this.sold++;
    for (const { contractId, priceMinor, returned } of sold) {
      const contract = this.of(contractId);
      contract.leads++;
      if (returned) contract.returned++; else contract.turnoverMinor += priceMinor;
    }
  }

  /** Who did not get a lead when it came, and why; what the criteria did not let in is not told apart. */
  lose(decision: Decision): void {
    eachCode(decision, (contractId, code) => {
      if (code === 'picked') return;
      const { reasons } = this.of(contractId);
      reasons.set(code, (reasons.get(code) ?? 0) + 1);
    });
  }

  of(contractId: string): ContractOutcome {
    let contract = this.contracts.get(contractId);
    if (!contract) this.contracts.set(contractId, (contract = { leads: 0, returned: 0, turnoverMinor: 0n, reasons: new Map() }));
    return contract;
  }
}

const SOLD: ReadonlySet<string> = new Set(['accepted', 'returned', 'cherryPicked']);

/** What happened to a lead, as its history has it. */
export function outcomeOf({ attempts, picks }: HistoryLine): Outcome {
  const sold = picks.filter(({ state }) => SOLD.has(state))
    .map(({ contractId, priceMinor, state }) => ({ contractId, priceMinor: BigInt(priceMinor), returned: state === 'returned' }));
  return { sold, reason: sold.length > 0 ? null : reasonOf(attempts, picks) };
}

function reasonOf(attempts: HistoryLine['attempts'], picks: HistoryLine['picks']): string {
  if (picks.some(({ state }) => state === 'reserved' || state === 'unresolved')) return 'unanswered';
  const last = attempts.at(-1)?.outcome ?? 'no_workflow';
  // Everybody who had it turned it down, and it was not tried again.
  return last === 'distributed' ? 'rejected_before' : last;
}
