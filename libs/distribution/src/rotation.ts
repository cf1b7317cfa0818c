/**
 * Round robin. By default the least recently served comes first, whatever rule served it (RR1); with a reset the rotation is the rule's own
 * and starts again at the first in order of entry (RR4); by the parity switch it is a position in the ordered list (RR5).
 */
import { fnv1a } from '@sluice/kernel';
import type { Market } from './market.js';
import { resetBucket } from './newcomers.js';
import type { Phase } from './phases.js';
import type { Field } from './plan.js';
import type { Column } from './ranking.js';
import type { Scene } from './scene.js';
import type { State } from './state.js';
import type { ContractTerms } from './terms.js';

/**
 * A pointer holds the turn that set it and the place in the order of entry it points at, in one number: places come again and again, and a
 * turn that is given back must not be taken for another. 2^22 places and 2^31 turns fit a double.
 */
const ENTRIES = 2 ** 22;

/** The number a candidate's turn stands at in this phase: low = its turn. */
export function turnColumn(scene: Scene, field: Field, phase: Phase, candidates: readonly number[]): Column {
  const values: number[] = [];
  const { state } = scene;
  const turn = turnReader(scene, phase);
  for (let place = 0; place < candidates.length; place++) {
    const contract = field.contracts[candidates[place]!]!;
    const own = turn === null ? (phase.byClient ? state.clientTurnOf(contract.client) : state.turnOf(contract)) : turn(contract);
    values.push(own);
  }
  return { name: 'turn', values };
}

/** null = the rotation that all rules share. */
function turnReader(scene: Scene, phase: Phase): ((contract: ContractTerms) => number) | null {
  const { market, state, now } = scene;
  if (market.ground.pointer) {
    const last = state.get(pointerKey(phase)) % ENTRIES;
    return (contract) => {
      const entry = phase.byClient ? contract.client.entry : contract.entry;
      // Behind the pointer first, then from the head of the list again.
      return entry > last ? entry - Number.MAX_SAFE_INTEGER : entry;
    };
  }
  const bucket = resetBucket(state, phase.key, phase.reset, phase.zone, now);
  if (bucket === null) return null;
  const began = state.get(`rot0|${phase.key}|${bucket}`);
  return (contract) => {
    const kind = phase.byClient ? 'client' : 'contract';
    const id = phase.byClient ? contract.client.id : contract.id;
    const served = state.get(rotationKey(phase.key, id, bucket));
    if (served > 0) return served;
    // Who was created since the reset counts from its creation; all others are equal, and order of entry decides.
    const born = began > 0 ? state.get(`born|${kind}|${id}`) : 0;
    return born > began ? born : (phase.byClient ? contract.client.entry : contract.entry) - Number.MAX_SAFE_INTEGER;
  };
}

export function rotationKey(phaseKey: string, id: string, bucket: string): string {
  return `rot|${phaseKey}|${id}|${bucket}`;
}

function pointerKey(phase: Phase): string {
  return `ptr|${phase.key}`;
}

/**
 * A contract added to the list that a pointer points into, or removed from it, resets the pointer (RR5). Called after each change, so that
 * one which goes and comes back is seen to have gone.
 */
export function resetPointers(market: Market, state: State): void {
  if (!market.ground.pointer) return;
  for (const { phases } of market.workflows.values()) {
    for (const phase of phases.filter(({ method, base, secondary }) => [method, base, secondary].includes('roundRobin'))) {
      const members = [...market.contracts.values()].filter((contract) => phase.filter === null || phase.filter(contract));
      // 0 = never seen.
      const list = fnv1a(members.map(({ id }) => id).sort().join('|')) + 1;
      const known = state.get(`ptrlist|${phase.key}`);
      if (known !== 0 && known !== list) state.set(pointerKey(phase), 0);
      state.set(`ptrlist|${phase.key}`, list);
    }
  }
}

/** Moves what a pick in this phase moves beyond the shared turn: key and new value. `turn` is the number the pick took. */
export function ownRotation(
  market: Market, state: State, phase: Phase, contract: ContractTerms, turn: number, now: number,
): { key: string; value: number }[] {
  const id = phase.byClient ? contract.client.id : contract.id;
  const { entry } = phase.byClient ? contract.client : contract;
  if (market.ground.pointer) return [{ key: pointerKey(phase), value: turn * ENTRIES + entry }];
  const bucket = resetBucket(state, phase.key, phase.reset, phase.zone, now);
  return bucket === null ? [] : [{ key: rotationKey(phase.key, id, bucket), value: turn }];
}
