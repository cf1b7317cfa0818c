/**
 * What one decision looks at, gathered once: the lead's place and lists, who holds the lead already, who turned it down, and how many more
 * buyers sharing leaves (M2, M3).
 */
import type { Place } from '@sluice/kernel';
import type { Request, Seed } from './decision.js';
import { placeOfField, placeOfLead } from './fields.js';
import type { Holding, Lead, Life } from './lead.js';
import type { Limit } from './limits.js';
import { BIT } from './links.js';
import type { CampaignTerms, Market } from './market.js';
import type { WorkflowTerms } from './phases.js';
import type { State } from './state.js';
import type { ContractTerms } from './terms.js';

/** A limit, order or share that shut a gate, with the figures of that moment. */
export interface LimitDetail { scope: string; id: string; window: string; metric: 'count' | 'amount'; used: number; limit: number }

export interface ListMembers { clients: ReadonlySet<string>; contracts: ReadonlySet<string> }

export interface Scene {
  market: Market;
  state: State;
  lead: Lead;
  life: Life;
  request: Request;
  now: number;
  seed: Seed;
  campaign: CampaignTerms | undefined;
  workflow: WorkflowTerms | undefined;
  /** Buyers that share the lead already, P. */
  sold: number;
  /** The most buyers that the workflow and those who have it allow. */
  most: number;
  /** Automatic: gates that only stop the automatic distribution count. */
  automatic: boolean;
  lists: ListMembers[];
  /** Limits of the campaign, which every contract meets. */
  campaignLimits: readonly Limit[];
  /** Clients and contract groups that have the lead, or are off for it. */
  received: ReadonlySet<string> | null;
  rejected: ReadonlySet<string> | null;
  place(): Place | undefined;
}

/** States of a holding that share the lead: a returned lead's slot stays used. */
export function shares(holding: Holding, cherryPicksCount: boolean): boolean {
  if (holding.state === 'cherryPicked') return cherryPicksCount;
  // A returned lead that was cherry-picked never had a slot.
  if (holding.rule === 'cherryPick' && !cherryPicksCount) return false;
  return holding.state === 'reserved' || holding.state === 'accepted' || holding.state === 'returned';
}

/** Picks of a rule that still stand, which its take counts over the life of a lead. */
export function stands(holding: Holding): boolean {
  return holding.state === 'reserved' || holding.state === 'accepted';
}

export function sceneOf(market: Market, state: State, lead: Lead, life: Life, request: Request, now: number, seed: Seed): Scene {
  const campaign = market.campaigns.get(lead.campaignId);
  const workflowId = request.workflow ?? campaign?.body.workflow;
  const workflow = workflowId === undefined ? undefined : market.workflows.get(workflowId);
  let sold = 0;
  let most = workflow?.maxMultiplication ?? Infinity;
  for (const holding of life.picks) {
    if (!shares(holding, workflow?.cherryPickCounts ?? false)) continue;
    sold++;
    most = Math.min(most, holding.maxShareCount ?? Infinity);
  }
  const automatic = request.trigger !== 'manual' && request.trigger !== 'cherryPick';
  const place = placeFinder(lead, campaign);
  const scene: Scene = {
    market, state, lead, life, request, now, seed, campaign, workflow, sold, most, automatic, lists: listsOf(market, lead, campaign),
    campaignLimits: campaign?.limits ?? NO_LIMITS, received: null, rejected: null, place,
  };
  if (life.picks.length > 0) readLife(scene);
  return scene;
}

function placeFinder(lead: Lead, campaign: CampaignTerms | undefined): () => Place | undefined {
  let place: Place | undefined;
  let asked = false;
  return () => {
    if (!asked) {
      asked = true;
      const geo = campaign?.body.geo;
      place = placeOfLead(lead) ?? (geo === undefined ? undefined : placeOfField(lead, lead.attributes[geo]));
    }
    return place;
  };
}

const NOBODY: ListMembers = { clients: new Set(), contracts: new Set() };
const NO_LISTS: ListMembers[] = [];
const NO_LIMITS: readonly Limit[] = [];

function listsOf(market: Market, lead: Lead, campaign: CampaignTerms | undefined): ListMembers[] {
  const first = campaign?.body.list;
  if (first === undefined && lead.list === undefined && lead.sourceList === undefined) return NO_LISTS;
  const names = [first, lead.list, lead.sourceList].filter((name) => name !== undefined);
  // A list that nobody knows has no members: it keeps a lead in rather than giving it to all.
  return names.map((name) => market.lists.get(name) ?? NOBODY);
}

function readLife(scene: Scene): void {
  const { life, market, request } = scene;
  const received = new Set<string>();
  const rejected = new Set<string>();
  for (const holding of life.picks) {
    const { state } = holding;
    if (state === 'rejected' || state === 'failed') {
      const contract = market.contracts.get(holding.contractId);
      const changed = contract !== undefined && contract.terms !== holding.terms;
      // Of a failed delivery the client saw nothing: it is passed over in this fallback, not in a later round.
      if (changed || (state === 'failed' && request.trigger !== 'fallback')) continue;
      rejected.add(`contract|${holding.contractId}`);
      if (market.links.clients.get(holding.clientId)?.body.tierDelivery !== true) rejected.add(`client|${holding.clientId}`);
    } else if (state !== 'released') {
      received.add(`client|${holding.clientId}`);
      if (holding.contractGroup !== undefined) received.add(`group|${holding.contractGroup}`);
    }
  }
  scene.received = received.size > 0 ? received : null;
  scene.rejected = rejected.size > 0 ? rejected : null;
}

/** True where a list of the lead's leaves the contract out (D6). */
export function unlisted(scene: Scene, contract: ContractTerms): boolean {
  for (const { clients, contracts } of scene.lists) if (!contracts.has(contract.id) && !clients.has(contract.client.id)) return true;
  return false;
}

export const CAP_GATES = BIT.cap_hour | BIT.cap_day | BIT.cap_week | BIT.cap_month | BIT.cap_total;
export const STATIC_GATES = BIT.criteria | BIT.out_of_range | BIT.no_geo | BIT.score_too_low | BIT.consent;

/** Gates that a person passes over. Sharing and "has it already" always hold (M2, M5). */
export function overrideMask({ request, automatic }: Scene): number {
  if (automatic) return 0;
  let mask = 0;
  for (const gate of request.overrides ?? []) if (gate !== 'share_count' && gate !== 'already_received') mask |= BIT[gate];
  return mask;
}
