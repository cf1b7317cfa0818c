/** Presence: a user was active, and what is held for want of somebody is tried again, the oldest first (D4). */
import type { Decision, Gate, Market } from '@sluice/distribution';
import type { Heard, UserSeen } from '@sluice/events';
import { attempt, decideFor } from './attempt.js';
import type { TenantMemory } from './memory.js';
import type { Asked } from './receipt.js';
import type { Run } from './run.js';
import { reachOf } from './woken.js';

const AGAIN: Asked = { request: { trigger: 'push' } };

/**
 * Takes in that a user was active, and offers what is held. A lead that still nobody can take has no attempt more: nothing was asked of it
 * that was not known. It ends early once the user himself can take nothing more.
 */
export function see(run: Run, heard: Heard<UserSeen>): void {
  const { tenantId, userId, at } = heard.data;
  const tenant = run.tenant(tenantId);
  // A clock that is ahead would keep him active for ever.
  tenant.state.seen(userId, Math.min(Date.parse(at), run.now));
  if (tenant.held.size === 0) return;
  const reaches = reachOf(tenant.market, new Set([userId]));
  for (const { leadId, campaignId } of run.heldAtHand(tenant)) {
    if (!reaches(campaignId)) continue;
    if (!offer(run, tenant, leadId, userId, heard)) return;
  }
}

/** False once it is no use to go on. */
function offer(run: Run, tenant: TenantMemory, leadId: string, userId: string, heard: Heard): boolean {
  const stored = run.lead(tenant.tenantId, leadId);
  if (stored?.heldSince === undefined) return true;
  let decision: Decision;
  try {
    decision = decideFor(run, tenant, stored, AGAIN);
  } catch (error) {
    run.changes.faults.push({ leadId, message: error instanceof Error ? error.message : 'unknown' });
    return true;
  }
  if (decision.kind === 'unsold') return !isShut(tenant.market, decision, userId);
  attempt(run, tenant, stored, AGAIN, heard, decision);
  return true;
}

/** Gates that have nothing to do with the lead. */
const OF_ANY_LEAD: ReadonlySet<Gate> = new Set<Gate>(['not_active', 'cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total']);

/** Whether the user is shut for every lead, by all strategies that name him. */
function isShut(market: Market, { verdicts }: Decision, userId: string): boolean {
  const shut = verdicts.filter(({ contractId, gates }) => contractId === userId && gates.some((gate) => OF_ANY_LEAD.has(gate)));
  return shut.length === [...market.strategies.values()].filter(({ recipients }) => recipients.some(({ to }) => to === userId)).length;
}
