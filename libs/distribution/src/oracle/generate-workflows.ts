/** Random workflows: delivery groups and rules of every method, with takes, minimums, resets and bases. */
import type { Contract, GroupPhase, Rule, Workflow } from '../document.js';
import { clean, SETS, some, TIE_BREAKS, ZONES, type Draw } from './draw.js';

export function workflowOf(draw: Draw, id: string, contracts: readonly Contract[]): Workflow {
  const { random, has } = draw;
  return clean<Workflow>({
    id, mode: draw.windows && random.chance(0.8) ? 'window' : 'onArrival',
    window: draw.windows ? { length: random.pick(['PT3H', 'P1D', 'P2D']), every: random.pick(['PT30M', 'PT7H']) } : undefined,
    pauseExtends: draw.windows ? random.chance(0.3) : undefined,
    fallback: draw.windows && has('fallback') && random.chance(0.6) ? random.pick(['w0', 'w1']) : undefined,
    maxMultiplication: some(draw, 0.8, () => random.int(1, 4)), timezone: some(draw, 0.3, () => random.pick(ZONES)),
    priceOptimization: random.pick(draw.windows ? ['pooled', undefined] : ['pooled', 'separate', undefined]),
    cherryPickCountsForShare: has('cherryPick') ? some(draw, 0.4, () => true) : undefined,
    minimums: minimumsOf(draw),
    groups: has('groups') ? some(draw, 0.7, () => ['gold', 'silver'].slice(0, random.int(1, 2)).map((group) => groupOf(draw, group)))
      : undefined,
    rules: Array.from({ length: has('manyRules') ? random.int(2, 3) : 1 }, () => ruleOf(draw, contracts)),
  });
}

/** Whether a forced plan, or one that a script made smaller, is tested by the minimums, nobody says. */
export function minimumsOf(draw: Draw): Workflow['minimums'] {
  const { random, has } = draw;
  if (!has('minimums') || has('force') || has('scripts')) return undefined;
  return some(draw, 0.5, () => clean({
    contracts: some(draw, 0.6, () => random.int(1, 3)), turnover: some(draw, 0.6, () => random.pick(['10.00', '25.00'])),
  }));
}

function groupOf(draw: Draw, group: string): GroupPhase {
  const { random, has } = draw;
  return clean<GroupPhase>({
    ...ranking(draw), group, take: some(draw, 0.6, () => random.int(1, 2)), onSold: random.pick(['stop', 'continue'] as const),
    by: has('byClient') ? some(draw, 0.3, () => 'client' as const) : undefined,
  });
}

function ranking(draw: Draw): Pick<Rule, 'method' | 'secondary' | 'base' | 'reset'> {
  const { random, has } = draw;
  const method = random.pick(draw.methods);
  return {
    method, secondary: has('secondary') ? some(draw, 0.6, () => random.pick(TIE_BREAKS)) : undefined,
    base: method === 'weighted' || method === 'percentage' ? some(draw, 0.5, () => random.pick(TIE_BREAKS)) : undefined,
    // What a turn that breaks a tie between whole sets has decided, nobody says (RR6).
    reset: has('resets') && !SETS.includes(method) ? some(draw, 0.6, () => random.pick(['daily', '7days'] as const)) : undefined,
  };
}

export function ruleOf(draw: Draw, contracts: readonly Contract[]): Rule {
  const { random, has } = draw;
  const ranked = ranking(draw);
  return clean<Rule>({
    ...ranked, take: some(draw, 0.6, () => random.int(1, 3)), by: has('byClient') ? some(draw, 0.6, () => 'client' as const) : undefined,
    minTurnover: has('minimums') && !has('scripts') ? some(draw, 0.4, () => random.pick(['10.00', '22.50'])) : undefined,
    contracts: has('filters') ? some(draw, 0.6, () => random.pick([
      { ids: [random.pick(contracts), ...contracts.filter(() => random.chance(0.6))].map(({ id }) => id) },
      { tags: ['t'] }, { groups: ['gold'] }, { clients: [random.pick(contracts).client], tags: ['t'] },
    ])) : undefined,
    ...(ranked.method === 'percentage'
      ? { timeframe: random.pick(['hour', 'day', 'week', 'month'] as const), strict: random.chance(0.6) } : {}),
  });
}
