/**
 * By hand (A3): chosen contracts, all their gates shown, in the order they were named. And cherry-picking (A4), which is no distribution.
 */
import { conclude, meetsMinimums, prepare, type Prepared } from './automatic.js';
import type { Decision } from './decision.js';
import { BIT } from './links.js';
import { Plan } from './plan.js';
import { overrideMask, type Scene } from './scene.js';
import type { ContractTerms } from './terms.js';

/** Gates that also bind who takes a lead from the pool: the rest belongs to distribution, which this is not. */
const CHERRY_GATES = BIT.client_not_active | BIT.contract_not_open | BIT.consent | BIT.already_received
  | BIT.duplicate_person | BIT.credit_limit;

export function decideByHand(scene: Scene): Decision {
  const { market, request } = scene;
  const named = [...new Set(request.contracts)].flatMap((id) => market.contracts.get(id) ?? []);
  const prepared = prepare(scene, named);
  const { field } = prepared;
  const cherry = request.trigger === 'cherryPick';
  if (cherry) for (let candidate = 0; candidate < named.length; candidate++) field.masks[candidate]! &= CHERRY_GATES;
  const overrides = overrideMask(scene);
  const plan = cherry ? new CherryPlan(scene, field) : new Plan(scene, field);
  for (let candidate = 0; candidate < named.length; candidate++) {
    if ((field.masks[candidate]! & ~overrides) === 0) plan.tryPick(candidate, 0, false);
  }
  const outcome = { plan, turns: [], rankings: [], earnings: [], reached: [], rulesMet: [], takesFull: false };
  const counts: Prepared = { ...prepared, inScope: named.length };
  return conclude(scene, counts, outcome, [], {
    workflowId: scene.workflow?.id, minimumsMet: scene.workflow === undefined || meetsMinimums(scene, scene.workflow, plan),
    refused: null, rule: cherry ? 'cherryPick' : 'manual', overrides, full: plan.room <= 0,
  });
}

/** Cherry-picked leads are in no share count and are not affected by it, but where the workflow says that they count (M2 then holds). */
class CherryPlan extends Plan {
  override mayShare(contract: ContractTerms): boolean {
    return this.scene.workflow?.cherryPickCounts !== true || super.mayShare(contract);
  }
}
