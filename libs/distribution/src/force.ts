/**
 * Force (D5): a field of the lead names its client. The candidates shrink to that client; ranking, groups, weights and rotation do not
 * count, consent, duplicates, credit and orders always do, caps and schedule unless the campaign says otherwise.
 */
import { conclude, prepare } from './automatic.js';
import type { Decision } from './decision.js';
import { BIT } from './links.js';
import { clockOf } from './limits.js';
import type { Phase } from './phases.js';
import { Plan } from './plan.js';
import { bestOwn, type Outcome } from './run-phases.js';
import { CAP_GATES, stands, type Scene } from './scene.js';

/** undefined where the lead is to be distributed as any other. */
export function decideForced(scene: Scene, clientId: string): Decision | undefined {
  const { workflow, campaign, market } = scene;
  const wanted = clientId.trim().toLowerCase();
  const client = [...market.links.clients.values()].find(({ id }) => id.toLowerCase() === wanted);
  const otherwise = campaign?.body.forceElse ?? 'normal';
  // Who it is for has it: nobody else is asked, in later rounds neither.
  const done = scene.life.picks.some((holding) => holding.rule === 'force' && stands(holding));
  const prepared = prepare(scene);
  const { field } = prepared;
  const overrides = maskOf(campaign?.body.forceOver ?? []);
  const own = client ? field.contracts.flatMap((contract, candidate) =>
    (contract.client.id === client.id && (field.masks[candidate]! & ~overrides) === 0 ? [candidate] : [])) : [];
  if (own.length === 0 && otherwise === 'normal' && !done) return undefined;
  const plan = new Plan(scene, field);
  // Everybody else lost to the one it is for.
  const turns = [{ candidates: [...field.contracts.keys()], reached: true, skipped: null }];
  if (own.length > 0) plan.tryPick(bestOwn(scene, field, FORCED, own), 0, false);
  const outcome: Outcome = { plan, turns, rankings: [], earnings: [], reached: [], rulesMet: [], takesFull: plan.picks.length > 0 };
  const decision = conclude(scene, prepared, outcome, [FORCED], {
    workflowId: workflow?.id, minimumsMet: true, refused: null, rule: 'force', overrides, full: plan.picks.length > 0
      || otherwise === 'refuse',
  });
  return decision.kind === 'unsold' && otherwise === 'hold' && !done ? Object.assign(decision, { held: true }) : decision;
}

function maskOf(over: readonly ('caps' | 'schedule')[]): number {
  return (over.includes('caps') ? CAP_GATES : 0) | (over.includes('schedule') ? BIT.schedule_closed | BIT.schedule_missing : 0);
}

const FORCED: Phase = {
  key: 'force', method: 'price', secondary: null, base: null, byClient: false, take: 1, minTurnover: 0, filter: null, reset: 'never',
  timeframe: clockOf('UTC', 'day'), strict: true, stopOnSold: false, separate: false, zone: 'UTC',
};
