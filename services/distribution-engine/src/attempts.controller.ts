import { Readable } from 'node:stream';
import { applyDecorators, Controller, Get, Headers, Param, Query, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { scriptStandings, wordsFor } from '@sluice/distribution';
import { Allow, Caller, Problem, readCursor, writeCursor, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AnswersStore } from './answers.store.js';
import { queryDocs } from './api-schema.js';
import { attemptCsv, attemptCsvHeader, attemptView, verdictView, viewOf, type ShownAttempt } from './attempt-view.js';
import { AttemptsStore, type AttemptFilter, type HistoryAttemptRow, type PageAsked } from './attempts.store.js';
import { verdictsFor } from './explanation.js';
import { ExplanationService, type Explanation } from './explanation.service.js';
import { cursor, format, formatOf, instant, limit } from './pages.js';
import { parseReceipt } from './receipt.js';

const TRIGGERS = ['arrival', 'window', 'fallback', 'manual', 'cherryPick', 'push'] as const;

const historyQuery = z.strictObject({
  from: instant.optional().describe('At or after this instant.'),
  to: instant.optional().describe('Before this instant.'),
  trigger: z.enum(TRIGGERS).optional(),
  by: z.enum(['system', 'user']).optional().describe('Who asked for it.'),
  actor: z.string().optional().describe('The user, key or client that asked for it.'),
  outcome: z.enum(['distributed', 'unsold']).optional(),
  reason: z.string().optional().describe('Why the lead as a whole was not sold: a reason code.'),
  campaign: z.string().optional(),
  workflow: z.string().optional(),
  lead: z.string().optional(),
  contract: z.string().optional().describe('A contract that got the lead.'),
  client: z.string().optional().describe('A client that got the lead.'),
  order: z.enum(['newest', 'oldest']).default('newest'),
  limit, cursor, format,
});
type HistoryQuery = z.infer<typeof historyQuery>;

const ofLeadQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(1000), cursor });

const receiptQuery = z.strictObject({
  counterfactuals: z.enum(['true', 'false']).default('false').describe('What would have let each contract win that lost.'),
});

const whyQuery = z.strictObject({
  contract: z.string().optional().describe('This contract alone.'),
  attempt: z.string().optional().describe('Another attempt of the lead than its last.'),
});

/** Rows of one query of an export. */
const EXPORT_PAGE = 500;

/** Distribution attempts: the history of all, and the receipt of each. Answered from the tables, so that any replica can. */
@ApiTags('distribution')
@Controller()
export class AttemptsController {
  constructor(
    private readonly answers: AnswersStore, private readonly attempts: AttemptsStore, private readonly explanations: ExplanationService,
  ) {}

  @Get('/v1/attempts')
  @Allow('admin')
  @ApiOperation({
    summary: 'The history of distribution: every attempt by the system or a user, newest first',
    description: 'A page looks at a bounded number of attempts: where few pass the filters it may be short, and still have a nextCursor.',
  })
  @applyDecorators(...queryDocs(historyQuery))
  async list(
    @Caller() { tenantId }: Principal, @Query({ schema: historyQuery }) query: HistoryQuery, @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const { limit: size, cursor: at, format: asked, order, ...filter } = query;
    const [after] = readCursor(at, ['string']) ?? [];
    const first = { limit: size, after, oldestFirst: order === 'oldest' };
    const wanted = formatOf(asked, accept);
    if (wanted !== 'json') {
      const lines = this.lines(tenantId, filter, { ...first, limit: EXPORT_PAGE }, wanted);
      void reply.header('content-disposition', `attachment; filename="attempts.${wanted}"`);
      return new StreamableFile(Readable.from(lines, { highWaterMark: 1 }), { type: wanted === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson' });
    }
    const { rows, next } = await this.attempts.page(tenantId, filter, first);
    return { data: rows.map(shown), nextCursor: next === undefined ? null : writeCursor([next]) };
  }

  /** A lead's distribution attempts, the first one first. Most leads have few; one with a long window has thousands. */
  @Get('/v1/leads/:id/attempts')
  @Allow('admin')
  @ApiOperation({ summary: 'A lead\'s distribution attempts, the first one first' })
  @applyDecorators(...queryDocs(ofLeadQuery))
  async ofLead(
    @Caller() { tenantId }: Principal, @Param('id') leadId: string, @Query({ schema: ofLeadQuery }) query: z.infer<typeof ofLeadQuery>,
  ): Promise<object> {
    if (!await this.answers.attemptIds(tenantId, leadId)) throw unknownLead(leadId);
    const [after] = readCursor(query.cursor, ['string']) ?? [];
    const { rows, next } = await this.attempts.page(tenantId, { lead: leadId }, { limit: query.limit, after, oldestFirst: true });
    return { data: rows.map(shown), nextCursor: next === undefined ? null : writeCursor([next]) };
  }

  /** The decision receipt of an attempt, with a verdict for every contract in scope. */
  @Get('/v1/attempts/:id')
  @Allow('admin')
  @ApiOperation({
    summary: 'The decision receipt of an attempt, with a verdict for every contract in scope',
    description: 'With `counterfactuals=true` also, for each contract that lost, the smallest single change that would have let it win, as '
      + 'data and in words. `basis` says whether it was tried on the counters as they were then, or as they stand now.',
  })
  @applyDecorators(...queryDocs(receiptQuery))
  async one(
    @Caller() { tenantId }: Principal, @Param('id') attemptId: string, @Query({ schema: receiptQuery }) query: z.infer<typeof receiptQuery>,
  ): Promise<object> {
    const found = await this.answers.attempt(tenantId, attemptId);
    if (!found) throw unknownAttempt(attemptId);
    const { attempt, lead } = found;
    const whole = parseReceipt(attempt.receipt);
    // The view's `reason` is the outcome's; the one that a person gave is its `givenReason`.
    const market = await this.answers.market(tenantId, attempt.version);
    const scripts = scriptStandings(market, lead, whole.scripts);
    const shownReceipt = { ...whole, ...viewOf({ ...attempt, campaignId: lead.campaignId }, whole), scripts };
    if (query.counterfactuals === 'true') {
      const explanation = await this.explanations.of(tenantId, found, undefined);
      return { ...shownReceipt, basis: explanation?.basis ?? null, basisReason: explanation?.basisReason ?? null,
        verdicts: explanation?.contracts ?? [] };
    }
    const verdicts = verdictsFor(market, lead, whole, attempt.at, undefined).map((verdict) =>
      ({ ...verdictView(verdict), words: wordsFor(verdict, undefined, market.ground.currency) }));
    return { ...shownReceipt, verdicts };
  }

  /** "Why did this client not get this lead?" */
  @Get('/v1/leads/:id/explanation')
  @Allow('admin')
  @ApiOperation({
    summary: 'Why a contract, or each that lost, did not get the lead, and the smallest single change with which it would have',
    description: 'Of the last attempt, unless one is named. `words` is a sentence for people, `change` the same as data; `basis` says whether '
      + 'it was tried on the counters as they were at the decision (`replayed`) or as they stand now.',
  })
  @applyDecorators(...queryDocs(whyQuery))
  async explanation(
    @Caller() { tenantId }: Principal, @Param('id') leadId: string, @Query({ schema: whyQuery }) query: z.infer<typeof whyQuery>,
  ): Promise<object> {
    const ids = await this.answers.attemptIds(tenantId, leadId);
    if (!ids) throw unknownLead(leadId);
    const asked = query.attempt === undefined ? ids.at(-1) : ids.find((id) => id === query.attempt);
    const found = asked === undefined ? undefined : await this.answers.attempt(tenantId, asked);
    if (!found) throw unknownAttempt(query.attempt ?? `of lead ${leadId}`);
    const explanation = await this.explanations.of(tenantId, found, query.contract);
    if (!explanation && query.contract !== undefined) {
      throw new Problem(404, 'unknown_contract',
        `There was no contract "${query.contract}" in version ${found.attempt.version} of the configuration, by which it was decided.`);
    }
    const { attemptId, at, trigger, configurationVersion, outcome, reason } = attemptView(found.attempt);
    const market = await this.answers.market(tenantId, found.attempt.version);
    const { currency } = market.ground;
    const scripts = scriptStandings(market, found.lead, parseReceipt(found.attempt.receipt).scripts);
    return { leadId, attemptId, at, trigger, configurationVersion, currency, outcome, reason, ...shownExplanation(explanation), scripts };
  }

  private async *lines(tenantId: string, filter: AttemptFilter, asked: PageAsked, wanted: 'csv' | 'ndjson'): AsyncGenerator<string> {
    if (wanted === 'csv') yield attemptCsvHeader;
    for (let { after } = asked; ;) {
      const { rows, next } = await this.attempts.page(tenantId, filter, { ...asked, after });
      if (rows.length > 0) yield rows.map((row) => (wanted === 'csv' ? attemptCsv(shown(row)) : `${JSON.stringify(shown(row))}\n`)).join('');
      if (next === undefined) return;
      after = next;
    }
  }
}

function shown(row: HistoryAttemptRow): ShownAttempt {
  return attemptView({
    attemptId: row.attempt_id, leadId: row.lead_id, at: Number(row.at), trigger: row.trigger, version: row.version, outcome: row.outcome,
    receipt: row.receipt, campaignId: row.campaign_id,
  });
}

function shownExplanation(explanation: Explanation | undefined): Explanation {
  return explanation ?? { basis: 'replayed', basisReason: null, contracts: [] };
}

function unknownLead(leadId: string): Problem {
  return new Problem(404, 'unknown_lead', `The engine has no lead "${leadId}" (yet). Its id is in the answer to POST /v1/leads.`);
}

function unknownAttempt(attemptId: string): Problem {
  return new Problem(404, 'unknown_attempt', `There is no attempt "${attemptId}". GET /v1/leads/{id}/attempts lists those of a lead.`);
}
