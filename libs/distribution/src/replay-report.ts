/** The difference between two outcomes, as data: amounts as text in the currency, the biggest movers first. */
import { formatMoney } from '@sluice/kernel';
import type { ContractOutcome, Outcomes } from './replay-outcomes.js';

export interface ReplaySide {
  /** Leads that the contract was given and kept, returned ones included. */
  readonly leads: number;
  readonly returned: number;
  readonly turnover: string;
  /** Of all that was sold, 0 to 1. */
  readonly share: number;
  /** Why it did not get leads that its criteria let in, at their arrival, most often first; not known of what happened. */
  readonly reasons?: Readonly<Record<string, number>>;
}

export interface ReplayTotals {
  readonly sold: number;
  readonly unsold: number;
  /** Leads given to contracts: one lead may be shared. */
  readonly assigned: number;
  readonly turnover: string;
  readonly reasons: Readonly<Record<string, number>>;
}

export interface ReplayContract {
  readonly contractId: string;
  readonly clientId: string | null;
  readonly before: ReplaySide;
  readonly after: ReplaySide;
  readonly leads: number;
  readonly turnover: string;
}

export interface ReplayReport {
  readonly currency: string;
  readonly leads: number;
  /** Leads from before the span that only used up what they had used up. */
  readonly warmed: number;
  /** Leads that others would have got. */
  readonly moved: number;
  readonly before: ReplayTotals;
  readonly after: ReplayTotals;
  /** Differences, after less before. */
  readonly difference: { readonly sold: number; readonly assigned: number; readonly turnover: string };
  readonly contracts: readonly ReplayContract[];
}

export interface ReplayFigures {
  readonly currency: string;
  readonly leads: number;
  readonly warmed: number;
  readonly moved: number;
  readonly before: Outcomes;
  readonly after: Outcomes;
  readonly known: readonly string[];
  clientOf(contractId: string): string | undefined;
}

const NOTHING: ContractOutcome = { leads: 0, returned: 0, turnoverMinor: 0n, reasons: new Map() };

export function reportOf({ currency, leads, warmed, moved, before, after, known, clientOf }: ReplayFigures): ReplayReport {
  const ids = [...new Set([...known, ...before.contracts.keys(), ...after.contracts.keys()])];
  const [was, is] = [totalsOf(before), totalsOf(after)];
  const rows = ids.map((contractId) => {
    const [one, two] = [before.contracts.get(contractId) ?? NOTHING, after.contracts.get(contractId) ?? NOTHING];
    const side = (of: ContractOutcome, total: bigint): ReplaySide => ({
      leads: of.leads, returned: of.returned, turnover: formatMoney(of.turnoverMinor, currency),
      share: total === 0n ? 0 : Number((of.turnoverMinor * 1_000_000n) / total) / 1_000_000,
      ...(of.reasons.size > 0 && { reasons: sorted(of.reasons) }),
    });
    const moved = two.turnoverMinor - one.turnoverMinor;
    return { moved, row: {
      contractId, clientId: clientOf(contractId) ?? null, before: side(one, was.minor), after: side(two, is.minor),
      leads: two.leads - one.leads, turnover: formatMoney(moved, currency),
    } };
  });
  const size = (value: bigint) => (value < 0n ? -value : value);
  rows.sort((a, b) => Number(size(b.moved) - size(a.moved)) || Math.abs(b.row.leads) - Math.abs(a.row.leads));
  const total = ({ minor, ...totals }: ReturnType<typeof totalsOf>, of: Outcomes): ReplayTotals =>
    ({ ...totals, turnover: formatMoney(minor, currency), reasons: sorted(of.unsold) });
  return {
    currency, leads, warmed, moved, before: total(was, before), after: total(is, after),
    difference: { sold: is.sold - was.sold, assigned: is.assigned - was.assigned, turnover: formatMoney(is.minor - was.minor, currency) },
    contracts: rows.map(({ row }) => row),
  };
}

function totalsOf({ contracts, leads, sold }: Outcomes): { sold: number; unsold: number; assigned: number; minor: bigint } {
  let minor = 0n;
  let assigned = 0;
  for (const contract of contracts.values()) {
    minor += contract.turnoverMinor;
    assigned += contract.leads;
  }
  return { sold, unsold: leads - sold, assigned, minor };
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}
