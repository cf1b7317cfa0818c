/** Makes a scenario smaller while it still shows a difference, so that a person can read it. */
import type { Scenario } from '../scenario.js';

type Tree = { [key: string]: unknown } | unknown[];

/** Drops steps, contracts, rules and settings one at a time, over and over, as long as `differs` stays true. */
export function shrink(scenario: Scenario, differs: (smaller: Scenario) => boolean): Scenario {
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

function tries(scenario: Scenario, differs: (smaller: Scenario) => boolean): boolean {
  try {
    return differs(scenario);
  } catch {
    // A document without what it needs is refused: not the difference that is looked for.
    return false;
  }
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

function without(scenario: Scenario, path: readonly string[]): Scenario | undefined {
  const copy = JSON.parse(JSON.stringify(scenario)) as Scenario;
  let tree = copy as unknown as Record<string, unknown>;
  for (const key of path.slice(0, -1)) tree = tree[key] as Record<string, unknown>;
  const last = path[path.length - 1] as string;
  if (['id', 'at', 'client', 'method', 'mode', 'workflow', 'apiVersion'].includes(last)) return undefined;
  if (Array.isArray(tree)) tree.splice(Number(last), 1); else delete tree[last];
  return copy;
}
