/**
 * The verdict of every contract in scope. A decision keeps those that its index let through; what it left out is computed here from the
 * same version of the configuration, so that a decision's cost does not grow with contracts that do not match.
 */
import { priceAsked, shutGates, type Details } from './gates.js';
import { topReason } from './automatic.js';
import type { Decision, Trigger, Verdict } from './decision.js';
import { failingCondition } from './criteria.js';
import { newLife, type Lead, type Life } from './lead.js';
import { BIT } from './links.js';
import type { Market } from './market.js';
import { overrideMask, sceneOf } from './scene.js';
import { State } from './state.js';
import type { Gate, ReasonCode, UnsoldReason } from './reasons.js';
import { firstGate, gatesIn } from './verdicts.js';

/** What a decision was asked besides the lead; `overrides`: gates that a person passed over, which are shown and are no reason. */
export interface ExplainedMoment { state: State; life: Life; trigger?: Trigger; overrides?: readonly Gate[] }

/**
 * Stored verdicts and those of the contracts that the index left out, in order of entry, each with the condition that failed and the
 * lead's value. With the state and life of that moment their caps and the like are in it too; without, what the configuration alone says.
 */
export function explain(
  market: Market, lead: Lead, verdicts: readonly Verdict[], now: number, moment?: ExplainedMoment,
): Verdict[] {
  const known = new Map(verdicts.map((verdict) => [verdict.contractId, verdict]));
  const scene = sceneOf(market, moment?.state ?? State.load(), lead, moment?.life ?? newLife(),
    { trigger: moment?.trigger ?? 'arrival', overrides: moment?.overrides }, now, () => 0);
  const overrides = overrideMask(scene);
  const explained: Verdict[] = [];
  for (const contract of market.inScope(lead.campaignId)) {
    const verdict = known.get(contract.id);
    known.delete(contract.id);
    if (verdict) { explained.push(verdict); continue; }
    const details: Details = [];
    const failing = failingCondition(contract.body.criteria, lead, market.ground.regex);
    const mask = shutGates(scene, contract, priceAsked(scene, contract), details) | (failing === null ? 0 : BIT.criteria);
    if ((mask & ~overrides) === 0) continue;
    const outside: Verdict = { contractId: contract.id, clientId: contract.client.id, code: firstGate(mask & ~overrides),
      gates: gatesIn(mask) };
    if (failing !== null) outside.detail = failing;
    if (details[0]) outside.limit = details[0].detail;
    explained.push(outside);
  }
  // What is no contract in scope: recipients of a push strategy, contracts named by hand.
  return [...explained, ...known.values()];
}

/**
 * Why a lead as a whole was not sold, null where it was. The decision counts what its index left out as `criteria`; with the verdicts of
 * all contracts each counts by its own first reason.
 */
export function reasonOf(decision: Decision, verdicts: readonly Verdict[]): UnsoldReason | null {
  if (decision.kind !== 'unsold') return null;
  const { reason, considered } = decision;
  if (considered.notMatched === 0 || verdicts.length === 0 || reason === 'total_minimum') return reason;
  const counts: Partial<Record<ReasonCode, number>> = {};
  for (const { code } of verdicts) if (code !== 'picked') counts[code] = (counts[code] ?? 0) + 1;
  return reason === topReason(considered.reasons) ? topReason(counts) : reason;
}
