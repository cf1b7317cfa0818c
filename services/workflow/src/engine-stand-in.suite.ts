/** Stands for the engine: answers what workflow asks by HTTP, and the requests that it hears, as a test has it. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventsOf, type Bus, type Subscription } from '@sluice/bus';
import { DistributionRequested, LeadDistributed, LeadNotDistributed, LeadReturned, billingTopic, workflowTopic } from '@sluice/events';
import { verifyPrincipal } from '@sluice/runtime';
import { expect } from '@jest/globals';

export interface OutboundFacts { outboundLeadId: string; leadId: string; contractId: string; clientId: string; state: string }

export class EngineStandIn {
  /** Leads that it has, as `tenant lead`. */
  readonly leads = new Set<string>();
  /** Outbound leads by `tenant id`. */
  readonly outbound = new Map<string, OutboundFacts>();
  readonly requests: DistributionRequested[] = [];
  readonly returns: LeadReturned[] = [];
  /** Contracts that no lead is given to. */
  readonly closed = new Set<string>();
  /** While it is silent it hears requests and answers none. */
  isSilent = false;
  isDown = false;
  private ears: Subscription[] = [];
  private readonly server = createServer((request, response) => void this.serve(request).then(
    (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    () => response.writeHead(500).end()));

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async hear(bus: Bus): Promise<void> {
    this.ears.push(await bus.subscribe({
      group: 'stand-in', service: 'workflow', topics: [workflowTopic.name], types: [DistributionRequested.type],
      handle: async (batch, tx) => {
        const heard = eventsOf(batch, DistributionRequested);
        if (!this.isSilent) bus.append(tx, heard.map(({ data, time, seq }) => this.answerOf(data, time, seq)));
        tx.afterCommit(() => this.requests.push(...heard.map(({ data }) => data)));
      },
    }), await bus.subscribe({
      group: 'stand-in-returns', service: 'workflow', topics: [billingTopic.name], types: [LeadReturned.type],
      handle: async (batch, tx) => tx.afterCommit(() => this.returns.push(...eventsOf(batch, LeadReturned).map(({ data }) => data))),
    }));
  }

  async close(): Promise<void> {
    for (const ear of this.ears) await ear.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answerOf(asked: DistributionRequested, time: number, seq: number) {
    const { tenantId, leadId, requestId, trigger, actor = '', contractIds = [] } = asked;
    const about = { tenantId, leadId, requestId, trigger, actor, attemptId: `attempt of ${requestId}`, decidedAt: '2026-03-02T12:00:00.000Z' };
    const picked = contractIds.filter((id) => !this.closed.has(id));
    const id = `answer ${seq} of ${tenantId}`;
    return picked.length > 0 || contractIds.length === 0
      ? LeadDistributed.make({ ...about, full: true, picks: picked.map((contractId) => ({
        outboundLeadId: `${leadId} ${contractId}`, contractId, clientId: `client of ${contractId}`, priceMinor: '2500', currency: 'USD' })) }, { id, time })
      : LeadNotDistributed.make({ ...about, reason: 'cap_day', reasons: ['cap_day'] }, { id, time });
  }

  private async serve(request: IncomingMessage): Promise<unknown> {
    if (this.isDown) throw new Error('down');
    const caller = verifyPrincipal(request.headers.authorization!.split(' ')[1]!, 'x'.repeat(32), performance.timeOrigin + performance.now());
    expect(caller?.kind).toBe('service');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { ids } = JSON.parse(Buffer.concat(chunks).toString()) as { ids: string[] };
    const { tenantId } = caller!;
    if (request.url!.endsWith('/leads')) {
      return ids.filter((id) => this.leads.has(`${tenantId} ${id}`)).map((leadId) => ({ leadId, campaignId: 'solar', receivedAt: 0, windowGeneration: 0, standing: 0 }));
    }
    if (request.url!.endsWith('/outbound-leads')) return ids.flatMap((id) => this.outbound.get(`${tenantId} ${id}`) ?? []);
    return ids.map((attemptId) => ({
      attemptId, minimumsMet: false, full: true, picks: [{ contractId: 'A', overridden: ['cap_day'] }],
      verdicts: [{ contractId: 'A', clientId: 'client of A', code: 'picked', gates: ['cap_day'] },
        { contractId: 'B', clientId: 'client of B', code: 'cap_day', gates: ['cap_day', 'schedule_closed'] }],
    }));
  }
}
