/**
 * Percentage: fixed shares of the leads that reach a rule within a timeframe (P1, P2). Who is furthest behind its share wins. Strict holds
 * a lead back rather than pass a share; else `base` decides once the shares are used up. Shares are compared in whole units of a
 * ten-thousandth percent, so that no float decides.
 */
import { ceilPercent } from './limits.js';
import type { Phase } from './phases.js';
import { FATE, type Field, type Plan } from './plan.js';
import { column, tieColumns, type Column } from './ranking.js';
import type { Scene } from './scene.js';

const UNITS = 10_000;

/** '' = all leads that reached the rule. */
export function percentageKey(phase: Phase, id: string, now: number): string {
  return `pct|${phase.key}|${id}|${phase.timeframe.at(now).name}`;
}

/** Candidates that may be taken, and the columns that order them. */
export function percentageColumns(
  scene: Scene, field: Field, phase: Phase, candidates: readonly number[], plan: Plan,
): { candidates: readonly number[]; columns: Column[] } {
  const { state, life, now } = scene;
  const total = percentageKey(phase, '', now);
  const leads = state.get(total) + (life.counted.includes(total) ? 0 : 1);
  const share = (candidate: number) => (phase.byClient ? field.contracts[candidate]!.client : field.contracts[candidate]!).percentage;
  const id = (candidate: number) => (phase.byClient ? field.contracts[candidate]!.client : field.contracts[candidate]!).id;
  const had = new Map<number, number>();
  for (const candidate of candidates) if (share(candidate) >= 0) had.set(candidate, state.get(percentageKey(phase, id(candidate), now)));
  const within = (candidate: number) => had.get(candidate)! + 1 <= ceilPercent(share(candidate), leads);
  const allowed = candidates.filter((candidate) => {
    if (share(candidate) < 0 || !phase.strict || within(candidate)) return true;
    plan.note(candidate, FATE.heldBack);
    return false;
  });
  // Those within their share come first; the rest of the leads goes by the base method: to contracts without a share where there are any,
  // and only then past the shares of the others, which `strict: false` allows.
  const owed = column('owed', allowed, (candidate) => (share(candidate) < 0 ? 1 : within(candidate) ? 0 : 2));
  const shortfall = column('shortfall', allowed, (candidate) => (share(candidate) >= 0 && within(candidate)
    ? had.get(candidate)! * 100 * UNITS - Math.round(share(candidate) * UNITS) * leads : 0));
  const first = field.scores ? [column('score', allowed, (candidate) => -field.scores![candidate]!)] : [];
  return { candidates: allowed, columns: [...first, owed, shortfall, ...tieColumns(scene, field, phase, allowed)] };
}
