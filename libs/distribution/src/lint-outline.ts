/** A document with what its parts mean to each other: what every finding is looked up in. */
import type { Campaign, Client, ConfigDocument, Contract, Rule, Workflow } from './document.js';

/** `path` as `contracts[3].caps.day`; `error`: it cannot work as written, `warning`: it works, but hardly as meant. */
export interface Finding { level: 'error' | 'warning'; code: string; path: string; message: string }

export type Warn = (code: string, at: string, message: string, level?: Finding['level']) => void;

export interface Outline {
  document: ConfigDocument;
  contracts: readonly Contract[];
  clients: ReadonlyMap<string, Client>;
  workflowsOf: Map<string, { workflow: Workflow; place: number }>;
  /** Campaigns by the workflow they use, also where it is the one that theirs falls back on. */
  campaignsOf: Map<string, Campaign[]>;
  volumes: Readonly<Record<string, number>>;
  /** Prices that were read: of thousands of contracts they are asked for again and again. */
  flatPrices: Map<Contract, bigint>;
}

export function outlineOf(document: ConfigDocument, volumes: Readonly<Record<string, number>>): Outline {
  const campaignsOf = new Map<string, Campaign[]>();
  const use = (workflow: string, campaign: Campaign) => campaignsOf.set(workflow, [...(campaignsOf.get(workflow) ?? []), campaign]);
  for (const campaign of document.campaigns ?? []) {
    const workflow = document.workflows?.find(({ id }) => id === campaign.workflow);
    if (workflow) use(workflow.id, campaign);
    if (workflow?.fallback !== undefined && workflow.fallback !== workflow.id) use(workflow.fallback, campaign);
  }
  return {
    document, contracts: document.contracts ?? [], campaignsOf, volumes, flatPrices: new Map(),
    clients: new Map((document.clients ?? []).map((client) => [client.id, client])),
    workflowsOf: new Map((document.workflows ?? []).map((workflow, place) => [workflow.id, { workflow, place }])),
  };
}

/** Contracts that the leads of one of the campaigns could go to. */
export function servingAny(outline: Outline, campaigns: readonly Campaign[]): Contract[] {
  return outline.contracts.filter((contract) => isOpen(outline, contract) && campaigns.some(({ id }) => serves(contract, id)));
}

export function serves({ campaigns }: Contract, campaignId: string): boolean {
  return !campaigns || campaigns.length === 0 || campaigns.includes(campaignId);
}

export function groupOf({ clients }: Outline, contract: Contract): string | undefined {
  return contract.group ?? clients.get(contract.client)?.group;
}

function isOpen({ clients }: Outline, contract: Contract): boolean {
  return (contract.status ?? 'open') !== 'closed' && (clients.get(contract.client)?.status ?? 'active') !== 'inactive';
}

/** Whether a rule's filter lets a contract in. */
export function letsIn(outline: Outline, { contracts: filter }: Rule, contract: Contract): boolean {
  if (!filter || [filter.groups, filter.tags, filter.ids, filter.clients].every((some) => (some ?? []).length === 0)) return true;
  const group = groupOf(outline, contract);
  return has(filter.ids, contract.id) || (group !== undefined && has(filter.groups, group)) || has(filter.clients, contract.client)
    || (filter.tags ?? []).some((tag) => contract.tags?.includes(tag));
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Lists of thousands are asked for each of thousands of contracts. */
function has(list: readonly string[] | undefined, id: string): boolean {
  if (list === undefined) return false;
  let set = sets.get(list);
  if (!set) sets.set(list, (set = new Set(list)));
  return set.has(id);
}

/** Whether a group or rule of the workflow lets the contract in. */
export function isInSomePhase(outline: Outline, workflow: Workflow, contract: Contract): boolean {
  const group = groupOf(outline, contract);
  return (workflow.groups ?? []).some((phase) => phase.group === group)
    || (workflow.rules ?? []).some((rule) => letsIn(outline, rule, contract));
}

/** Whether the campaign's own list lets it in; a lead or a source can only narrow it further. */
export function isListed({ document }: Outline, { list: name }: Campaign, contract: Contract): boolean {
  if (name === undefined) return true;
  const list = (document.lists ?? []).find(({ id }) => id === name);
  return has(list?.contracts, contract.id) || has(list?.clients, contract.client);
}

/** Nothing ever stops it from taking a lead of these campaigns but that it turns it down. */
export function takesEveryLead(outline: Outline, contract: Contract, campaigns: readonly Campaign[]): boolean {
  const client = outline.clients.get(contract.client);
  const own = [contract.criteria, contract.schedule, contract.caps, contract.radiusKm, contract.minScore, contract.maxAge,
    contract.duplicateLookBack, contract.percentageLimit];
  const ofClient = [client?.caps, client?.percentageLimit, client?.creditLimit, client?.requireConsent];
  const isOpenNow = (contract.status ?? 'open') === 'open' && (client?.status ?? 'active') === 'active'
    && contract.automation !== false && client?.automation !== false;
  return isOpenNow && contract.order !== 'required' && outline.document.requireSchedule !== true
    && [...own, ...ofClient].every((term) => term === undefined)
    && campaigns.every((campaign) => serves(contract, campaign.id) && campaign.forceClient === undefined
      && isListed(outline, campaign, contract));
}
