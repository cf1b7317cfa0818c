import type { AcceptLead } from './accept-lead.service.js';
import type { Outcome } from './candidate.js';
import type { Decision, OutcomesService } from './outcomes.service.js';
import type { Overload } from './overload.service.js';
import type { CallingSource, PrepareLead } from './prepare-lead.service.js';
import type { JsonRead } from './strict-json.js';

/** One lead a request: prepare, commit, and wait for the decision where that was asked for. */
export class ReceiveLead {
  constructor(
    private readonly prepare: PrepareLead, private readonly accept: AcceptLead, private readonly overload: Overload,
    private readonly outcomes: OutcomesService,
  ) {}

  retryAfterS(): number | undefined {
    return this.overload.retryAfterS();
  }

  drain(): Promise<void> {
    return this.accept.drain();
  }

  async one(
    source: CallingSource, read: JsonRead,
    about: { readonly idempotencyKey: string | undefined; readonly traceparent: string | undefined; readonly waitMs: number },
  ): Promise<{ outcome: Outcome; decision: Decision | undefined }> {
    const { waitMs, ...rest } = about;
    const configuration = this.prepare.configuration.cached(source.tenantId) ?? (await this.prepare.configuration.of(source.tenantId));
    const candidate = 'fault' in read
      ? this.prepare.candidate(source, configuration, undefined, { ...rest, waits: false }, [read.fault])
      : this.prepare.candidate(source, configuration, read.value, { ...rest, waits: waitMs > 0 });
    const outcome = await this.accept.accept(candidate);
    const decision = outcome.kind === 'accepted' && waitMs > 0 ? await this.outcomes.wait(source.tenantId, outcome.leadId, waitMs) : undefined;
    return { outcome, decision };
  }
}
