/** Presence: a user was active, and what is held for want of somebody is tried again, the oldest first (D4). */
import type { Decision, Gate, Lead, Market } from '@sluice/distribution';
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
  const reaches = reachOf(tenant, new Set([userId]));
  const places = placesOf(tenant.market, userId);
  for (const lead of run.heldAtHand(tenant)) {
    if (reaches(lead) && !offer(run, tenant, lead.leadId, places, heard)) return;
  }
}

/** A strategy that names the user, and how. */
interface Place { readonly userId: string; takes(lead: Lead): boolean }

function placesOf({ strategies }: Market, userId: string): Place[] {
  return [...strategies.values()].flatMap((strategy) => strategy.recipients.filter(({ to }) => to === userId).map((recipient) =>
    ({ userId, takes: (lead: Lead) => strategy.test(lead) && recipient.test(lead) })));
}

/** False once it is no use to go on. */
function offer(run: Run, tenant: TenantMemory, leadId: string, places: readonly Place[], heard: Heard): boolean {
  const stored = run.lead(tenant.tenantId, leadId);
  // Nobody else came, so that what is not for him needs no decision.
  if (stored?.heldSince === undefined || !places.some((place) => place.takes(stored.lead))) return true;
  let decision: Decision;
  try {
    decision = decideFor(run, tenant, stored, AGAIN);
  } catch (error) {
    run.changes.faults.push({ leadId, message: error instanceof Error ? error.message : 'unknown' });
    return true;
  }
  if (decision.kind === 'unsold') return !isShut(decision, places);
  attempt(run, tenant, stored, AGAIN, heard, decision);
  return true;
}

/** Gates that have nothing to do with the lead. */
const OF_ANY_LEAD: ReadonlySet<Gate> = new Set<Gate>(['not_active', 'cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total']);

/** Whether the user is shut for every lead, in all places where he is named. */
function isShut({ verdicts }: Decision, places: readonly Place[]): boolean {
  const shut = verdicts.filter(({ contractId, gates }) => contractId === places[0]!.userId && gates.some((gate) => OF_ANY_LEAD.has(gate)));
  return shut.length === places.length;
}
