/** What a configuration says of the windows of each campaign. */
import type { Campaign, Contract, PushStrategy, Script, Workflow } from '@sluice/distribution';
import { parseDuration } from '@sluice/kernel';

/** An item as it is stored: removed ones have no body. */
export interface StoredItem {
  readonly kind: string;
  readonly id: string;
  readonly body: unknown;
}

export interface CampaignTerms {
  /** Of the campaign's workflow; undefined = it has none. */
  readonly mode: 'off' | 'onArrival' | 'window' | undefined;
  readonly lengthMs: number | undefined;
  readonly everyMs: number | undefined;
  readonly pauseExtends: boolean;
  /** The workflow that is tried once when a window expires. */
  readonly fallback: string | undefined;
  /** Its leads go by a push strategy and no workflow. */
  readonly push: boolean;
}

export interface TenantTerms {
  readonly version: number;
  readonly campaigns: ReadonlyMap<string, CampaignTerms>;
}

/** The kinds of items that `termsOf` reads. */
export const TERM_KINDS = ['campaign', 'workflow', 'pushStrategy'] as const;

export function termsOf(version: number, items: readonly StoredItem[]): TenantTerms {
  const standing = items.filter(({ body }) => body !== null);
  const workflows = new Map(standing.filter(({ kind }) => kind === 'workflow').map(({ id, body }) => [id, body as Workflow]));
  const pushed = new Set(standing.filter(({ kind }) => kind === 'pushStrategy').flatMap(({ body }) => (body as PushStrategy).campaigns ?? []));
  return {
    version,
    campaigns: new Map(standing.filter(({ kind }) => kind === 'campaign').map(({ id, body }) => {
      const campaign = body as Campaign;
      return [id, termsOfCampaign(campaign.workflow === undefined ? undefined : workflows.get(campaign.workflow),
        campaign.pushStrategy !== undefined || pushed.has(id))];
    })),
  };
}

function termsOfCampaign(workflow: Workflow | undefined, push: boolean): CampaignTerms {
  return {
    mode: workflow ? workflow.mode ?? 'onArrival' : undefined,
    lengthMs: workflow?.window && parseDuration(workflow.window.length),
    everyMs: workflow?.window && parseDuration(workflow.window.every),
    pauseExtends: workflow?.pauseExtends ?? false,
    fallback: workflow?.fallback,
    push: push && !workflow,
  };
}

/** The campaigns that a contract or a script is for: those that it names, or all where it names none. */
export function campaignsOf({ campaigns }: Pick<Contract | Script, 'campaigns'>): readonly string[] | 'all' {
  return campaigns && campaigns.length > 0 ? campaigns : 'all';
}
