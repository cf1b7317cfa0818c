/**
 * Who gets a lead. One function for live runs, previews, explanations, simulations and replays (F1): it reads no clock, no chance and no
 * store, and moves nothing. Equal ranks fall to the order of entry, so every list is totally ordered (F3).
 */
import type { Decision, Hooks, Request, ScriptNote, Seed } from './decision.js';
import { decideForced } from './force.js';
import type { Lead, Life } from './lead.js';
import { decideByHand } from './manual.js';
import type { Market } from './market.js';
import { planAutomatic, unsold } from './automatic.js';
import { decidePush } from './push.js';
import { sceneOf, type Scene } from './scene.js';
import type { State } from './state.js';

/**
 * Who gets the lead. Moves nothing; the same arguments give the same answer to the byte. `now` in epoch milliseconds. Deadlines (F5) are
 * the
 * caller's: it asks for a fallback only before them.
 */
export function decide(market: Market, state: State, lead: Lead, life: Life, request: Request, now: number, seed: Seed): Decision {
  const made = (hooks: Hooks | undefined): Decision => {
    const asked = hooks === request.hooks ? request : { ...request, hooks };
    const decision = decided(sceneOf(market, state, lead, life, asked, now, seed));
    return hooks?.again?.() ? made(hooks) : decision;
  };
  const { hooks } = request;
  const decision = made(hooks);
  if (!hooks) return decision;
  const notes = [...hooks.notes?.(lead, now) ?? []];
  for (const trial of hooks.trials?.(lead, now) ?? []) {
    const tried = made(trial);
    for (const note of trial.notes?.(lead, now) ?? []) notes.push(note.status === 'applied' ? differenceOf(note, decision, tried) : note);
  }
  return notes.length > 0 ? Object.assign(decision, { scripts: notes }) : decision;
}

function differenceOf({ id, version }: ScriptNote, decision: Decision, tried: Decision): ScriptNote {
  const without = (a: Decision, b: Decision) => a.picks.map(({ contractId }) => contractId)
    .filter((id) => !b.picks.some(({ contractId }) => contractId === id));
  const lost = without(decision, tried);
  const won = without(tried, decision);
  return { id, version, status: 'shadow', ...(lost.length > 0 ? { lost } : {}), ...(won.length > 0 ? { won } : {}) };
}

function decided(scene: Scene): Decision {
  const { market, lead, request } = scene;
  if (request.contracts !== undefined) return decideByHand(scene);
  if (scene.workflow === undefined) {
    const strategies = market.strategiesOf(lead.campaignId);
    return strategies.length > 0 ? decidePush(scene, strategies) : unsold(scene, 'no_workflow');
  }
  // A workflow that is off distributes nothing by itself; a person may still let its rules decide, or a window fall back on it.
  if (scene.workflow.mode === 'off' && scene.automatic && request.workflow === undefined) return unsold(scene, 'no_workflow');
  const field = scene.campaign?.body.forceClient;
  const forced = field === undefined || !scene.automatic ? undefined : lead.attributes[field];
  if (forced !== undefined && forced !== null && forced !== '') {
    const decision = decideForced(scene, String(forced));
    if (decision) return decision;
  }
  return planAutomatic(scene, scene.workflow);
}
