/** Limits that a reservation used up: what `LimitReached` is said of. */
import { scopesOf, type Holding, type Limit, type Market, type State } from '@sluice/distribution';

export interface Reached {
  readonly contractId: string;
  /** `cap_day` of the contract itself, `client/cap_day` of a limit that it shares with others, `order_exhausted`. */
  readonly limit: string;
}

/** Each limit once that these holdings filled; one that was full before is none of theirs. Asked right after the reservation. */
export function limitsReached(market: Market, state: State, holdings: readonly Holding[], now: number): Reached[] {
  const reached = new Map<string, Reached>();
  for (const { contractId, order } of holdings) {
    if (order !== undefined && isUsedUp(market, state, contractId, order)) reached.set(`order|${order}`, { contractId,
      limit: 'order_exhausted' });
    for (const limit of market.contracts.get(contractId)?.limits ?? []) {
      const used = state.used(limit, now);
      if (used < limit.limit || reached.has(limit.prefix)) continue;
      if (used - movedBy(holdings, limit) >= limit.limit) continue;
      const code = `cap_${limit.window === 'rolling60m' ? 'hour' : limit.window}`;
      reached.set(limit.prefix, { contractId, limit: limit.scope === 'contract' ? code : `${limit.scope}/${code}` });
    }
  }
  return [...reached.values()];
}

/** An order that had room for this reservation and has none after it. */
function isUsedUp(market: Market, state: State, contractId: string, orderId: string): boolean {
  const order = market.contracts.get(contractId)?.orders.find(({ id }) => id === orderId);
  if (!order) return false;
  return state.get(`order|${orderId}|count`) >= order.quantity || state.get(`order|${orderId}|amount`) >= order.amount;
}

function movedBy(holdings: readonly Holding[], limit: Limit): number {
  let moved = 0;
  const scope = `${limit.scope}|${limit.id}`;
  for (const holding of holdings) if (scopesOf(holding).includes(scope)) moved += limit.unitsAt(Number(holding.price));
  return moved;
}
