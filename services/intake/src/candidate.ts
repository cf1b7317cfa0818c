/** A lead on its way in: what the request became, and what became of it. */
import type { CheckedLead, CompiledCampaign } from './check-lead.js';
import type { Fault } from './fault.js';
import type { NewLead } from './new-lead.js';

/** The verdict on a lead's content under one configuration version. */
export type Verdict =
  | { readonly kind: 'valid'; readonly version: number; readonly campaign: CompiledCampaign; readonly lead: CheckedLead;
      readonly phoneHash: string | undefined; readonly emailHash: string | undefined }
  | { readonly kind: 'invalid'; readonly version: number; readonly reason: 'invalid' | 'unknown_campaign'; readonly faults: readonly Fault[] };

export interface Candidate {
  readonly tenantId: string;
  readonly sourceId: string;
  /** The lead's, should it be accepted, or the rejection's. */
  readonly id: string;
  readonly receivedAt: number;
  /** What the lead names, or the source's default; undefined where neither does. */
  readonly campaignId: string | undefined;
  /** Whether the source's leads may have none. */
  readonly withoutCampaign: boolean;
  readonly channel: string | undefined;
  readonly sourceList: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly payloadHash: string;
  /** Undefined where the body was none. */
  readonly input: NewLead | undefined;
  /** What was wrong before the campaign was asked. */
  readonly faults: readonly Fault[];
  verdict: Verdict;
  readonly waits: boolean;
  readonly traceparent: string | undefined;
}

export type RejectionReason = 'invalid' | 'unknown_campaign' | 'duplicate';

export type Outcome =
  | { readonly kind: 'accepted'; readonly leadId: string; readonly duplicateOf?: string | undefined; readonly replayed: boolean }
  | { readonly kind: 'rejected'; readonly reason: RejectionReason; readonly rejectionId: string; readonly faults: readonly Fault[];
      readonly duplicateOf?: string | undefined; readonly replayed: boolean }
  /** The idempotency key stands for another body. */
  | { readonly kind: 'keyReused' }
  /** Nothing is known to be stored: to be sent again. */
  | { readonly kind: 'unavailable' };
