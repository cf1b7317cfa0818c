import { applyDecorators, Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { GATES, type Lead, type Life, type Market } from '@sluice/distribution';
import { DistributionRequested } from '@sluice/events';
import { Allow, Caller, Clock, Problem, type Fault, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { AnswersStore } from './answers.store.js';
import { bodyDocs } from './api-schema.js';
import { withCounters } from './counters.store.js';
import { Engine } from './engine.service.js';
import { askedOf } from './heard.js';
import { previewOf, type Preview } from './preview.js';
import type { Asked } from './receipt.js';

const id = z.string().min(1).max(200);

const previewBody = z.strictObject({
  contracts: z.array(id).min(1).max(100).optional().describe('These contracts, in this order. Either these or `rules`.'),
  rules: id.optional().describe('The workflow whose rules decide.'),
  overrides: z.array(z.enum(GATES)).optional().describe('Gates that would be passed over.'),
  trigger: z.enum(['manual', 'cherryPick']).default('manual'),
  all: z.boolean().default(false).describe('With `rules`: also the contracts whose criteria do not let the lead in.'),
});
type PreviewBody = z.output<typeof previewBody>;

/** Distribution by hand, before anything is committed. */
@ApiTags('distribution')
@Controller()
export class PreviewController {
  constructor(private readonly answers: AnswersStore, private readonly engine: Engine, private readonly clock: Clock) {}

  @Post('/v1/leads/:id/preview')
  @Allow('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'What a distribution by hand would do right now: picks with prices, and the gates of every contract',
    description: 'Commits nothing. It is the decision itself, on the configuration and the counters as they stand.',
  })
  @applyDecorators(bodyDocs(previewBody))
  async preview(
    @Caller() { tenantId }: Principal, @Param('id') leadId: string, @Body({ schema: previewBody }) body: PreviewBody,
  ): Promise<object> {
    if ((body.rules === undefined) === (body.contracts === undefined)) {
      throw new Problem(422, 'invalid', 'Send either "contracts", the ids of chosen ones, or "rules", the id of a workflow.');
    }
    await this.engine.open();
    const now = this.clock.now();
    return this.answers.now(tenantId, async (tx, market, version) => {
      const [row] = await tx.query<{ lead: string; life: string }>('SELECT lead, life FROM engine.leads WHERE tenant_id = $1 AND lead_id = $2',
        [tenantId, leadId]);
      if (!row) throw new Problem(404, 'unknown_lead', `The engine has no lead "${leadId}" (yet). Its id is in the answer to POST /v1/leads.`);
      const { request } = requestOf(tenantId, leadId, body, market);
      const of = { market, lead: JSON.parse(row.lead) as Lead, life: JSON.parse(row.life) as Life, request, now,
        seed: this.engine.seeds.of(tenantId), all: body.all };
      const preview = await withCounters(tx, tenantId, (state) =>
        previewOf({ ...of, request: this.engine.withScripts(request, market, state) }, state));
      return shown(preview, { leadId, version, now, currency: market.ground.currency });
    });
  }
}

/** As the engine will take the request; what it would leave out is refused here, with its place. */
function requestOf(tenantId: string, leadId: string, body: PreviewBody, market: Market): Asked {
  const { contracts = [], rules, overrides = [], trigger } = body;
  const faults: Fault[] = [
    ...contracts.flatMap((contract, place) => (market.contracts.has(contract) ? []
      : [{ pointer: `/contracts/${place}`, code: 'unknown_contract', message: `There is no contract "${contract}".` }])),
    ...(rules === undefined || market.workflows.has(rules) ? []
      : [{ pointer: '/rules', code: 'unknown_workflow', message: `There is no workflow "${rules}".` }]),
    ...(trigger === 'cherryPick' && contracts.length !== 1
      ? [{ pointer: '/contracts', code: 'one_contract', message: 'A client takes a lead from the pool for one contract of its own.' }] : []),
    ...overrides.flatMap((gate, place) => (gate === 'share_count' || gate === 'already_received'
      ? [{ pointer: `/overrides/${place}`, code: 'cannot_be_overridden', message: `${gate} always binds.` }] : [])),
  ];
  if (faults.length > 0) throw new Problem(422, 'invalid', 'The request has faults; "errors" names each with its place.', faults);
  return askedOf({ tenantId, leadId, requestId: '', trigger, workflowId: rules, contractIds: contracts, overrides } as unknown as
    DistributionRequested, market);
}

function shown({ decision, contracts }: Preview, { leadId, version, now, currency }: {
  readonly leadId: string; readonly version: number; readonly now: number; readonly currency: string;
}): object {
  const { kind, trigger, workflowId, picks, minimumsMet, full, considered } = decision;
  return {
    leadId, at: new Date(now).toISOString(), configurationVersion: version, trigger, workflowId: workflowId ?? null, outcome: kind,
    reason: kind === 'unsold' ? decision.reason : null,
    picks: picks.map(({ contractId, clientId, rule, priceMinor, trial, overridden }) =>
      ({ contractId, clientId, rule, priceMinor: String(priceMinor), currency, trial, overridden })),
    minimumsMet, full, considered, contracts,
  };
}
