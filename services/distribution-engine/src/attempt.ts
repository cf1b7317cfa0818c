/** One distribution attempt: decide, reserve what was picked, and say it. */
import { decide, reserve, type Decision, type Reserved } from '@sluice/distribution';
import { LeadDistributed, LeadNotDistributed, LimitReached, OutboundLeadReserved, type Heard } from '@sluice/events';
import type { StoredLead } from './changes.js';
import { limitsReached } from './limit-reached.js';
import { deadlineOf, type TenantMemory } from './memory.js';
import { faultyReceiptText, receiptText, type Asked } from './receipt.js';
import type { Run } from './run.js';

/** Runs the decision for a lead that the engine has; `heard` is the record that asked for it. */
export function attempt(run: Run, tenant: TenantMemory, stored: StoredLead, asked: Asked, heard: Heard): void {
  const attemptId = run.id();
  const { lead, life } = stored;
  let decision: Decision;
  try {
    decision = decide(tenant.market, tenant.state, lead, life, asked.request, run.now, run.tools.seedOf(lead.tenantId));
  } catch (error) {
    return fault(run, tenant, stored, asked, heard, attemptId, error);
  }
  // What reserve throws is thrown on: counters may have moved half way, so that the memory cannot be used any more.
  const reserved = reserve(tenant.market, tenant.state, lead, life, decision, run.now, () => run.id());
  const traceparent = run.tools.trace(lead.leadId, heard.traceparent);
  keep(run, stored, reserved.life, attemptId, asked);
  run.changes.attempts.push({
    tenantId: lead.tenantId,
    attemptId,
    leadId: lead.leadId,
    at: run.now,
    trigger: asked.request.trigger,
    version: tenant.version,
    outcome: decision.kind === 'distributed' ? 'distributed' : decision.reason,
    receipt: receiptText(decision, reserved.life.rounds, reserved.holdings.map((holding) => holding.outboundLeadId), asked),
  });
  if (decision.kind === 'distributed') sayDistributed(run, tenant, stored, decision, reserved, asked, attemptId, traceparent);
  else sayNotDistributed(run, tenant, stored, reserved.life.rounds, decision.reason, asked, attemptId, traceparent);
}

type Distributed = Decision & { kind: 'distributed' };

function sayDistributed(
  run: Run, tenant: TenantMemory, { lead }: StoredLead, decision: Distributed, reserved: Reserved, asked: Asked, attemptId: string,
  traceparent?: string,
): void {
  const { tenantId, leadId, campaignId } = lead;
  const { version } = tenant;
  const { currency } = tenant.market.ground;
  const { said, outboundLeads } = run.changes;
  const picks = decision.picks.map((pick, place) => ({
    outboundLeadId: reserved.holdings[place]!.outboundLeadId,
    contractId: pick.contractId,
    clientId: pick.clientId,
    priceMinor: String(pick.priceMinor),
    currency,
  }));
  said.push(LeadDistributed.make({
    tenantId, attemptId, leadId, campaignId, trigger: asked.request.trigger, round: reserved.life.rounds, configurationVersion: version,
    decidedAt: run.nowText, picks, full: decision.full,
  }, { id: run.id(), time: run.now, traceparent }));
  for (const { contractId, limit } of limitsReached(tenant.market, tenant.state, reserved.holdings, run.now)) {
    said.push(LimitReached.make({ tenantId, contractId, limit, at: run.nowText }, { id: run.id(), time: run.now, traceparent }));
  }
  const deadlineMs = deadlineOf(tenant, campaignId);
  const receivedAt = new Date(lead.receivedAt).toISOString();
  picks.forEach((pick, place) => {
    const { contractId, clientId, outboundLeadId } = pick;
    outboundLeads.push({
      tenantId, outboundLeadId, leadId, attemptId, contractId, clientId, priceMinor: decision.picks[place]!.priceMinor, currency,
      reservedAt: run.now,
    });
    said.push(OutboundLeadReserved.make({
      tenantId, leadId, attemptId, campaignId, ...pick,
      deliveryMethodId: decision.picks[place]!.deliveryMethodId ?? '',
      reservedAt: run.nowText,
      ...(deadlineMs === undefined ? {} : { deadline: new Date(lead.receivedAt + deadlineMs).toISOString() }),
      configurationVersion: version,
      attributes: lead.attributes,
      receivedAt,
      sourceId: lead.sourceId ?? '',
    }, { id: run.id(), time: run.now, traceparent }));
  });
}

function sayNotDistributed(
  run: Run, tenant: TenantMemory, { lead }: StoredLead, round: number, reason: string, asked: Asked, attemptId: string,
  traceparent?: string,
): void {
  run.changes.said.push(LeadNotDistributed.make({
    tenantId: lead.tenantId, attemptId, leadId: lead.leadId, campaignId: lead.campaignId, trigger: asked.request.trigger, round,
    configurationVersion: tenant.version, decidedAt: run.nowText, reason,
  }, { id: run.id(), time: run.now, traceparent }));
}

/** A decision that throws is an attempt as well: the lead is told why, and the partition goes on. */
function fault(run: Run, tenant: TenantMemory, stored: StoredLead, asked: Asked, heard: Heard, attemptId: string, error: unknown): void {
  const { tenantId, leadId } = stored.lead;
  const round = stored.life.rounds + 1;
  keep(run, stored, { ...stored.life, rounds: round }, attemptId, asked);
  run.changes.attempts.push({
    tenantId, attemptId, leadId, at: run.now, trigger: asked.request.trigger, version: tenant.version, outcome: 'internal_error',
    receipt: faultyReceiptText(round, asked),
  });
  run.changes.faults.push({ leadId, message: error instanceof Error ? error.message : 'unknown' });
  sayNotDistributed(run, tenant, stored, round, 'internal_error', asked, attemptId, run.tools.trace(leadId, heard.traceparent));
}

function keep(run: Run, stored: StoredLead, life: StoredLead['life'], id: string, { request: { trigger, workflow } }: Asked): void {
  run.keep({ ...stored, life, attempts: [...stored.attempts, { id, trigger, ...(workflow === undefined ? {} : { workflow }) }] });
}
