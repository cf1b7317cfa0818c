/** Which held leads a batch may find somebody for. */
import type { Market } from '@sluice/distribution';
import { UserSeen, type Heard } from '@sluice/events';
import type { HeldLead } from './held.js';
import type { PartitionMemory } from './memory.js';

/** Held leads that a batch tries again for all that was seen in it of one tenant. Who comes after them waits for the next sign. */
const MOST_WOKEN = 500;

/**
 * The held leads that a batch may try again, by tenant: of each of whom a user was seen, the oldest whose way down leads to one of those.
 * Asked twice of the same memory, to fetch them and to decide them, it must answer the same.
 */
export function wokenLeads(events: readonly Heard[], { tenants }: Pick<PartitionMemory, 'tenants'>): Map<string, HeldLead[]> {
  const seenOf = new Map<string, Set<string>>();
  for (const { type, tenantId, data } of events) {
    if (type !== UserSeen.type || !tenants.get(tenantId)?.held.size) continue;
    const users = seenOf.get(tenantId);
    if (users) users.add((data as UserSeen).userId); else seenOf.set(tenantId, new Set([(data as UserSeen).userId]));
  }
  return new Map([...seenOf].map(([tenantId, users]) => {
    const { held, market } = tenants.get(tenantId)!;
    const reaches = reachOf(market, users);
    const woken: HeldLead[] = [];
    for (const lead of held) {
      if (woken.length === MOST_WOKEN) break;
      if (reaches(lead.campaignId)) woken.push(lead);
    }
    return [tenantId, woken];
  }));
}

/** Whether a campaign's leads can come down to one of the users; each campaign is looked at once. */
export function reachOf(market: Market, users: ReadonlySet<string>): (campaignId: string) => boolean {
  const known = new Map<string, boolean>();
  return (campaignId) => {
    let reaches = known.get(campaignId);
    if (reaches === undefined) known.set(campaignId, reaches = isReached(market, campaignId, users));
    return reaches;
  };
}

function isReached(market: Market, campaignId: string, users: ReadonlySet<string>): boolean {
  // Held for the client that it names (D5), it waits for no user.
  if (market.workflowOf(campaignId)) return false;
  const met = new Set<string>();
  const strategies = [...market.strategiesOf(campaignId)];
  for (let next = strategies.pop(); next; next = strategies.pop()) {
    for (const { to } of next.recipients) {
      if (users.has(to)) return true;
      if (met.has(to)) continue;
      met.add(to);
      strategies.push(...market.strategiesFrom(to, campaignId));
    }
  }
  return false;
}
