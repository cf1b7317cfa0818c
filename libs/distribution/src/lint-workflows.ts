/** Findings about a workflow as a whole. */
import type { Contract, Workflow } from './document.js';
import { isInSomePhase, servingAny, type Outline, type Warn } from './lint-outline.js';
import { unreachableTurnover } from './lint-money.js';

export function workflowFindings(outline: Outline, workflow: Workflow, warn: Warn): void {
  const { id, mode, window } = workflow;
  if (mode === 'window' && !window) warn('window_missing', 'window', `Mode window of workflow ${id} needs a length and an interval.`, 'error');
  const campaigns = outline.campaignsOf.get(id) ?? [];
  if (campaigns.length === 0) return;
  const serving = servingAny(outline, campaigns);
  if (mode !== 'off' && serving.length === 0) {
    warn('no_contracts', '', `No open contract serves a campaign of workflow ${id}: its leads stay unsold.`);
    return;
  }
  const reached = serving.filter((contract) => isInSomePhase(outline, workflow, contract));
  minimumContracts(workflow, reached, warn);
  const turnover = workflow.minimums?.turnover;
  if (turnover === undefined) return;
  unreachableTurnover(outline, reached, turnover, mostPicks(workflow), `workflow ${id}`, (message) =>
    warn('minimum_never_reached', 'minimums.turnover', message));
}

/** What the multiplication and the takes of all groups and rules leave, at most. */
function mostPicks({ maxMultiplication = Infinity, groups = [], rules = [] }: Workflow): number {
  const takes = [...groups, ...rules].reduce((sum, { take = Infinity }) => sum + take, 0);
  return Math.min(maxMultiplication, takes);
}

function minimumContracts(workflow: Workflow, reached: readonly Contract[], warn: Warn): void {
  const contracts = workflow.minimums?.contracts ?? 0;
  const { id, maxMultiplication: most = Infinity } = workflow;
  const miss = (message: string) => warn('minimum_never_reached', 'minimums.contracts', message);
  const sharing = new Set(reached.filter(({ maxShareCount = Infinity }) => maxShareCount >= contracts).map(({ client }) => client)).size;
  if (contracts > most) {
    miss(`A lead of workflow ${id} has at most ${most} buyers (maxMultiplication), so that ${contracts} are never reached: lower one or raise the other.`);
  } else if (contracts > mostPicks(workflow)) {
    miss(`The takes of workflow ${id} add up to ${mostPicks(workflow)}, so that ${contracts} buyers are never reached: lower one or raise the others.`);
  } else if (contracts > sharing) {
    const who = sharing === 0 ? 'No client has' : sharing === 1 ? 'Only one client has' : `Only ${sharing} clients have`;
    miss(`${who} a contract in workflow ${id} that shares a lead with ${contracts - 1} others, so that ${contracts} buyers are never reached.`);
  } else {
    const alone = reached.filter(({ maxShareCount = Infinity }) => maxShareCount < contracts).map((contract) => contract.id);
    if (alone.length === 0) return;
    const message = `They share a lead with too few to ever be among the ${contracts} buyers that workflow ${id} wants: ${alone.join(', ')}. Raise their maxShareCount.`;
    warn('contract_below_minimum', 'minimums.contracts', message);
  }
}
