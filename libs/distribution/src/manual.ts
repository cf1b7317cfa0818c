/**
 * By hand (A3): chosen contracts, all their gates shown, in the order they were named. And cherry-picking (A4), which is no distribution.
 */
import { conclude, meetsMinimums, overrideMask, prepare, type Prepared } from './automatic.js';
import type { Decision } from './decision.js';
import { holds } from './conditions.js';
import { fieldOf } from './fields.js';
import { qualifiedKey } from './limits.js';
import { BIT } from './links.js';
import { Plan } from './plan.js';
import { STATIC_GATES, type Scene } from './scene.js';
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
  for (let candidate = 0; candidate < named.length; candidate++) {
    if (!letsIn(named[candidate]!, scene)) field.masks[candidate]! |= BIT.criteria;
    if (cherry) field.masks[candidate]! &= CHERRY_GATES;
  }
  // A contract whose criteria do not let the lead in has no qualified lead more by it (P3).
  prepared.qualified = named.flatMap(({ qualified }, candidate) => (
    (field.masks[candidate]! & STATIC_GATES) === 0 ? qualified.map((share) => qualifiedKey(share, scene.now)) : []));
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

/** Cherry-picked leads are in no share count and are not affected by it. */
class CherryPlan extends Plan {
  override mayShare(): boolean {
    return true;
  }
}

function letsIn(contract: ContractTerms, { lead }: Scene): boolean {
  if (contract.campaigns !== null && !contract.campaigns.includes(lead.campaignId)) return false;
  return contract.alternatives.some((conjunction) => conjunction.every((atom) => holds(atom, fieldOf(lead, atom.field), lead)));
}
