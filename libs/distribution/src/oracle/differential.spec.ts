import { describe, expect, it } from '@jest/globals';
import type { Method } from '../document.js';
import type { Scenario } from '../scenario.js';
import { FEATURES, generateScenario, METHODS, type Feature } from './generate.js';
import { runLive } from './live.js';
import { runOracle, type OracleLine } from './run.js';
import { shrink } from './shrink.js';

/** ORACLE_CASES=10000 ORACLE_SEED=monday npx jest differential: more of them, and others. */
const CASES = Number(process.env['ORACLE_CASES'] ?? 1600);
const SEED = process.env['ORACLE_SEED'] ?? 'sluice';

/** What bears on ranking and picking. */
const RANKING: readonly Feature[] = [
  'sharing', 'caps', 'rejections', 'minimums', 'byClient', 'secondary', 'priceTables', 'manyRules', 'resets', 'quality', 'contractGroups',
];

/** First attempt in which the two readings do not agree: who was assigned, at which price, and the reason of everybody else. */
function firstDifference(scenario: Scenario): Difference | undefined {
  return difference(runOracle(scenario), runLive(scenario));
}

type Difference = [oracle: OracleLine | undefined, live: OracleLine | undefined];

function difference(oracle: readonly OracleLine[], live: readonly OracleLine[]): Difference | undefined {
  const same = (place: number) => JSON.stringify(sorted(oracle[place])) === JSON.stringify(sorted(live[place]));
  for (let place = 0; place < Math.max(oracle.length, live.length); place++) if (!same(place)) return [oracle[place], live[place]];
  return undefined;
}

function sorted(line: OracleLine | undefined): unknown {
  if (!line) return undefined;
  const assigned = line.assigned.map(({ contract, price }) => [contract, price]);
  return [line.at, line.lead, line.trigger, assigned, Object.entries(line.refused).sort()];
}

/** Runs the cases of a name; the first that differs is made small and shown with its seed. */
function compare(name: string, cases: number, features: readonly Feature[], methods: readonly Method[]): void {
  for (let place = 0; place < cases; place++) {
    const seed = `${SEED} ${name} ${place}`;
    const scenario = generateScenario(seed, features, methods);
    if (!firstDifference(scenario)) continue;
    const small = shrink(scenario, (smaller) => firstDifference(smaller) !== undefined);
    const [oracle, live] = firstDifference(small) ?? [];
    const parts = [`SEED=${seed}`, JSON.stringify(small, null, 1), 'oracle:', JSON.stringify(oracle), 'live:', JSON.stringify(live)];
    throw new Error(parts.join('\n'));
  }
}

describe('the decision agrees with the second reading of the rules', () => {
  it(`on random set-ups with every method and every feature (${CASES} cases)`, () => {
    compare('all', CASES, FEATURES, METHODS);
  }, 1_800_000);

  it.each(METHODS)('%s alone, shared, capped, turned down', (method) => {
    const share = Math.ceil(CASES / 40);
    compare(method, share, RANKING, [method]);
  }, 1_800_000);

  it('sees a difference where there is one: a contract that pays another price', () => {
    const scenario = generateScenario('blind', [], ['price']);
    const cheaper = { ...scenario.config, contracts: scenario.config.contracts?.map((each) => ({ ...each, price: '1.11' })) };
    expect(difference(runOracle(scenario), runLive(scenario))).toBeUndefined();
    expect(difference(runOracle(scenario), runLive({ ...scenario, config: cheaper }))).toBeDefined();
  });
});
