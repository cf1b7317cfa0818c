import { Injectable } from '@nestjs/common';
import { uuid7 } from '@sluice/kernel';
import { Clock } from '@sluice/runtime';
import type { Candidate, Verdict } from './candidate.js';
import { ConfigurationService, type TenantConfiguration } from './configuration.service.js';
import { nearestName } from './nearest-name.js';
import { readNewLead, type NewLead } from './new-lead.js';
import type { Fault } from './fault.js';
import { canonical } from './strict-json.js';
import { Vault } from './vault.service.js';

/** Whose key a request carries. */
export interface CallingSource {
  readonly tenantId: string;
  readonly sourceId: string;
  readonly campaignId: string | undefined;
  /** Whether a lead may have no campaign at all. */
  readonly withoutCampaign: boolean;
  readonly channel: string | undefined;
  readonly listId: string | undefined;
}

export interface AboutRequest {
  readonly idempotencyKey: string | undefined;
  readonly traceparent: string | undefined;
  readonly waits: boolean;
}

const UNCHECKED: Verdict = { kind: 'invalid', version: 0, reason: 'invalid', faults: [] };

/** Makes a candidate of a body: everything that needs no transaction. */
@Injectable()
export class PrepareLead {
  constructor(readonly configuration: ConfigurationService, private readonly clock: Clock, private readonly vault: Vault) {}

  /** `body` is a parsed value; `unreadable` says why there is none. */
  candidate(
    source: CallingSource, configuration: TenantConfiguration, body: unknown, about: AboutRequest, unreadable?: readonly Fault[],
  ): Candidate {
    const receivedAt = this.clock.now();
    const { lead, faults } = unreadable ? { lead: undefined, faults: unreadable } : readNewLead(body);
    const named = typeof lead?.campaign === 'string' ? lead.campaign : undefined;
    const candidate: Candidate = {
      tenantId: source.tenantId, sourceId: source.sourceId, id: uuid7(receivedAt, this.vault.idBytes()), receivedAt,
      campaignId: named ?? source.campaignId, withoutCampaign: source.withoutCampaign, channel: source.channel, sourceList: source.listId,
      idempotencyKey: about.idempotencyKey, waits: about.waits, traceparent: about.traceparent, input: lead, faults,
      payloadHash: this.vault.payloadHash(source.tenantId, `${named ?? source.campaignId} ${unreadable ? '' : canonical(body)}`), verdict: UNCHECKED,
    };
    candidate.verdict = this.verdict(configuration, candidate);
    return candidate;
  }

  /** Checks a lead on a configuration; every fault at once. */
  verdict(configuration: TenantConfiguration, candidate: Omit<Candidate, 'verdict'>): Verdict {
    const { version, campaigns, none } = configuration;
    const { input, faults, campaignId, withoutCampaign, tenantId } = candidate;
    if (!input) return { kind: 'invalid', version, reason: 'invalid', faults };
    // A default of the source comes first; what a lead names and nobody knows is a mistake, wherever it comes from.
    const campaign = campaignId === undefined ? (withoutCampaign ? none : undefined) : campaigns.get(campaignId);
    if (!campaign) {
      const fault = unknownCampaign(campaignId, campaigns.keys());
      const doubled = faults.some(({ pointer }) => pointer === fault.pointer);
      return { kind: 'invalid', version, reason: campaignId === undefined || faults.length > 0 ? 'invalid' : 'unknown_campaign', faults: doubled ? faults : [...faults, fault] };
    }
    const check = campaign.check(usable(input, faults), candidate.receivedAt);
    if (check.faults ?? faults.length > 0) return { kind: 'invalid', version, reason: 'invalid', faults: [...faults, ...(check.faults ?? [])] };
    const { lead } = check as { lead: NonNullable<typeof check.lead> };
    return {
      kind: 'valid', version, campaign, lead,
      phoneHash: lead.phone === undefined ? undefined : this.vault.personHash(tenantId, 'phone', lead.phone),
      emailHash: lead.mailbox === undefined ? undefined : this.vault.personHash(tenantId, 'email', lead.mailbox),
    };
  }
}

/** A lead whose envelope is at fault is still checked in its fields, so that all is said at once; what is wrong is left out. */
function usable(lead: NewLead, faults: readonly Fault[]): NewLead {
  return faults.length === 0 ? lead : { fields: lead.fields };
}

function unknownCampaign(id: string | undefined, known: Iterable<string>): Fault {
  if (id === undefined) return { pointer: '/campaign', code: 'required', message: 'Name a campaign; the source has no default.' };
  const near = nearestName(id, known);
  return { pointer: '/campaign', code: 'unknown_campaign', message: `There is no such campaign.${near ? ` Did you mean "${near}"?` : ''}` };
}
