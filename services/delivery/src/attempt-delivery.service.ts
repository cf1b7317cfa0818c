import { Injectable } from '@nestjs/common';
import { Clock, crashPoint, HttpSender, SpanKind, traceparentOf, withSpan, type SendResult } from '@sluice/runtime';
import { endedReport, erasedReport, isSpent, leadToSend, postponedReport, sentReport, type AttemptReport } from './attempt.js';
import type { Template } from './delivery-method.js';
import type { Endpoint } from './endpoint.js';
import { excerptOf } from './excerpt.js';
import type { OpenedFields } from './personal-fields.service.js';
import { prepareBody, type Prepared } from './prepare.js';
import { Sealer } from './sealer.service.js';
import { signatureHeaders } from './webhook-signature.service.js';
import type { ClaimedDelivery } from './work.store.js';

export interface AttemptInput {
  readonly claim: ClaimedDelivery;
  readonly endpoint: Endpoint | undefined;
  readonly template: Template | undefined;
  readonly opened: OpenedFields;
  /** When the claim ends, in ms: nothing may be sent so late that its answer would come after. */
  readonly leaseEnds: number;
  /** In [0, 1). */
  readonly random: number;
}

/** One attempt: prepare (pure) → sign → send, outside any transaction → classify (pure). */
@Injectable()
export class AttemptDelivery {
  constructor(private readonly sender: HttpSender, private readonly clock: Clock, private readonly sealer: Sealer) {}

  async make(input: AttemptInput): Promise<AttemptReport> {
    const { claim, endpoint, template, opened } = input;
    const now = this.clock.now();
    if (!endpoint?.method || endpoint.closed) return endedReport(claim, endpoint?.closed ?? 'delivery_method_missing', endpoint?.method?.onUnknown);
    if (claim.released && claim.exposure === 'none') return endedReport(claim, 'withdrawn');
    if (opened.kind === 'erased') return erasedReport(claim);
    if (isSpent(claim, endpoint.method)) return endedReport(claim, 'process_lost', endpoint.method.onUnknown);
    if (opened.kind === 'unavailable') return postponedReport(claim, 'personal_fields_unavailable', now, input.random);
    if (now + endpoint.method.timeoutMs > input.leaseEnds) return postponedReport(claim, 'claimed_too_long_ago', now, 0);
    const prepared = prepare(claim, template, opened.fields);
    if (prepared.kind === 'fault') return endedReport(claim, prepared.reason, endpoint.method.onUnknown);
    return this.send(input, endpoint, prepared, lazily(() => textsOf(opened.fields)));
  }

  private send(input: AttemptInput, endpoint: Endpoint, prepared: Extract<Prepared, { kind: 'ok' }>, personal: () => readonly string[]): Promise<AttemptReport> {
    const { claim } = input;
    const method = endpoint.method!;
    const attributes = {
      'lead.id': claim.leadId, 'outbound_lead.id': claim.outboundLeadId, 'contract.id': claim.contractId, 'delivery.method': endpoint.methodId,
      'delivery.attempt': claim.epoch,
    };
    return withSpan('deliver', { parent: claim.traceparent ?? undefined, kind: SpanKind.CLIENT, attributes }, async (span) => {
      const traceparent = traceparentOf(span) ?? claim.traceparent ?? undefined;
      const body = Buffer.from(prepared.body);
      const now = this.clock.now();
      crashPoint('delivery.sending');
      const result = await this.sendSafely({
        method: method.method, url: method.url, body, timeoutMs: method.timeoutMs,
        headers: Object.assign({}, method.headers, { 'content-type': prepared.contentType, 'user-agent': 'Sluice/1' }, traceparent ? { traceparent } : undefined,
          signatureHeaders(claim.webhookId, body, now < endpoint.previousUntil ? endpoint.keys : endpoint.keys.slice(0, 1), now)),
      });
      crashPoint('delivery.sent');
      const report = sentReport(claim, method, result, { now: this.clock.now(), random: input.random, personal });
      if (result.kind === 'answered') span.setAttribute('http.response.status_code', result.status);
      span.setAttribute('delivery.outcome', report.settled.outcome);
      const excerpt = this.excerptOf(claim, result, report.settled.outcome, personal);
      return Object.assign(report, { settled: Object.assign(report.settled, { traceparent, excerpt }) });
    });
  }

  private async sendSafely(request: Parameters<HttpSender['send']>[0]): Promise<SendResult> {
    try {
      return await this.sender.send(request);
    } catch {
      // A sender that throws has broken its promise; whether a byte left is then unknown.
      return { kind: 'unanswered', reason: 'sender_failed', durationMs: 0 };
    }
  }

  private excerptOf(claim: ClaimedDelivery, result: SendResult, outcome: string, personal: () => readonly string[]): Buffer | undefined {
    // Of a yes the reference is kept; to blank and seal every answer would cost a tenth of all that a delivery costs.
    if (result.kind !== 'answered' || result.body === '' || outcome === 'accepted') return undefined;
    return this.sealer.seal(excerptPlace(claim.outboundLeadId, claim.epoch), excerptOf(result.body, personal()));
  }
}

export function excerptPlace(outboundLeadId: string, attempt: number): string {
  return `excerpt ${outboundLeadId}/${attempt}`;
}

/** The bytes, or why there are none: a lead that cannot be written down must not take the job with it. */
function prepare(claim: ClaimedDelivery, template: Template | undefined, personal: Readonly<Record<string, unknown>>): Prepared {
  if (!template) return { kind: 'fault', reason: 'template_missing' };
  try {
    return prepareBody(template, leadToSend(claim, personal));
  } catch {
    return { kind: 'fault', reason: 'template_failed' };
  }
}

/** Worked out when somebody asks, once. */
function lazily<T>(work: () => T): () => T {
  let known: { value: T } | undefined;
  return () => (known ??= { value: work() }).value;
}

/** The texts and numbers among the values, at any depth. */
function textsOf(fields: Readonly<Record<string, unknown>>): string[] {
  const texts: string[] = [];
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'number') texts.push(String(value));
    else if (typeof value === 'object' && value !== null) texts.push(...textsOf(value as Record<string, unknown>));
  }
  return texts;
}
