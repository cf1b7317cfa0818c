/** Findings about one script: that it is never asked, or that its tests show less than they seem to. */
import type { Contract, Script } from './document.js';
import { contradicts } from './lint-contracts.js';
import { serves, type Finding, type Outline } from './lint-outline.js';

export function scriptFindings(outline: Outline, script: Script, path: string): Finding[] {
  if ((script.status ?? 'off') === 'off') return [];
  const findings: Finding[] = [];
  const warn = (code: string, at: string, message: string) =>
    findings.push({ level: 'warning', code, path: at ? `${path}.${at}` : path, message });
  if (contradicts(script.when)) {
    warn('script_never_asked', 'when', `No lead can meet these criteria: they contradict each other, and script ${script.id} never has a say.`);
  }
  const closed = closedOf(outline, script);
  if (closed !== null) warn('script_never_asked', 'contracts', closed);
  const idle = idleOf(outline, script);
  if (idle !== null) warn('script_never_asked', 'campaigns', idle);
  const tests = script.tests ?? [];
  if (tests.length === 0) warn('script_without_tests', 'tests', `Script ${script.id} is ${script.status} and has no tests: nothing shows that it does what is meant.`);
  const filters = tests.filter(({ hook }) => hook === 'filter');
  if (filters.length > 0 && filters.every(({ expect }) => expect !== true)) {
    warn('script_refuses_all', 'tests', `Every test of the filter of ${script.id} is refused: none shows a contract that it lets in.`);
  }
  return findings;
}

/** Contracts that it is attached to, of which none can get a lead by a rule; null where one can. */
function closedOf({ contracts, clients }: Outline, script: Script): string | null {
  if (!script.contracts?.length) return null;
  const isOpen = ({ status = 'open', client }: Contract) => status !== 'closed' && (clients.get(client)?.status ?? 'active') !== 'inactive';
  const own = contracts.filter(({ id }) => script.contracts!.includes(id));
  if (!own.some(isOpen)) return `All contracts that script ${script.id} is attached to are closed.`;
  const { campaigns } = script;
  if (!campaigns?.length || own.some((contract) => campaigns.some((id) => serves(contract, id)))) return null;
  return `None of the contracts that script ${script.id} is attached to takes leads of its campaigns.`;
}

/** Campaigns whose leads no workflow distributes: scripts are asked by the rules of one. */
function idleOf({ document, workflowsOf }: Outline, script: Script): string | null {
  if (!script.campaigns?.length) return null;
  const own = (document.campaigns ?? []).filter(({ id }) => script.campaigns!.includes(id));
  const isServed = own.some(({ workflow }) => workflow !== undefined && (workflowsOf.get(workflow)?.workflow.mode ?? 'onArrival') !== 'off');
  return isServed ? null : `No workflow distributes the leads of the campaigns that script ${script.id} is attached to.`;
}
