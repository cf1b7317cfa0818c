/** Makes a scenario smaller while it still shows a difference, so that a person can read it. */
import type { Case } from './case.js';

type Tree = { [key: string]: unknown } | unknown[];

/** Keys without which what stands around them means nothing. */
const KEPT = [
  'id', 'at', 'client', 'method', 'mode', 'workflow', 'apiVersion', 'group', 'lookBack', 'campaign', 'deliveryMethod', 'contract', 'lead',
  'window', 'length', 'every', 'start', 'outcome', 'method', 'until', 'to', 'from', 'after', 'user',
];

/** Drops steps, contracts, rules and settings one at a time, over and over, as long as `differs` stays true. */
export function shrink(scenario: Case, differs: (smaller: Case) => boolean): Case {
  let smallest = scenario;
  for (let changed = true; changed;) {
    changed = false;
    for (const path of pathsOf(smallest as unknown as Tree)) {
      const smaller = without(smallest, path);
      if (smaller && tries(smaller, differs)) {
        smallest = smaller;
        changed = true;
        break;
      }
    }
  }
  return smallest;
}

function tries(scenario: Case, differs: (smaller: Case) => boolean): boolean {
  try {
    return isWhole(scenario) && differs(scenario);
  } catch {
    // A document without what it needs is refused: not the difference that is looked for.
    return false;
  }
}

/** Nothing names what is not there: such a document would be refused, and what it does means nothing. */
function isWhole({ config, timeline = [] }: Case): boolean {
  const has = (list: readonly { id: string }[] = [], id?: string) => id === undefined || list.some((each) => each.id === id);
  return (config.contracts ?? []).every(({ client }) => has(config.clients, client))
    && (config.contracts ?? []).every(({ deliveryMethod }) => has(config.deliveryMethods, deliveryMethod))
    && (config.workflows ?? []).every(({ rules }) => rules !== undefined && rules.length > 0)
    && (config.workflows ?? []).every(({ rules }) => rules?.every(({ contracts }) => (
      contracts === undefined || Object.values(contracts).some((names) => names.length > 0))))
    && (config.campaigns ?? []).every(({ workflow, list }) => has(config.workflows, workflow) && has(config.lists, list))
    && (config.orders ?? []).every(({ contract }) => has(config.contracts, contract))
    && (config.orders ?? []).every(({ quantity, amount }) => (quantity ?? amount) !== undefined)
    && timeline.every((step) => !('distribute' in step) || step.distribute.rules !== undefined
      || (step.distribute.contracts ?? []).length > 0)
    && timeline.every((step) => !('distribute' in step) || has(config.workflows, step.distribute.rules))
    && timeline.every((step) => !('lead' in step) || typeof step.lead === 'string' || step.lead.campaign === '' || has(config.campaigns, step.lead.campaign));
}

/** All places in the document, the large ones first. */
function pathsOf(tree: Tree, above: readonly string[] = []): string[][] {
  const here = Object.keys(tree).filter((key) => !(above.length === 0 && key !== 'config' && key !== 'timeline')).reverse();
  const below = here.flatMap((key) => {
    const value = (tree as Record<string, unknown>)[key];
    return typeof value === 'object' && value !== null ? pathsOf(value as Tree, [...above, key]) : [];
  });
  return [...(above.length > 0 ? here.map((key) => [...above, key]) : []), ...below];
}

function without(scenario: Case, path: readonly string[]): Case | undefined {
  const copy = JSON.parse(JSON.stringify(scenario)) as Case;
  let tree = copy as unknown as Record<string, unknown>;
  for (const key of path.slice(0, -1)) tree = tree[key] as Record<string, unknown>;
  const last = path[path.length - 1] as string;
  if (KEPT.includes(last)) return undefined;
  if (Array.isArray(tree)) tree.splice(Number(last), 1); else delete tree[last];
  return copy;
}
