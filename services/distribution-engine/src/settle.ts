/** Delivery results: they consume a reservation, give it back, or leave it held. One that comes again changes nothing. */
import { accept, release, type Request } from '@sluice/distribution';
import {
  OutboundLeadReleased, type Heard, type OutboundLeadAccepted, type OutboundLeadFailed, type OutboundLeadRejected,
  type OutboundLeadUnresolved,
} from '@sluice/events';
import { attempt } from './attempt.js';
import { keyOf, type OutboundLeadState, type StoredLead } from './changes.js';
import { deadlineOf, type TenantMemory } from './memory.js';
import type { Run } from './run.js';

type Result = OutboundLeadAccepted | OutboundLeadRejected | OutboundLeadFailed | OutboundLeadUnresolved;

type Outcome = Exclude<OutboundLeadState, 'returned'>;

/** A result rests on its lead. `accepted` consumes; `rejected` and `failed` release and fall back (F5); `unresolved` keeps the units. */
export function settle(run: Run, heard: Heard<Result>, topic: string, outcome: Outcome): void {
  const { tenantId, leadId, outboundLeadId } = heard.data;
  const tenant = run.tenant(tenantId);
  const stored = run.lead(tenantId, leadId);
  if (!stored) return run.wait(heard, topic, 'lead', leadId);
  const holding = stored.life.picks.find((pick) => pick.outboundLeadId === outboundLeadId);
  if (!holding) return;
  // A client may turn down what it took: an e-mail bounces after the fact (A9). All else settles a reservation only.
  const open = holding.state === 'reserved' || (outcome === 'rejected' && holding.state === 'accepted');
  if (!open) return;
  run.changes.settled.set(keyOf(tenantId, outboundLeadId), { tenantId, outboundLeadId, state: outcome, at: run.now });
  if (outcome === 'unresolved') return;
  if (outcome === 'accepted') return run.keep({ ...stored, life: accept(stored.life, outboundLeadId) });

  const released = { ...stored, life: release(tenant.market, tenant.state, stored.life, outboundLeadId, outcome) };
  run.keep(released);
  run.changes.said.push(OutboundLeadReleased.make(
    { tenantId, outboundLeadId, leadId, contractId: holding.contractId, reason: outcome },
    { id: run.id(), time: run.now, traceparent: heard.traceparent },
  ));
  const request = fallbackOf(run, tenant, released, holding.round);
  if (request) attempt(run, tenant, released, { request }, heard);
}

/** Who tries next (F5): nobody after the deadline, nor after what a person distributed by hand, who decides himself what comes next. */
function fallbackOf(run: Run, tenant: TenantMemory, { lead, attempts }: StoredLead, round: number): Request | undefined {
  const { trigger, workflow } = attempts[round - 1] ?? { trigger: 'arrival' };
  if (trigger === 'manual' || trigger === 'cherryPick') return undefined;
  const deadlineMs = deadlineOf(tenant, lead.campaignId);
  if (deadlineMs !== undefined && run.now >= lead.receivedAt + deadlineMs) return undefined;
  return trigger === 'push' ? { trigger: 'push' } : { trigger: 'fallback', ...(workflow === undefined ? {} : { workflow }) };
}
