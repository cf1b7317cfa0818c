import { Injectable } from '@nestjs/common';
import { Log, Problem, ServiceClient } from '@sluice/runtime';

export interface LeadFacts {
  readonly leadId: string;
  readonly campaignId: string;
  readonly receivedAt: number;
  readonly windowGeneration: number;
  /** Picks that hold the lead: reserved or accepted. */
  readonly standing: number;
}

export interface OutboundLeadFacts {
  readonly outboundLeadId: string;
  readonly leadId: string;
  readonly contractId: string;
  readonly clientId: string;
  readonly state: string;
}

export interface AttemptFacts {
  readonly attemptId: string;
  readonly minimumsMet: boolean;
  readonly full: boolean;
  readonly picks: readonly { readonly contractId: string; readonly overridden?: readonly string[] }[];
  readonly verdicts: readonly VerdictFacts[];
}

export interface VerdictFacts {
  readonly contractId: string;
  readonly clientId: string;
  readonly code: string;
  readonly gates: readonly string[];
  readonly detail?: string;
}

/** What is asked of the engine before somebody is answered; never on a lead's path. Where the engine is down, people are told so. */
@Injectable()
export class EngineQueries {
  constructor(private readonly services: ServiceClient, private readonly log: Log) {}

  leads(tenantId: string, ids: readonly string[]): Promise<readonly LeadFacts[]> {
    return this.ask(tenantId, 'leads', ids);
  }

  outboundLeads(tenantId: string, ids: readonly string[]): Promise<readonly OutboundLeadFacts[]> {
    return this.ask(tenantId, 'outbound-leads', ids);
  }

  attempts(tenantId: string, ids: readonly string[]): Promise<readonly AttemptFacts[]> {
    return this.ask(tenantId, 'attempts', ids);
  }

  private async ask<T>(tenantId: string, what: string, ids: readonly string[]): Promise<readonly T[]> {
    try {
      return await this.services.post<T[]>('engine', `/internal/v1/engine/${what}`, { ids }, { tenantId });
    } catch (error) {
      this.log.warn({ what, error: error instanceof Error ? error.name : 'unknown' }, 'the engine did not answer');
      throw new Problem(503, 'engine_unavailable', 'The engine does not answer just now; nothing was done. Send the request again.', [],
        { 'retry-after': '2' });
    }
  }
}
