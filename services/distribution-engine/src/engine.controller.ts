import { Controller, Get, Param, Query } from '@nestjs/common';
import { explain, type Verdict } from '@sluice/distribution';
import { Allow, Caller, Clock, Problem, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { AnswersStore, type StoredAttempt } from './answers.store.js';
import { capLines, rollingUse, type CapLine } from './caps.js';
import { parseReceipt } from './receipt.js';

const capsQuery = z.object({
  contract: z.string().optional().describe('Limits of this contract, its client\'s and its group\'s among them.'),
  client: z.string().optional().describe('Limits of this client and of all its contracts.'),
  campaign: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().optional(),
});

/** What was decided, why, and where the counters stand. Answered from the tables, so that any replica can. */
@Controller()
export class EngineController {
  constructor(private readonly answers: AnswersStore, private readonly clock: Clock) {}

  /** A lead's distribution attempts, the first one first. A lead has few: they come on one page. */
  @Get('/v1/leads/:id/attempts')
  @Allow('admin')
  async attempts(@Caller() caller: Principal, @Param('id') leadId: string): Promise<object> {
    const attempts = await this.answers.attemptsOf(caller.tenantId, leadId);
    if (!attempts) throw new Problem(404, 'unknown_lead',
      `The engine has no lead "${leadId}" (yet). Its id is in the answer to POST /v1/leads.`);
    return { data: attempts.map(summaryOf), nextCursor: null };
  }

  /** The decision receipt of an attempt, with a verdict for every contract in scope. */
  @Get('/v1/attempts/:id')
  @Allow('admin')
  async attempt(@Caller() caller: Principal, @Param('id') attemptId: string): Promise<object> {
    const found = await this.answers.attempt(caller.tenantId, attemptId);
    if (!found) throw new Problem(404, 'unknown_attempt',
      `There is no attempt "${attemptId}". GET /v1/leads/{id}/attempts lists those of a lead.`);
    const { attempt, lead } = found;
    const { verdicts, ...receipt } = parseReceipt(attempt.receipt);
    const market = await this.answers.market(caller.tenantId, attempt.version);
    const all = explain(market, lead, verdicts, attempt.at);
    return { ...summaryOf(attempt), ...receipt, verdicts: all.map((verdict) => verdictOf(verdict)) };
  }

  /** Every limit with what is used of it now, reservations included. */
  @Get('/v1/caps')
  @Allow('admin')
  async caps(@Caller() caller: Principal, @Query({ schema: capsQuery }) query: z.infer<typeof capsQuery>): Promise<object> {
    const now = this.clock.now();
    const market = await this.answers.market(caller.tenantId);
    const all = capLines(market, now, query).filter(({ key }) => query.cursor === undefined || key > query.cursor);
    const page = all.slice(0, query.limit);
    const entries = await this.answers.counters(
      caller.tenantId, page.filter((line) => !line.rolling).map(({ key }) => key),
        page.filter((line) => line.rolling).map(({ key }) => key));
    const usedOf = usage(entries, now);
    return { data: page.map((line) => capOf(line, usedOf(line), market.ground.currency)),
      nextCursor: all.length > page.length ? page.at(-1)!.key : null };
  }
}

function usage(entries: readonly { readonly key: string; readonly value: number }[], now: number): (line: CapLine) => number {
  const exact = new Map(entries.map(({ key, value }) => [key, value]));
  return ({ key, rolling }) => (rolling ? rollingUse(entries.filter((entry) => entry.key.startsWith(key)), now) : exact.get(key) ?? 0);
}

function capOf(line: CapLine, used: number, currency: string): object {
  const { scope, id, window, metric, limit, bucket, endsAt } = line;
  return {
    scope, id, window, metric, used, limit,
    // A limit that was lowered below its use leaves nothing, never less (C2).
    left: Math.max(0, limit - used),
    ...(metric === 'amount' ? { currency } : {}),
    bucket,
    endsAt: endsAt === undefined ? null : new Date(endsAt).toISOString(),
  };
}

function summaryOf({ attemptId, leadId, at, trigger, version, outcome, receipt }: StoredAttempt): object {
  const { round, actor, picks, workflowId } = parseReceipt(receipt);
  return {
    attemptId, leadId, at: new Date(at).toISOString(), trigger, round, actor: actor ?? null, workflowId: workflowId ?? null,
    configurationVersion: version,
    outcome: outcome === 'distributed' ? 'distributed' : 'unsold', reason: outcome === 'distributed' ? null : outcome, picks,
  };
}

function verdictOf({ contractId, clientId, code, gates, limit, detail, rank }: Verdict): object {
  return { contractId, clientId, code, gates, limit: limit ?? null, detail: detail ?? null, rank: rank ?? null };
}
