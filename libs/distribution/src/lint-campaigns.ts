/** Findings about campaigns: who their lists, forced clients and priorities leave, and whether anything distributes their leads. */
import type { Campaign, Contract } from './document.js';
import { isInSomePhase, isListed, serves, servingAny, type Outline, type Warn } from './lint-outline.js';

export function campaignFindings(outline: Outline, campaign: Campaign, warn: Warn): void {
  const { id } = campaign;
  const { document } = outline;
  if (campaign.workflow === undefined && campaign.pushStrategy === undefined
    && !(document.pushStrategies ?? []).some(({ campaigns }) => campaigns?.includes(id))) {
    warn('campaign_without_workflow', '', `Campaign ${id} has no workflow and no push strategy: its leads are distributed by hand or from the pool only.`);
  }
  priorities(outline, campaign, warn);
  if (campaign.forceElse !== undefined && campaign.forceClient === undefined) {
    warn('force_without_field', 'forceElse', `Campaign ${id} says what happens where a forced client cannot take a lead, and names no field that forces one: add forceClient.`);
  }
  if (campaign.list !== undefined) lists(outline, campaign, campaign.list, warn);
}

function lists(outline: Outline, campaign: Campaign, list: string, warn: Warn): void {
  const { id } = campaign;
  const serving = servingAny(outline, [campaign]);
  const members = serving.filter((contract) => isListed(outline, campaign, contract));
  const workflow = campaign.workflow === undefined ? undefined : outline.workflowsOf.get(campaign.workflow)?.workflow;
  if (members.length === 0) {
    warn('list_leaves_nobody', 'list', `No open contract of campaign ${id} is in the list ${list}: add one, or take the list away.`);
  } else if (workflow && workflow.mode !== 'off' && !members.some((contract) => isInSomePhase(outline, workflow, contract))) {
    warn('list_against_rules', 'list', `The list ${list} and the rules of workflow ${workflow.id} leave no contract that is in both: campaign ${id} sells nothing.`);
  }
  if (campaign.forceClient === undefined) return;
  const outside = new Set(serving.filter((contract) => !members.includes(contract)).map(({ client }) => client));
  for (const { client } of members) outside.delete(client);
  if (outside.size === 0) return;
  warn('force_against_list', 'forceClient', `A lead of campaign ${id} can name them, but the list ${list} keeps them out: ${[...outside].join(', ')}.`);
}

/** A client's priority comes before its contracts': a contract meant to be first is not, if its client comes later. */
function priorities(outline: Outline, campaign: Campaign, warn: Warn): void {
  const workflow = campaign.workflow === undefined ? undefined : outline.workflowsOf.get(campaign.workflow)?.workflow;
  if (![...workflow?.groups ?? [], ...workflow?.rules ?? []].some(({ method }) => method === 'priority')) return;
  const of = ({ client }: Contract) => outline.clients.get(client)?.priority ?? Infinity;
  const contracts = outline.contracts.filter((contract) => serves(contract, campaign.id) && contract.priority !== undefined);
  let last: Contract | undefined;
  for (const contract of contracts.sort((a, b) => of(a) - of(b) || a.priority! - b.priority!)) {
    if (last && of(last) < of(contract) && last.priority! > contract.priority!) {
      warn('priorities_contradict', 'workflow', `${contract.id} has the better priority, but ${last.id} comes first by its client's: give the clients none, or turn them round.`);
    }
    if (!last || contract.priority! > last.priority!) last = contract;
  }
}
