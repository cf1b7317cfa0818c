/**
 * What is wrong with the scripts of a sound document: code that does not compile, and of those that are to run, shadow or active, tests
 * that fail. The sandbox runs them as decisions do.
 */
import type { ConfigDocument, Script } from '@sluice/distribution';
import { testScript, type Sandbox, type Tested } from '@sluice/scripts';
import { faultAt, type DocumentFault } from './faults.js';

/** `only`: of the script with this id. */
export function scriptFaults(
  test: (script: Script, document: ConfigDocument) => Tested, document: ConfigDocument, only?: string,
): DocumentFault[] {
  return (document.scripts ?? []).flatMap((script, place) => {
    if (only !== undefined && script.id !== only) return [];
    const isOn = script.status === 'active' || script.status === 'shadow';
    const { fault, hooks, results } = test(isOn ? script : { ...script, tests: [] }, document);
    if (fault) return [faultAt(['scripts', place, 'code'], 'script', fault.words)];
    if (hooks.length === 0) return [faultAt(['scripts', place, 'code'], 'script', 'expected at least one of the functions filter, score, afterPlan')];
    return results.flatMap(({ passed, name, expected, got }, at) => (
      passed ? [] : [faultAt(['scripts', place, 'tests', at], 'script', `${name}: expected ${expected}, got ${got}`)]));
  });
}

/** Tests in a sandbox, for those who have one. */
export function scriptFaultsIn(sandbox: Sandbox, document: ConfigDocument): DocumentFault[] {
  return scriptFaults((script, whole) => testScript(sandbox, script, whole), document);
}
