import { unsold } from './automatic.js';
import type { Decision, Pick } from './decision.js';
import type { Holding, Life } from './lead.js';
import type { Market } from './market.js';
import type { StrategyTerms } from './phases.js';
import type { Scene } from './scene.js';
import type { State } from './state.js';

export function decidePush(scene: Scene, _strategies: readonly StrategyTerms[]): Decision {
  return unsold(scene, 'no_workflow');
}

export function reservePush(
  _market: Market, _state: State, _life: Life, _decision: Decision, _now: number, _idOf: (pick: Pick, index: number) => string,
): Holding[] {
  return [];
}
