/** Which held leads a batch may find somebody for. */
import type { Lead, Market } from '@sluice/distribution';
import { UserSeen, type Heard } from '@sluice/events';
import type { HeldLead } from './held.js';
import type { PartitionMemory, TenantMemory } from './memory.js';

/** Held leads that a batch tries again for all that was seen in it of one tenant. Who comes after them waits for the next sign. */
const MOST_WOKEN = 500;

/**
 * The held leads that a batch may try again, by tenant: of each of whom a user was seen, the oldest that can come down to one of those.
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
    const tenant = tenants.get(tenantId)!;
    const reaches = reachOf(tenant, users);
    const woken: HeldLead[] = [];
    for (const lead of tenant.held) {
      if (woken.length === MOST_WOKEN) break;
      if (reaches(lead)) woken.push(lead);
    }
    return [tenantId, woken];
  }));
}

/**
 * Whether a lead can come down to one of the users, as far as its campaign and the criteria on the way say: those that are for somebody
 * else must not stand before those that are for him.
 */
export function reachOf(tenant: TenantMemory, users: ReadonlySet<string>): (lead: HeldLead) => boolean {
  const ways = waysOf(tenant);
  const known = new Map<ReadonlySet<string>, boolean>();
  return (lead) => {
    const down = ways.down(lead);
    let reaches = known.get(down);
    if (reaches === undefined) known.set(down, reaches = [...users].some((user) => down.has(user)));
    return reaches;
  };
}

const ways = new WeakMap<Market, Ways>();

function waysOf({ market, version }: TenantMemory): Ways {
  let known = ways.get(market);
  if (known?.version !== version) ways.set(market, known = new Ways(market, version));
  return known;
}

/** Whom held leads can come down to, worked out once a lead and configuration. It only repeats what the market says of the lead. */
class Ways {
  private readonly ofLead = new WeakMap<HeldLead, ReadonlySet<string>>();
  /** Leads have few ways between them: each is one set. */
  private readonly sets = new Map<string, ReadonlySet<string>>();

  constructor(private readonly market: Market, readonly version: number) {}

  down(held: HeldLead): ReadonlySet<string> {
    let down = this.ofLead.get(held);
    if (down) return down;
    const met = usersOf(this.market, held.lead);
    const name = [...met].join('\n');
    down = this.sets.get(name) ?? met;
    this.sets.set(name, down);
    this.ofLead.set(held, down);
    return down;
  }
}

function usersOf(market: Market, lead: Lead): Set<string> {
  const met = new Set<string>();
  // Held for the client that it names (D5), it waits for no user.
  if (market.workflowOf(lead.campaignId)) return met;
  const strategies = [...market.strategiesOf(lead.campaignId)];
  for (let next = strategies.pop(); next; next = strategies.pop()) {
    if (!next.test(lead)) continue;
    for (const recipient of next.recipients) {
      if (met.has(recipient.to) || !recipient.test(lead)) continue;
      met.add(recipient.to);
      strategies.push(...market.strategiesFrom(recipient.to, lead.campaignId));
    }
  }
  return met;
}
