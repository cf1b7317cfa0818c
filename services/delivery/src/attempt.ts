import { formatMoney, retryDelayMs } from '@sluice/kernel';
import type { SendResult } from '@sluice/runtime';
import { classify, isFailure, type Verdict } from './classify.js';
import type { DeliveryMethod } from './delivery-method.js';
import { blank } from './excerpt.js';
import { endWithoutAnswer, nextStep, type FinalState } from './next-step.js';
import type { LeadToSend } from './prepare.js';
import type { ClaimedDelivery, SettledAttempt } from './work.store.js';

/** What an attempt comes to, for its row, its delivery and its endpoint. Pure. */
export interface AttemptReport {
  readonly settled: SettledAttempt;
  /** The states to tell, in order: where a policy settles what nobody answered, first that nobody did. */
  readonly say: readonly FinalState[];
  /** How the endpoint did; undefined where it was not asked. */
  readonly health: 'good' | 'bad' | undefined;
  /** The client answered 410: it wants no more. */
  readonly gone: boolean;
}

/** After so long an attempt that failed for a reason of ours is made again. */
const POSTPONED_MS = 5_000;
/** Attempts whose process was lost are made again, but a delivery that takes its process down with it must come to an end. */
const LOST_MAX = 3;

/** What a template may use of a claimed delivery. */
export function leadToSend(claim: ClaimedDelivery, personal: Readonly<Record<string, unknown>>): LeadToSend {
  return {
    id: claim.webhookId, leadId: claim.leadId, outboundLeadId: claim.outboundLeadId, campaign: claim.campaignId, contract: claim.contractId,
    client: claim.clientId, source: claim.sourceId ?? undefined, currency: claim.currency,
    price: formatMoney(BigInt(claim.priceMinor), claim.currency),
    receivedAt: claim.receivedAt === null ? undefined : new Date(claim.receivedAt).toISOString(),
    reservedAt: new Date(claim.reservedAt).toISOString(),
    fields: together(claim.attributes, personal),
  };
}

/** Both, the second first in doubt. A spread costs fifteen times as much; only it takes a field called `__proto__` for a field. */
function together(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const special = Object.hasOwn(one, '__proto__') || Object.hasOwn(other, '__proto__');
  return special ? { ...one, ...other } : Object.assign({}, one, other);
}

/** Of a request that was made, or that the guard refused. `personal`: values that nothing stored may hold. */
export function sentReport(
  claim: ClaimedDelivery, method: DeliveryMethod, result: SendResult,
  about: { now: number; random: number; personal: () => readonly string[] },
): AttemptReport {
  const verdict = classify(result, method, about.now);
  const attempts = claim.attempts + 1;
  const { attemptsBase: base, exposure, reservedAt, released } = claim;
  const step = nextStep({ attempts, base, exposure, reservedAt, released }, verdict, method, about.now, about.random);
  const clean = (text: string | undefined) => (text === undefined ? undefined : blank(text, about.personal()));
  const { state, say } = step.kind === 'again' ? { state: 'pending' as const, say: [] } : byPolicy(step.state, method.onUnknown);
  return {
    settled: {
      claimed: claim, outcome: outcomeOf(result, verdict), reason: clean('reason' in verdict ? verdict.reason : undefined),
      status: result.kind === 'answered' ? result.status : undefined, durationMs: result.durationMs, excerpt: undefined, traceparent: undefined,
      state, deliveryReason: clean(step.reason), reference: step.kind === 'ended' ? clean(step.reference) : undefined,
      attempts, exposure: step.exposure, dueAt: step.kind === 'again' ? step.dueAt : 0,
    },
    say,
    health: isFailure(verdict) ? 'bad' : 'good',
    gone: result.kind === 'answered' && result.status === 410,
  };
}

/** Of a delivery that ends without a request: its method is closed, its lead erased, its template faulty. */
export function endedReport(claim: ClaimedDelivery, reason: string, onUnknown: DeliveryMethod['onUnknown'] = 'hold'): AttemptReport {
  const { state, say } = byPolicy(endWithoutAnswer(claim.exposure), onUnknown);
  return { settled: { ...unattempted(claim, 'skipped', reason), state }, say, health: undefined, gone: false };
}

/** Of an erased lead: who may have it keeps it, and nobody else gets it. */
export function erasedReport(claim: ClaimedDelivery): AttemptReport {
  const state = claim.exposure === 'none' ? 'failed' : 'unresolved';
  return { settled: { ...unattempted(claim, 'skipped', 'erased'), state }, say: [state], health: undefined, gone: false };
}

/** Of an attempt that could not be begun for a reason of ours: it does not count. */
export function postponedReport(claim: ClaimedDelivery, reason: string, now: number, random: number): AttemptReport {
  return dueReport(claim, reason, now + POSTPONED_MS * (1 + random));
}

/** Of a claim whose process ends before it was sent: another may have it at once. */
export function handedOnReport(claim: ClaimedDelivery, now: number): AttemptReport {
  return dueReport(claim, 'process_stopping', now);
}

function dueReport(claim: ClaimedDelivery, reason: string, dueAt: number): AttemptReport {
  return { settled: { ...unattempted(claim, 'postponed', reason), state: 'pending', dueAt }, say: [], health: undefined, gone: false };
}

/** True where so many attempts were lost with their process that the schedule ended long ago. */
export function isSpent(claim: ClaimedDelivery, method: DeliveryMethod): boolean {
  const made = claim.attempts - claim.attemptsBase;
  return made > LOST_MAX && retryDelayMs(method.schedule, made - LOST_MAX, 0) === undefined;
}

function unattempted(claim: ClaimedDelivery, outcome: string, reason: string): Omit<SettledAttempt, 'state'> {
  return {
    claimed: claim, outcome, reason, status: undefined, durationMs: undefined, excerpt: undefined, traceparent: undefined,
    deliveryReason: reason,
    reference: undefined, attempts: claim.attempts, exposure: claim.exposure, dueAt: 0,
  };
}

/** What nobody answered is told as that first; then the method's policy settles it, or a person does. */
function byPolicy(state: FinalState, onUnknown: DeliveryMethod['onUnknown']): { state: FinalState; say: FinalState[] } {
  if (state !== 'unresolved' || onUnknown === 'hold') return { state, say: [state] };
  const settled = onUnknown === 'accept' ? 'accepted' : 'rejected';
  return { state: settled, say: ['unresolved', settled] };
}

function outcomeOf(result: SendResult, verdict: Verdict): string {
  return result.kind === 'answered' ? verdict.kind : result.kind;
}
