import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { DistributionRequested } from '@sluice/events';
import { sha256, utf8, uuid7, uuidFrom } from '@sluice/kernel';
import { Clock, crashPoint, Problem, traceparentOf, type Fault, type Principal } from '@sluice/runtime';
import { ConfigurationStore } from './configuration.store.js';
import { spelling, type Asked } from './distribution-request.js';
import { DistributionsStore, type RequestRow } from './distributions.store.js';
import { EngineQueries } from './engine-queries.service.js';

export interface Request {
  readonly row: RequestRow;
  /** The key was there already: nothing new was asked of the engine. */
  readonly replayed: boolean;
}

/** What people ask of a lead: kept, and said to the engine in the same transaction. */
@Injectable()
export class DistributionsService {
  private readonly configurations = new ConfigurationStore();

  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock,
    private readonly store: DistributionsStore, private readonly engine: EngineQueries,
  ) {}

  /**
   * Keeps a request and says it. The same key with the same request answers the first one again. Throws a Problem: 404 for a lead that the
   * tenant has not, 422 for a key that stands for another request, and for contracts or a workflow that are not there.
   */
  async ask(caller: Principal, leadId: string, asked: Asked, key: string | undefined): Promise<Request> {
    const { tenantId } = caller;
    const actor = asked.by ?? caller.id;
    const bodyHash = hashOf(spelling(leadId, asked, actor));
    // A key is looked for before anything is checked: what was asked once is answered again, whatever has become of lead and contracts.
    const earlier = key === undefined ? undefined : await this.as(tenantId, (tx) => this.store.byKey(tx, tenantId, key));
    if (earlier) return replayOf(earlier, bodyHash);
    await this.mustHave(tenantId, leadId);
    return this.as(tenantId, async (tx) => {
      await this.mustKnow(tx, tenantId, asked);
      // Read after the items: the engine waits for this version, and then it has all of them.
      const version = await this.configurations.versionOf(tx, tenantId);
      const now = this.clock.now();
      const { kind, contracts, overrides } = asked;
      const row = {
        requestId: uuid7(now, randomBytes(10)), leadId, kind, actor, caller: caller.id, reason: asked.reason ?? null,
        workflowId: asked.workflowId ?? null, contracts, overrides, requestedAt: now, idempotencyKey: key, bodyHash,
      };
      if (!(await this.store.add(tx, tenantId, row))) return replayOf((await this.store.byKey(tx, tenantId, key!))!, bodyHash);
      this.bus.append(tx, [DistributionRequested.make({
        tenantId, requestId: row.requestId, leadId, trigger: kind, workflowId: row.workflowId ?? '', contractIds: [...contracts], actor,
        reason: row.reason ?? '', overrides: [...overrides], configurationVersion: version,
      }, { id: row.requestId, time: now, traceparent: traceparentOf() })]);
      crashPoint('workflow.before-request');
      tx.afterCommit(() => crashPoint('workflow.after-request'));
      return { row: { ...row, outcome: null, attemptId: null, answeredAt: null, result: null }, replayed: false };
    });
  }

  async one(tenantId: string, requestId: string): Promise<RequestRow> {
    const row = await this.as(tenantId, (tx) => this.store.one(tx, tenantId, requestId));
    if (!row) throw new Problem(404, 'not_found', `There is no request ${JSON.stringify(requestId)}.`);
    return row;
  }

  /** The engine lets a request wait for its lead for ever, since topics overtake each other; who asks of a lead that is none is told so. */
  private async mustHave(tenantId: string, leadId: string): Promise<void> {
    const [lead] = await this.engine.leads(tenantId, [leadId]);
    if (lead) return;
    throw new Problem(404, 'unknown_lead', `There is no lead ${JSON.stringify(leadId)}. A lead that was accepted just now takes a moment to be known.`);
  }

  private async mustKnow(tx: Tx, tenantId: string, { contracts, workflowId, pointerOf }: Asked): Promise<void> {
    const faults: Fault[] = [];
    const unknown = (what: string, pointer: string, id: string) => void faults.push({
      pointer, code: 'unknown_reference', message: `There is no ${what} ${JSON.stringify(id)}; GET /v1/${what}s lists them.` });
    const known = contracts.length === 0 ? new Set<string>() : await this.store.known(tx, tenantId, 'contract', contracts);
    contracts.forEach((id, place) => { if (!known.has(id)) unknown('contract', pointerOf(place), id); });
    if (workflowId !== undefined && !(await this.store.known(tx, tenantId, 'workflow', [workflowId])).has(workflowId)) {
      unknown('workflow', '/rules', workflowId);
    }
    if (faults.length > 0) throw new Problem(422, 'invalid', 'The request has faults; "errors" names each with its place.', faults);
  }

  private as<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'workflow', tenants: [tenantId] }, work);
  }
}

function replayOf(row: RequestRow, bodyHash: string): Request {
  if (row.bodyHash === bodyHash) return { row, replayed: true };
  throw new Problem(422, 'idempotency_key_reused', 'This Idempotency-Key stands for another request; send a new one with a new key.');
}

/** 128 bits: enough to tell two requests under one key apart. */
function hashOf(text: string): string {
  return uuidFrom(sha256(utf8(text)).subarray(0, 16));
}
