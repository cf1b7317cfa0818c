/** What a request, or a line of a batch, is answered. */
import type { Outcome } from './candidate.js';
import type { Fault } from './fault.js';
import type { Decision } from './outcomes.service.js';

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly Fault[];
  readonly extra: Readonly<Record<string, unknown>>;
}

/** The body of an accepted lead. With a decision it says that too. */
export function acceptedBody(outcome: Extract<Outcome, { kind: 'accepted' }>, decision: Decision | undefined): Record<string, unknown> {
  const { leadId, duplicateOf } = outcome;
  const { attemptId, decidedAt, contracts, reason } = decision ?? {};
  return {
    leadId, status: decision?.status ?? 'received', ...(duplicateOf === undefined ? {} : { duplicateOf }),
    ...(decision ? { decision: { attemptId, decidedAt, contracts, reason } } : {}),
    links: { self: `/v1/leads/${leadId}`, attempts: `/v1/leads/${leadId}/attempts` },
  };
}

/** What a lead that was not taken is answered, and how to mend it. */
export function refusalOf(outcome: Exclude<Outcome, { kind: 'accepted' }>): Refusal {
  switch (outcome.kind) {
    case 'keyReused':
      return { status: 422, code: 'idempotency_key_reused', errors: [], extra: {},
        detail: 'This Idempotency-Key was sent with another body before; send a new key for a new lead.' };
    case 'unavailable':
      return { status: 503, code: 'unavailable', errors: [], extra: {},
        detail: 'The lead could not be stored; send it again with the same Idempotency-Key.' };
    case 'rejected': {
      const { rejectionId, faults, duplicateOf } = outcome;
      if (outcome.reason === 'duplicate') {
        return { status: 409, code: 'duplicate_lead', errors: [], extra: { rejectionId, duplicateOf },
          detail: `The campaign takes no duplicates, and this is one of lead ${duplicateOf}.` };
      }
      const syntax = faults.some((fault) => fault.code === 'json' || fault.code === 'duplicate_key' || fault.code === 'encoding');
      if (syntax) return { status: 400, code: 'invalid_json', detail: faults[0]?.message ?? '', errors: faults, extra: { rejectionId } };
      const detail = faults.length === 1 ? `${faults[0]?.pointer}: ${faults[0]?.message}` : `${faults.length} faults; each is named in "errors".`;
      return { status: 422, code: outcome.reason === 'unknown_campaign' ? 'unknown_campaign' : 'invalid_lead', detail, errors: faults, extra: { rejectionId } };
    }
  }
}

/** The result line of a batch's line, as JSON. What nearly all are is spelt out: ids need no escaping. */
export function lineText(line: number, outcome: Outcome): string {
  const plain = outcome.kind === 'accepted' && !outcome.replayed && outcome.duplicateOf === undefined;
  return plain ? `{"line":${line},"status":"accepted","leadId":"${outcome.leadId}"}` : JSON.stringify(lineResult(line, outcome));
}

function lineResult(line: number, outcome: Outcome): Record<string, unknown> {
  if (outcome.kind === 'accepted') {
    const { leadId, duplicateOf, replayed } = outcome;
    return { line, status: replayed ? 'replayed' : 'accepted', leadId, ...(duplicateOf === undefined ? {} : { duplicateOf }) };
  }
  const { code, detail, errors, extra } = refusalOf(outcome);
  if (outcome.kind === 'unavailable') return { line, status: 'failed', code, detail };
  const replayed = outcome.kind === 'rejected' && outcome.replayed ? { replayed: true } : {};
  return { line, status: 'rejected', code, detail, ...(errors.length > 0 ? { errors } : {}), ...extra, ...replayed };
}
