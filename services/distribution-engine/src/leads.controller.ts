import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { LeadFactsStore, type LeadFacts, type OutboundLeadFacts } from './lead-facts.store.js';
import { parseReceipt } from './receipt.js';

const Ids = z.strictObject({ ids: z.array(z.string().min(1).max(200)).max(1000) });
type Ids = z.output<typeof Ids>;

/** A request by the rules of a large workflow has a verdict for every contract; who asks for an outcome reads the first. */
const VERDICTS_MAX = 200;

/** What other services ask of leads, by ids. The tenant is the credential's; what it has not is left out of the answer. */
@Controller('internal/v1/engine')
@Allow('service')
export class LeadsController {
  constructor(private readonly facts: LeadFactsStore) {}

  /** Which of the leads the engine has, with their campaigns and the generation of their windows. */
  @Post('leads')
  @HttpCode(200)
  leads(@Caller() caller: Principal, @Body({ schema: Ids }) { ids }: Ids): Promise<LeadFacts[]> {
    return this.facts.leads(caller.tenantId, ids);
  }

  @Post('outbound-leads')
  @HttpCode(200)
  outboundLeads(@Caller() caller: Principal, @Body({ schema: Ids }) { ids }: Ids): Promise<OutboundLeadFacts[]> {
    return this.facts.outboundLeads(caller.tenantId, ids);
  }

  /** What an outcome's event does not carry: whether the minimums were met, and the gates that refused. */
  @Post('attempts')
  @HttpCode(200)
  async attempts(@Caller() caller: Principal, @Body({ schema: Ids }) { ids }: Ids): Promise<object[]> {
    const attempts = await this.facts.attempts(caller.tenantId, ids);
    return attempts.map(({ attemptId, outcome, receipt }) => {
      const { minimumsMet, full, picks, verdicts } = parseReceipt(receipt);
      return { attemptId, outcome, minimumsMet, full, picks, verdicts: verdicts.slice(0, VERDICTS_MAX) };
    });
  }
}
