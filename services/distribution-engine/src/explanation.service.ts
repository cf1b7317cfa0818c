import { setImmediate as others } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { counterfactuals, decide, type Counterfactual, type Life, type Market, type Trigger, type Verdict } from '@sluice/distribution';
import { Log } from '@sluice/runtime';
import { AnswersStore, type AttemptWithLead } from './answers.store.js';
import { withCounters } from './counters.store.js';
import { Engine } from './engine.service.js';
import { explainedOf, isSame, lifeBefore, lookedFor, requestBefore, verdictsFor, type ExplainedContract } from './explanation.js';
import { parseReceipt, type Receipt } from './receipt.js';
import { RebuildService, type Unreachable } from './rebuild.service.js';
import type { RecordedMoment } from './recorder.js';

export interface Explanation {
  /** `replayed`: on the counters as they were at the decision, to the last one. `now`: on the counters as they stand now. */
  readonly basis: 'replayed' | 'now';
  /** Why they are not those of then; null where they are. `internal_error`: the decision failed, so that there is none to make again. */
  readonly basisReason: Unreachable | 'internal_error' | null;
  readonly contracts: readonly ExplainedContract[];
}

/** Of whom an explanation is wanted; undefined: of all. */
type Wanted = string | undefined;

/** Why contracts did not get a lead at an attempt, and what would have let them. */
@Injectable()
export class ExplanationService {
  constructor(
    private readonly answers: AnswersStore, private readonly rebuild: RebuildService, private readonly engine: Engine,
    private readonly log: Log,
  ) {}

  /** Undefined where there was no such contract when the attempt was decided. */
  async of(tenantId: string, found: AttemptWithLead, contract: Wanted): Promise<Explanation | undefined> {
    const { attempt } = found;
    await this.engine.open();
    const receipt = parseReceipt(attempt.receipt);
    const market = await this.answers.market(tenantId, attempt.version);
    if (attempt.outcome === 'internal_error') {
      const verdicts = verdictsFor(market, found.lead, receipt, attempt.at, contract);
      return { basis: 'now', basisReason: 'internal_error', contracts: explainedOf(verdicts, [], [], market.ground.currency) };
    }
    const rebuilt = await this.rebuild.moment(tenantId, attempt.attemptId);
    const asItWas = 'moment' in rebuilt ? await this.asItWas(tenantId, found, receipt, market, rebuilt.moment, contract) : rebuilt.why;
    if (typeof asItWas !== 'string') return asItWas.length === 0 ? undefined : { basis: 'replayed', basisReason: null, contracts: asItWas };
    const contracts = await this.asItStands(tenantId, found, receipt, market, contract);
    return contracts.length === 0 ? undefined : { basis: 'now', basisReason: asItWas, contracts };
  }

  private async asItWas(
    tenantId: string, { attempt, lead }: AttemptWithLead, receipt: Receipt, market: Market, recorded: RecordedMoment, contract: Wanted,
  ): Promise<ExplainedContract[] | Unreachable> {
    const { state, stored: { life }, now } = recorded;
    const request = this.engine.withScripts(recorded.request, market, state);
    const moment = { market, state, lead, life, request, now, seed: this.engine.seeds.of(tenantId) };
    const decision = decide(market, state, lead, life, request, now, moment.seed);
    if (!isSame(decision, receipt, attempt.outcome)) {
      this.log.error({ tenantId, attemptId: attempt.attemptId, leadId: lead.leadId },
        'an attempt that was decided again gives other picks than its receipt');
      return 'differs';
    }
    const verdicts = verdictsFor(market, lead, decision, now, contract, { state, life, trigger: request.trigger });
    return told(verdicts, market, (looked) => counterfactuals(moment, decision, looked));
  }

  /** The verdicts are those of then; whether a change would have won is tried on today's counters. */
  private async asItStands(
    tenantId: string, { attempt, lead, life }: AttemptWithLead, receipt: Receipt, market: Market, contract: Wanted,
  ): Promise<ExplainedContract[]> {
    const before: Life = lifeBefore(life, receipt.round);
    const request = requestBefore(receipt, attempt.trigger as Trigger, lead, market);
    const verdicts = verdictsFor(market, lead, receipt, attempt.at, contract);
    const moment = { market, lead, life: before, now: attempt.at, seed: this.engine.seeds.of(tenantId) };
    return this.answers.now(tenantId, (tx) => told(verdicts, market, (looked) => withCounters(tx, tenantId, (state) => counterfactuals(
      { ...moment, state, request: this.engine.withScripts(request, market, state) }, { verdicts: receipt.verdicts }, looked))));
  }
}

/** Contracts that a change is looked for at once: each costs some decisions, and all else in this process waits for them. */
const AT_ONCE = 5;

async function told(
  verdicts: readonly Verdict[], market: Market, changesOf: (looked: readonly string[]) => Counterfactual[] | Promise<Counterfactual[]>,
): Promise<ExplainedContract[]> {
  const looked = lookedFor(verdicts, market);
  const changes: Counterfactual[] = [];
  for (let from = 0; from < looked.length; from += AT_ONCE) {
    changes.push(...await changesOf(looked.slice(from, from + AT_ONCE)));
    await others();
  }
  return explainedOf(verdicts, changes, looked, market.ground.currency);
}
