import { Injectable } from '@nestjs/common';
import { Log, ServiceClient } from '@sluice/runtime';
import type { ClaimedDelivery } from './work.store.js';

/** What the vault says of a lead. `unavailable`: it could not be asked, which is nobody's fault but ours. */
export type OpenedFields =
  | { readonly kind: 'open'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'erased' }
  | { readonly kind: 'unavailable' };

interface Answer {
  readonly leads: readonly {
    readonly leadId: string; readonly fields?: Record<string, unknown>; readonly erased?: boolean; readonly unknown?: boolean;
  }[];
}

const LEADS_MAX = 1_000;
const TIMEOUT_MS = 4_000;
const UNAVAILABLE: OpenedFields = { kind: 'unavailable' };
const ERASED: OpenedFields = { kind: 'erased' };

/** Asks intake to open the personal fields of the leads of a batch. Nothing of them is stored here. */
@Injectable()
export class PersonalFields {
  constructor(private readonly services: ServiceClient, private readonly log: Log) {}

  /** By lead id, for one request a tenant. Never throws. */
  async open(claims: readonly ClaimedDelivery[]): Promise<(claim: ClaimedDelivery) => OpenedFields> {
    const byTenant = new Map<string, Set<string>>();
    for (const { tenantId, leadId } of claims) byTenant.set(tenantId, (byTenant.get(tenantId) ?? new Set()).add(leadId));
    const opened = new Map<string, OpenedFields>();
    await Promise.all([...byTenant].flatMap(([tenantId, leads]) => chunks([...leads]).map(async (leadIds) => {
      for (const [leadId, fields] of await this.ask(tenantId, leadIds)) opened.set(`${tenantId}/${leadId}`, fields);
    })));
    return (claim) => opened.get(`${claim.tenantId}/${claim.leadId}`) ?? UNAVAILABLE;
  }

  private async ask(tenantId: string, leadIds: readonly string[]): Promise<[string, OpenedFields][]> {
    try {
      const { leads } = await this.services.post<Answer>('intake', '/internal/v1/intake/personal-fields', { leadIds }, { tenantId, timeoutMs: TIMEOUT_MS });
      // A lead that intake does not know any more is gone as one that was erased is.
      return leads.map(({ leadId, fields, erased, unknown }) => [leadId, erased || unknown || !fields ? ERASED : { kind: 'open', fields }]);
    } catch (error) {
      this.log.warn({ tenantId, leads: leadIds.length, error: error instanceof Error ? error.name : 'unknown' }, 'intake did not open personal fields');
      return [];
    }
  }
}

function chunks(ids: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < ids.length; at += LEADS_MAX) parts.push(ids.slice(at, at + LEADS_MAX));
  return parts;
}
