/** Which campaigns' windows a change of the configuration may end the wait of. When in doubt, they are woken. */
import type { Campaign, Client, Contract, DeliveryMethod, Order, PushStrategy, Script, Workflow } from '@sluice/distribution';
import { differingPaths } from './changes.js';
import { campaignsOf, type StoredItem } from './window-terms.js';

/** What says nothing of who gets a lead that is in already. */
const INERT: Readonly<Record<string, ReadonlySet<string>>> = {
  client: new Set(['name', 'assignedUser', 'removalNotifications', 'createdAt']),
  contract: new Set(['name', 'createdAt']),
  campaign: new Set(['name', 'duplicates', 'unknownFields', 'deadline']),
  // A window that is open keeps the terms that it was opened on.
  workflow: new Set(['name', 'window', 'pauseExtends', 'fallback']),
  pushStrategy: new Set(['name']),
  deliveryMethod: new Set(['name']),
  list: new Set(['name']),
  script: new Set(['name', 'tests', 'version']),
};

/** Where less lets nobody in. */
const LIMIT = /^(caps|caps\.(hour|rolling60m|day|week|month|total)(\.(count|amount))?|creditLimit|quantity|amount|overdraw)$/;

type Found = readonly string[] | 'all';

/**
 * From the items that stood (removed ones with body null) and those that changed, in their new form. Answers campaigns that are there after
 * the change.
 */
export function campaignsWoken(before: readonly StoredItem[], changed: readonly StoredItem[]): string[] {
  const items = new Map(before.map((item) => [keyOf(item), item]));
  const olds = new Map(changed.map((item) => [item, items.get(keyOf(item))?.body ?? null]));
  for (const item of changed) items.set(keyOf(item), item);
  const after = new Document([...items.values()]);
  const woken = new Set<string>();
  for (const [item, old] of olds) {
    const found = concerned(item, old, after);
    if (found === 'all') return [...after.campaigns.keys()];
    for (const campaign of found) if (after.campaigns.has(campaign)) woken.add(campaign);
  }
  return [...woken];
}

function concerned({ kind, id, body }: StoredItem, old: unknown, after: Document): Found {
  if (old !== null && body !== null && !mayOpen(kind, old, body)) return [];
  // A script takes contracts away and gives none, so that what may open something is that it does so no longer.
  if (kind === 'script') return (old as Script | null)?.status === 'active' ? campaignsOf(old as Script) : [];
  if (body === null) return kind === 'order' ? after.ofContract((old as Order | null)?.contract) : [];
  switch (kind) {
    case 'contract': return ((body as Contract).status ?? 'open') === 'open' ? campaignsOf(body as Contract) : [];
    case 'client': return ((body as Client).status ?? 'active') === 'active' ? after.ofContracts(({ client }) => client === id) : [];
    case 'order': return ((body as Order).status ?? 'active') === 'active' ? after.ofContract((body as Order).contract) : [];
    case 'deliveryMethod': return (body as DeliveryMethod).enabled === false ? [] : after.ofContracts((one) => one.deliveryMethod === id);
    case 'campaign': return [id];
    case 'workflow': return (body as Workflow).mode === 'off' ? [] : after.ofWorkflow(id);
    case 'pushStrategy': return after.pushed();
    case 'list': case 'settings': return 'all';
    default: return [];
  }
}

/** Whether a changed item may let somebody in who was kept out. */
function mayOpen(kind: string, old: unknown, body: unknown): boolean {
  return differingPaths(old, body).some((path) => !INERT[kind]?.has(path.split('.')[0]!) && !(LIMIT.test(path) && isLower(at(old, path), at(body, path))));
}

/** An amount stands as text or number; what was without a limit and has one is lower too. */
function isLower(old: unknown, now: unknown): boolean {
  if (old === undefined) return now !== undefined;
  if (typeof now !== 'number' && typeof now !== 'string') return false;
  return (typeof old === 'number' || typeof old === 'string') && Number(now) <= Number(old);
}

function at(body: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key], body);
}

/** The items as they stand after the change, as far as they say which campaigns something concerns. */
class Document {
  readonly campaigns: ReadonlyMap<string, Campaign>;
  private readonly contracts: readonly Contract[];
  private readonly strategies: readonly PushStrategy[];

  constructor(items: readonly StoredItem[]) {
    const standing = items.filter(({ body }) => body !== null);
    const of = <T>(kind: string) => standing.filter((item) => item.kind === kind).map(({ id, body }) => [id, body as T] as const);
    this.campaigns = new Map(of<Campaign>('campaign'));
    this.contracts = of<Contract>('contract').map(([id, body]) => ({ ...body, id }));
    this.strategies = of<PushStrategy>('pushStrategy').map(([, body]) => body);
  }

  ofContract(id: string | undefined): Found {
    return this.ofContracts((contract) => contract.id === id);
  }

  ofContracts(test: (contract: Contract) => boolean): Found {
    const found = new Set<string>();
    for (const contract of this.contracts) {
      if (!test(contract)) continue;
      const campaigns = campaignsOf(contract);
      if (campaigns === 'all') return 'all';
      for (const campaign of campaigns) found.add(campaign);
    }
    return [...found];
  }

  ofWorkflow(id: string): Found {
    return [...this.campaigns].filter(([, { workflow }]) => workflow === id).map(([campaign]) => campaign);
  }

  /** Strategies hand leads on to each other: each may concern every campaign whose leads are pushed. */
  pushed(): Found {
    const named = [...this.campaigns].filter(([, { pushStrategy }]) => pushStrategy !== undefined).map(([campaign]) => campaign);
    return [...named, ...this.strategies.flatMap(({ campaigns }) => campaigns ?? [])];
  }
}

const keyOf = ({ kind, id }: StoredItem) => `${kind}\n${id}`;
