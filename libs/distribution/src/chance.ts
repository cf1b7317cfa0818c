/** When time alone can open what is shut: the instant at which it is worth trying a lead again, without anybody changing anything. */
import { ROLLING_MS, type Limit } from './limits.js';
import type { Lead } from './lead.js';
import type { Verdict } from './decision.js';
import type { Market } from './market.js';
import type { State } from './state.js';

/**
 * The next instant after `now` at which a schedule opens, a cap's bucket ends or an order starts for a contract of the verdicts; Infinity
 * = none.
 */
export function nextChance(market: Market, state: State, lead: Lead, verdicts: readonly Verdict[], now: number): number {
  let next = Infinity;
  const consider = (at: number | undefined) => { if (at !== undefined && at > now && at < next) next = at; };
  for (const { contractId, gates } of verdicts) {
    const contract = market.contracts.get(contractId);
    if (!contract) {
      if (!gates.some((gate) => gate.startsWith('cap_'))) continue;
      for (const { clock } of recipientLimits(market, contractId)) if (clock) consider(clock.at(now).until);
      continue;
    }
    for (const gate of gates) {
      if (gate === 'schedule_closed') consider(contract.opening?.opensAt(now));
      else if (gate.startsWith('order_')) for (const { start } of contract.orders) consider(start);
      else if (gate === 'percentage_limit') for (const { clock } of contract.qualified) consider(clock.at(now).until);
      else if (gate.startsWith('cap_')) {
        for (const limit of [...contract.limits, ...(market.campaigns.get(lead.campaignId)?.limits ?? [])]) {
          if (limit.clock) consider(limit.clock.at(now).until); else consider(state.rollsOffAt(limit, now) + ROLLING_MS);
        }
      }
    }
  }
  return next;
}

function recipientLimits(market: Market, recipient: string): Limit[] {
  return [...market.strategies.values()].flatMap(({ recipients }) => recipients.filter(({ to }) => to === recipient)
    .flatMap(({ limits }) => limits));
}
