/** Delivery results: they consume a reservation, give it back, or leave it held. One that comes again changes nothing. */
import { accept, release, returned, type Holding, type Request } from '@sluice/distribution';
import {
  OutboundLeadReleased, type Heard, type LeadReturned, type OutboundLeadAccepted, type OutboundLeadFailed, type OutboundLeadRejected,
  type OutboundLeadUnresolved,
} from '@sluice/events';
import { attempt } from './attempt.js';
import { keyOf, type OutboundLeadState, type StoredLead } from './changes.js';
import type { TenantMemory } from './memory.js';
import type { Run } from './run.js';
import { afterRelease, mayFallBack, sayIfFulfilled } from './windows.js';

type Result = OutboundLeadAccepted | OutboundLeadRejected | OutboundLeadFailed | OutboundLeadUnresolved;
type Outcome = Exclude<OutboundLeadState, 'returned'>;

/** Why a delivery failed where its lead was erased (A8): nobody else may get it then. */
const ERASED = 'erased';

/** A result rests on its lead. `accepted` consumes; `rejected` and `failed` release and fall back (F5); `unresolved` keeps the units. */
export function settle(run: Run, heard: Heard<Result>, topic: string, outcome: Outcome): void {
  const { tenantId, leadId, outboundLeadId } = heard.data;
  const tenant = run.tenant(tenantId);
  const stored = run.lead(tenantId, leadId);
  if (!stored) return run.wait(heard, topic, 'lead', leadId);
  const holding = stored.life.picks.find((pick) => pick.outboundLeadId === outboundLeadId);
  if (!holding || !isOpen(holding, outcome)) return;
  run.changes.settled.set(keyOf(tenantId, outboundLeadId), { tenantId, outboundLeadId, state: outcome, at: run.now });
  if (outcome === 'unresolved') return;
  if (outcome === 'accepted') {
    const accepted = { ...stored, life: accept(stored.life, outboundLeadId) };
    run.keep(accepted);
    return sayIfFulfilled(run, accepted, heard.traceparent);
  }
  const released = {
    ...stored, life: release(tenant.market, tenant.state, stored.life, outboundLeadId, outcome), window: afterRelease(stored, holding),
  };
  run.keep(released);
  run.changes.said.push(OutboundLeadReleased.make(
    { tenantId, outboundLeadId, leadId, contractId: holding.contractId, reason: outcome },
    { id: run.id(), time: run.now, traceparent: heard.traceparent },
  ));
  const { reason } = heard.data as { reason?: string };
  const request = outcome === 'failed' && reason === ERASED ? undefined : fallbackOf(run, tenant, released, holding.round);
  if (request) attempt(run, tenant, released, { request }, heard);
}

/**
 * Whether a result still settles the holding. A client may turn down what it took: an e-mail bounces after the fact (A9). What it took from
 * the pool is never a reservation, so that its acceptance is noted beside it.
 */
function isOpen({ state, accepted }: Holding, outcome: Outcome): boolean {
  if (state === 'reserved') return true;
  if (state === 'cherryPicked') return !accepted || outcome === 'rejected';
  return state === 'accepted' && outcome === 'rejected';
}

/** An approved return: units come back while their bucket is open (C3, O1). Nobody else is tried, and the share slot stays used. */
export function takeBack(run: Run, heard: Heard<LeadReturned>, topic: string): void {
  const { tenantId, leadId, outboundLeadId } = heard.data;
  const tenant = run.tenant(tenantId);
  const stored = run.lead(tenantId, leadId);
  if (!stored) return run.wait(heard, topic, 'lead', leadId);
  const life = returned(tenant.market, tenant.state, stored.life, outboundLeadId, run.now);
  // Nobody holds it so any more: it was returned, or turned down, before.
  if (life === stored.life) return;
  run.keep({ ...stored, life });
  run.changes.settled.set(keyOf(tenantId, outboundLeadId), { tenantId, outboundLeadId, state: 'returned', at: run.now });
}

/**
 * Who tries next (F5): nobody after the deadline, nor where a person chose the contracts, who decides himself what comes next. Whom he had
 * rules decide for, they decide for again.
 */
function fallbackOf(run: Run, tenant: TenantMemory, stored: StoredLead, round: number): Request | undefined {
  const { trigger, workflow } = stored.attempts[round - 1] ?? { trigger: 'arrival' };
  if (trigger === 'cherryPick' || !mayFallBack(run, tenant, stored, trigger)) return undefined;
  // Without a campaign nothing is distributed but by hand (A1).
  if (trigger === 'manual' && (workflow === undefined || stored.lead.campaignId === '')) return undefined;
  return trigger === 'push' ? { trigger: 'push' } : { trigger: 'fallback', ...(workflow === undefined ? {} : { workflow }) };
}
