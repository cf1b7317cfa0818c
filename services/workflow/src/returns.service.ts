import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { LeadReturned } from '@sluice/events';
import { uuid7 } from '@sluice/kernel';
import { Clock, crashPoint, Problem, traceparentOf, type Principal } from '@sluice/runtime';
import type { NewReturn } from './distribution-request.js';
import { EngineQueries } from './engine-queries.service.js';
import { ReturnsStore, type ReturnRow } from './returns.store.js';

export interface Returned {
  readonly row: ReturnRow;
  readonly isNew: boolean;
}

/**
 * Approved returns. They stand here only until there is a billing service, whose they are: it will check a request for a return, give the
 * money back and say the same event, on the same topic. Nothing that hears it has to change then.
 */
@Injectable()
export class ReturnsService {
  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock, private readonly store: ReturnsStore,
    private readonly engine: EngineQueries,
  ) {}

  /** Returns an outbound lead, once. Throws a Problem: 404 where the tenant has none of this id, 409 where it was never accepted. */
  async giveBack(caller: Principal, outboundLeadId: string, { reason, by }: NewReturn): Promise<Returned> {
    const { tenantId } = caller;
    const earlier = await this.as(tenantId, (tx) => this.store.of(tx, tenantId, outboundLeadId));
    if (earlier) return { row: earlier, isNew: false };
    const [outbound] = await this.engine.outboundLeads(tenantId, [outboundLeadId]);
    if (!outbound) throw new Problem(404, 'not_found', `There is no outbound lead ${JSON.stringify(outboundLeadId)}.`);
    if (outbound.state !== 'accepted') {
      throw new Problem(409, 'not_accepted', `Only an accepted lead can be given back; this one is ${outbound.state}.`);
    }
    const now = this.clock.now();
    const row: ReturnRow = {
      returnId: uuid7(now, randomBytes(10)), outboundLeadId, leadId: outbound.leadId, contractId: outbound.contractId,
      clientId: outbound.clientId, reason, actor: by ?? caller.id, caller: caller.id, returnedAt: now,
    };
    return this.as(tenantId, async (tx) => {
      if (!(await this.store.add(tx, tenantId, row))) return { row: (await this.store.of(tx, tenantId, outboundLeadId))!, isNew: false };
      const { returnId, leadId, contractId, clientId, actor } = row;
      this.bus.append(tx, [LeadReturned.make(
        { tenantId, returnId, leadId, outboundLeadId, contractId, clientId, reason, actor, at: new Date(now).toISOString() },
        { id: returnId, time: now, traceparent: traceparentOf() })]);
      crashPoint('workflow.before-return');
      tx.afterCommit(() => crashPoint('workflow.after-return'));
      return { row, isNew: true };
    });
  }

  private as<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'workflow', tenants: [tenantId] }, work);
  }
}
