/** One distribution attempt: decide, reserve what was picked, and say it. */
import { decide, reserve, type Decision, type Reserved } from '@sluice/distribution';
import { LeadDistributed, LeadNotDistributed, LimitReached, OutboundLeadReserved, type Heard } from '@sluice/events';
import type { StoredLead } from './changes.js';
import { limitsReached } from './limit-reached.js';
import type { TenantMemory } from './memory.js';
import { outlookOf, topReasons, type Outlook } from './outlook.js';
import { faultyReceiptText, receiptText, type Asked } from './receipt.js';
import type { Run } from './run.js';
import { useScripts } from './script-uses.js';
import { afterAttempt, deadlineAt, sayIfFulfilled } from './windows.js';

/**
 * Runs the decision for a lead that the engine has; `heard` is the record that asked for it. `made`: the decision, where it was made just
 * now.
 */
export function attempt(run: Run, tenant: TenantMemory, stored: StoredLead, asked: Asked, heard: Heard, made?: Decision): void {
  const attemptId = run.id();
  const { lead, life } = stored;
  run.tools.watch?.(attemptId, tenant, stored, asked.request);
  let decision: Decision;
  try {
    decision = made ?? decideFor(run, tenant, stored, asked);
  } catch (error) {
    return fault(run, tenant, stored, asked, heard, attemptId, error);
  }
  // What reserve throws is thrown on: counters may have moved half way, so that the memory cannot be used any more.
  const reserved = reserve(tenant.market, tenant.state, lead, life, decision, run.now, () => run.id());
  const traceparent = run.tools.trace(lead.leadId, heard.traceparent);
  if (decision.scripts) {
    run.tools.scripts?.settled(tenant.state, decision, run.now);
    useScripts(run, stored, decision, attemptId, traceparent);
  }
  const after = { life: reserved.life, window: afterAttempt(tenant, stored, decision.trigger, decision.full) };
  const kept = keep(run, tenant, stored, attemptId, asked, { ...after, heldSince: heldSinceOf(tenant, stored, decision, after, run.now) });
  const outlook = outlookOf(tenant, kept, decision, run.now);
  run.changes.attempts.push({
    tenantId: lead.tenantId,
    attemptId,
    leadId: lead.leadId,
    at: run.now,
    trigger: asked.request.trigger,
    version: tenant.version,
    outcome: decision.kind === 'distributed' ? 'distributed' : decision.reason,
    actor: asked.request.actor,
    campaignId: lead.campaignId || undefined,
    workflowId: decision.workflowId,
    // Whoever watches a replay looks at the memory: most of its time would go into receipts that nobody reads.
    receipt: run.tools.watch ? '' : receiptText(decision, reserved.life.rounds,
      reserved.holdings.map((holding) => holding.outboundLeadId), asked, outlook),
  });
  const told: Told = { asked, attemptId, full: decision.full && decision.trigger !== 'cherryPick', outlook, traceparent };
  if (decision.kind === 'distributed') sayDistributed(run, tenant, kept, decision, reserved, told);
  else sayNotDistributed(run, tenant, kept, told, decision.reason, topReasons(decision.reason, decision.considered));
  sayIfFulfilled(run, kept, traceparent);
}

/** The decision alone: it moves nothing. What was asked for and is not there is answered without one. */
export function decideFor(run: Run, tenant: TenantMemory, { lead, life }: StoredLead, { request, refused }: Asked): Decision {
  if (refused !== undefined) {
    return {
      kind: 'unsold', trigger: request.trigger, workflowId: request.workflow, picks: [], reason: refused, verdicts: [], minimumsMet: false,
      full: false, considered: { inScope: 0, notMatched: 0, reasons: {} },
    };
  }
  const hooks = run.tools.scripts?.hooksOf(tenant.market, tenant.state);
  return decide(tenant.market, tenant.state, lead, life, hooks ? { ...request, hooks } : request, run.now, run.tools.seedOf(lead.tenantId));
}

/**
 * A person's attempt that picks nobody ends no wait, nor does what a client takes from the pool (A4): that is no distribution. What waits
 * for the client that it names (D5) is tried by its window where it has one, and no longer than that.
 */
function heldSinceOf(
  tenant: TenantMemory, { lead, heldSince }: StoredLead, decision: Decision, { life, window }: Pick<StoredLead, 'life' | 'window'>, now: number,
): number | undefined {
  if (decision.trigger === 'cherryPick' || (decision.trigger === 'manual' && decision.kind === 'unsold')) return heldSince;
  if (decision.kind === 'distributed' || !decision.held) return undefined;
  return window && tenant.market.workflowOf(lead.campaignId) ? undefined : life.heldSince ?? now;
}

type Distributed = Decision & { kind: 'distributed' };

/** What is said of an attempt. */
interface Told {
  readonly asked: Asked;
  readonly attemptId: string;
  readonly full: boolean;
  readonly outlook: Outlook;
  readonly traceparent: string | undefined;
}

/** What both outcomes say. What is not there is undefined, and not written: spreads would cost more than the rest of the event. */
function outcomeOf<P, R extends string | undefined>(
  run: Run, { version }: TenantMemory, { lead, life, windowGeneration }: StoredLead, { asked, attemptId, full, outlook }: Told, picks: P,
  reason: R, reasons?: string[],
) {
  const isUnsold = reason !== undefined;
  return {
    tenantId: lead.tenantId, attemptId, leadId: lead.leadId, campaignId: lead.campaignId, trigger: asked.request.trigger,
    round: life.rounds, configurationVersion: version, decidedAt: run.nowText, reason, picks, full, requestId: asked.requestId,
    actor: asked.request.actor, nextChanceAt: outlook.nextChanceAt, waitsOn: outlook.waitsOn,
    windowGeneration: windowGeneration > 0 ? windowGeneration : undefined, reasons,
    held: (isUnsold && outlook.held) || undefined, heldUntil: isUnsold ? outlook.heldUntil : undefined,
  };
}

function sayDistributed(
  run: Run, tenant: TenantMemory, stored: StoredLead, decision: Distributed, reserved: Reserved, told: Told,
): void {
  const { lead } = stored;
  const { tenantId, leadId, campaignId } = lead;
  const { attemptId, traceparent } = told;
  const { currency } = tenant.market.ground;
  const { said, outboundLeads } = run.changes;
  const picks = decision.picks.map((pick, place) => ({
    outboundLeadId: reserved.holdings[place]!.outboundLeadId,
    contractId: pick.contractId,
    clientId: pick.clientId,
    priceMinor: String(pick.priceMinor),
    currency,
  }));
  said.push(LeadDistributed.make(outcomeOf(run, tenant, stored, told, picks, undefined),
    { id: run.id(), time: run.now, traceparent }));
  for (const { contractId, limit } of limitsReached(tenant.market, tenant.state, reserved.holdings, run.now)) {
    said.push(LimitReached.make({ tenantId, contractId, limit, at: run.nowText }, { id: run.id(), time: run.now, traceparent }));
  }
  const deadline = deadlineAt(tenant, stored);
  const receivedAt = new Date(lead.receivedAt).toISOString();
  picks.forEach((pick, place) => {
    const { contractId, clientId, outboundLeadId } = pick;
    outboundLeads.push({
      tenantId, outboundLeadId, leadId, attemptId, contractId, clientId, priceMinor: decision.picks[place]!.priceMinor, currency,
      reservedAt: run.now, also: reserved.holdings[place]!.also?.join('\n'),
    });
    said.push(OutboundLeadReserved.make({
      tenantId, leadId, attemptId, campaignId, ...pick,
      deliveryMethodId: decision.picks[place]!.deliveryMethodId ?? '',
      reservedAt: run.nowText,
      deadline: deadline === undefined ? undefined : new Date(deadline).toISOString(),
      configurationVersion: tenant.version,
      attributes: lead.attributes,
      receivedAt,
      sourceId: lead.sourceId ?? '',
    }, { id: run.id(), time: run.now, traceparent }));
  });
}

function sayNotDistributed(
  run: Run, tenant: TenantMemory, stored: StoredLead, told: Told, reason: string, reasons: string[],
): void {
  run.changes.said.push(LeadNotDistributed.make(outcomeOf(run, tenant, stored, told, undefined, reason, reasons),
    { id: run.id(), time: run.now, traceparent: told.traceparent }));
}

/** A decision that throws is an attempt as well: the lead is told why, and the partition goes on. */
function fault(run: Run, tenant: TenantMemory, stored: StoredLead, asked: Asked, heard: Heard, attemptId: string, error: unknown): void {
  const { tenantId, leadId } = stored.lead;
  const round = stored.life.rounds + 1;
  const kept = keep(run, tenant, stored, attemptId, asked, {
    life: { ...stored.life, rounds: round }, window: afterAttempt(tenant, stored, asked.request.trigger, false),
    heldSince: stored.heldSince,
  });
  run.changes.attempts.push({
    tenantId, attemptId, leadId, at: run.now, trigger: asked.request.trigger, version: tenant.version, outcome: 'internal_error',
    actor: asked.request.actor, campaignId: stored.lead.campaignId || undefined, receipt: faultyReceiptText(round, asked),
  });
  run.changes.faults.push({ leadId, message: error instanceof Error ? error.message : 'unknown' });
  const traceparent = run.tools.trace(leadId, heard.traceparent);
  const outlook = { held: kept.heldSince !== undefined };
  sayNotDistributed(run, tenant, kept, { asked, attemptId, full: false, outlook, traceparent }, 'internal_error', ['internal_error']);
}

function keep(
  run: Run, tenant: TenantMemory, stored: StoredLead, id: string, { request: { trigger, workflow, contracts }, requestId }: Asked,
  { life, window, heldSince }: Pick<StoredLead, 'life' | 'window' | 'heldSince'>,
): StoredLead {
  const { lead, attempts, windowGeneration } = stored;
  const kept: StoredLead = {
    lead, life, attempts: [...remembered(attempts), { id, trigger, workflow: contracts ? undefined : workflow, requestId }],
    windowGeneration, window, heldSince,
  };
  run.keep(kept);
  run.hold(tenant, kept);
  return kept;
}

/** How many attempts a request of a window or timer is remembered for; a person's is for ever. */
const REQUESTS_REMEMBERED = 16;

/** What the log repeats, it repeats soon. A window asks hundreds of times, and each attempt writes the list anew. */
function remembered(attempts: StoredLead['attempts']): StoredLead['attempts'] {
  const place = attempts.length - REQUESTS_REMEMBERED;
  const old = attempts[place];
  if (!old?.requestId || (old.trigger !== 'window' && old.trigger !== 'push')) return attempts;
  return attempts.with(place, { ...old, requestId: undefined });
}
