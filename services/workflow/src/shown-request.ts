/** A request of a person as the API shows it: instants as ISO text, money with its decimals. */
import { formatMoney } from '@sluice/kernel';
import type { RequestRow } from './distributions.store.js';
import type { AttemptFacts } from './engine-queries.service.js';

export const requestLink = (requestId: string) => `/v1/distribution-requests/${requestId}`;

/** `attempt`: what the engine's receipt says besides; without it the gates are not shown. */
export function shownRequest(row: RequestRow, attempt?: AttemptFacts) {
  const { requestId, leadId, kind, actor, caller, reason, workflowId, contracts, overrides, requestedAt } = row;
  const { outcome, attemptId, answeredAt, result } = row;
  return {
    requestId, leadId, kind, state: outcome ?? 'pending', actor, caller, reason, contracts, rules: workflowId, overrides,
    requestedAt: instant(requestedAt), link: requestLink(requestId),
    outcome: result === null || attemptId === null ? null : {
      attemptId, answeredAt: instant(answeredAt),
      picks: result.picks.map(({ priceMinor, ...pick }) => ({
        ...pick, price: formatMoney(BigInt(priceMinor), pick.currency),
        ...(attempt ? { overridden: attempt.picks.find(({ contractId }) => contractId === pick.contractId)?.overridden ?? [] } : {}),
      })),
      reason: result.reason, reasons: result.reasons, full: result.full,
      ...(attempt ? { minimumsMet: attempt.minimumsMet, refused: refusedOf(attempt, overrides) } : {}),
      attempt: `/v1/attempts/${attemptId}`,
    },
  };
}

/** Who did not get it, why, and all gates that were shut for him. What was passed over is no reason where another gate still binds. */
function refusedOf({ verdicts }: AttemptFacts, overrides: readonly string[]) {
  return verdicts.filter(({ code }) => code !== 'picked').map(({ contractId, clientId, code, gates, detail }) => ({
    contractId, clientId, reason: overrides.includes(code) ? gates.find((gate) => !overrides.includes(gate)) ?? code : code, gates,
    ...(detail ? { detail } : {}),
  }));
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
