/** What is surely or probably not meant in a document that is valid: told on `lint`, and as warnings on every apply. */
import type { Campaign, Client, ConfigDocument, Contract, Workflow } from './document.js';
import { contractFindings, orderFindings } from './lint-contracts.js';
import { scriptFindings } from './lint-scripts.js';
import { campaignFindings, ruleFindings, workflowFindings } from './lint-workflows.js';

/** `path` as `contracts[3].caps.day`; `error`: it cannot work as written, `warning`: it works, but hardly as meant. */
export interface Finding { level: 'error' | 'warning'; code: string; path: string; message: string }

export interface LintOptions {
  /** Leads a day of a campaign, where known: what a reset starves is then said exactly. */
  volumes?: Readonly<Record<string, number>>;
}

/** A document with what its parts mean to each other. */
export interface Outline {
  document: ConfigDocument;
  contracts: readonly Contract[];
  clients: ReadonlyMap<string, Client>;
  workflowsOf: Map<string, { workflow: Workflow; place: number }>;
  /** Campaigns by the workflow they use. */
  campaignsOf: Map<string, Campaign[]>;
  volumes: Readonly<Record<string, number>>;
}

/** Findings in the order of the document. */
export function lint(document: ConfigDocument, options: LintOptions = {}): Finding[] {
  const outline = outlineOf(document, options);
  const findings: Finding[] = [];
  outline.contracts.forEach((contract, place) => findings.push(...contractFindings(outline, contract, `contracts[${place}]`)));
  (document.campaigns ?? []).forEach((campaign, place) => findings.push(...campaignFindings(outline, campaign, `campaigns[${place}]`)));
  for (const { workflow, place } of outline.workflowsOf.values()) {
    findings.push(...workflowFindings(outline, workflow, `workflows[${place}]`));
    (workflow.rules ?? []).forEach((rule, at) => findings.push(...ruleFindings(outline, workflow, rule,
      at, `workflows[${place}].rules[${at}]`)));
  }
  (document.orders ?? []).forEach((order, place) => findings.push(...orderFindings(outline, order, `orders[${place}]`)));
  (document.scripts ?? []).forEach((script, place) => findings.push(...scriptFindings(outline, script, `scripts[${place}]`)));
  return findings;
}

function outlineOf(document: ConfigDocument, { volumes = {} }: LintOptions): Outline {
  const campaignsOf = new Map<string, Campaign[]>();
  for (const campaign of document.campaigns ?? []) {
    if (campaign.workflow !== undefined) campaignsOf.set(campaign.workflow, [...(campaignsOf.get(campaign.workflow) ?? []), campaign]);
  }
  return {
    document, contracts: document.contracts ?? [], campaignsOf, volumes,
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
